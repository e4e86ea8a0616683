package migrate

import (
	"context"
	"strings"

	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/destination"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/record"
	"github.com/residency/residency/migrate/writeblock"
)

// certify writes the certificate, with the digest of every file it rests on.
func (w *work) certify(ctx context.Context) error {
	standing, _, err := writeblock.Look(ctx, w.run)
	w.result.Fence = standing
	if err != nil {
		return err
	}
	w.result.Finished = w.run.Now().UTC()
	r := w.result
	c := &certificate.Certificate{
		Schema: certificate.Schema, Tool: w.tool, Configuration: r.Configuration, Started: r.Started, Finished: r.Finished,
		NotCompared: r.NotCompared,
		SourceEmpty: r.SourceEmpty, Found: r.Found, Left: r.Left, Fence: r.Fence, NotFenced: r.NotFenced,
		OwnerChecks: r.OwnerChecks, Callers: r.Callers,
	}
	if r.copies.Streamed > 0 {
		c.Transit.Host = w.host
		c.Transit.Note = "streamed bytes passed through the memory of the machine named; the country of that machine was " +
			"not determined"
	} else {
		c.Transit.Note = "no byte passed through the machine that ran this program"
	}
	c.Parity = destination.Parity(ctx, w.run)
	if err := derive(ctx, w.run, w.result, c); err != nil {
		return err
	}
	data, err := c.Encode()
	if err != nil {
		return err
	}
	if err := w.run.Home.Put(ctx, w.run.Name(record.CertificateFile), data); err != nil {
		return err
	}
	r.Certificate = strings.TrimSuffix(w.run.Home.String(), "/") + "/" + w.run.Name(record.CertificateFile)
	return nil
}

func region(r plan.Region) certificate.Region {
	return certificate.Region{Provider: r.Provider, Region: r.Code, Country: r.Country, Operator: r.Operator,
		OperatorCountry: r.OperatorCountry}
}
