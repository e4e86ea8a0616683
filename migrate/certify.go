package migrate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/state"
)

// certify writes the certificate, with the digest of every file it rests on.
func (w *work) certify(ctx context.Context) error {
	if _, err := w.lookFence(ctx); err != nil {
		return err
	}
	w.result.Finished = w.Now().UTC()
	p, r := w.plan, w.result
	c := &certificate.Certificate{
		Schema: certificate.Schema, Tool: w.Tool, Plan: p.ID, PlanDigest: p.Digest, Customer: p.Customer,
		Started: r.Started, Finished: r.Finished, Destination: region(p.Destination),
		Entries: r.Entries, Bytes: r.Bytes, Verdicts: r.Verdicts, Methods: r.Methods, Erasures: r.Erasures, Guards: r.Guards, Added: r.Added, NotCompared: r.NotCompared,
		SourceEmpty: r.SourceEmpty, Found: r.Found, Left: r.Left, Fence: r.Fence, OwnerChecks: r.OwnerChecks, Callers: r.Callers, Exposures: p.Exposures,
		Transit: certificate.Transit{Streamed: r.streamed, ServerSide: r.serverSide},
	}
	if r.streamed > 0 {
		c.Transit.Host = w.Host
		c.Transit.Note = "streamed bytes passed through the memory of the machine named; in which country it stands was not determined"
	} else {
		c.Transit.Note = "no byte passed through the machine that ran this program"
	}
	for i, m := range p.Moves {
		t := w.pass.Moves[i]
		c.Moves = append(c.Moves, certificate.Move{
			Source: region(m.Source), SourceLocation: m.From().String(), DestinationBucket: p.To(m).String(), Way: m.Way,
			Entries: t.Entries, Versions: t.Versions, DeleteMarkers: t.Markers, Bytes: t.Bytes,
		})
	}
	c.Parity = w.parity(ctx)
	files := []string{gateFile, fenceFile, callersFile, w.pass.dir() + uploadsFile}
	for _, pass := range w.passes[1:] {
		files = append(files, pass.dir()+passFile)
		c.Passes = append(c.Passes, certificate.Pass{Number: pass.Number, Listed: pass.At, New: pass.New, Gone: pass.Gone, Fenced: pass.Fenced})
	}
	for _, s := range w.pass.Segments {
		for _, kind := range []string{"manifest", "receipts", "erasures"} {
			files = append(files, w.pass.dir()+s.File(kind))
		}
	}
	for _, name := range files {
		data, err := w.Home.Get(ctx, w.name(name))
		if errors.Is(err, state.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		c.Evidence = append(c.Evidence, certificate.File{Name: name, SHA256: state.Digest(data)})
	}
	data, err := c.Encode()
	if err != nil {
		return err
	}
	if err := w.Home.Put(ctx, w.name(certificateFile), data); err != nil {
		return err
	}
	r.Certificate = strings.TrimSuffix(w.Home.String(), "/") + "/" + w.name(certificateFile)
	return nil
}

func region(r Region) certificate.Region {
	return certificate.Region{Provider: r.Provider, Region: r.Code, Country: r.Country, Operator: r.Operator, OperatorCountry: r.OperatorCountry}
}

// certificate reads the plan's certificate, state.ErrNotFound if there is none.
// Fields of later versions are passed over.
func (w *work) certificate(ctx context.Context, c *certificate.Certificate) error {
	data, err := w.Home.Get(ctx, w.name(certificateFile))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(data, c); err != nil {
		return fmt.Errorf("%w: %s: %w", state.ErrDamaged, certificateFile, err)
	}
	if c.Plan != w.plan.ID {
		return fmt.Errorf("%w: %s is about plan %q", state.ErrDamaged, certificateFile, c.Plan)
	}
	return w.belongs(certificateFile, c.Schema, certificate.Schema, c.PlanDigest)
}
