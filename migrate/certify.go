package migrate

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/residency/residency/inventory/remedy"
	"github.com/residency/residency/migrate/attest"
	"github.com/residency/residency/migrate/audit"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/destination"
	"github.com/residency/residency/migrate/record"
	"github.com/residency/residency/migrate/state"
	"github.com/residency/residency/migrate/writeblock"
)

// certify writes the certificate. Its numbers are counted anew from the records, as whoever
// checks it counts them.
func (w *work) certify(ctx context.Context) error {
	standing, _, err := writeblock.Look(ctx, w.run)
	w.result.Fence = standing
	if err != nil {
		return err
	}
	finished := w.run.Now().UTC()
	w.result.Finished = &finished
	r := w.result
	c := &certificate.Certificate{
		Schema: certificate.Schema, Tool: w.tool, Configuration: r.Configuration, Departure: r.Departure,
		Catalog: w.catalog, Finished: finished,
		Fence: r.Fence, NotFenced: r.NotFenced, OwnerChecks: r.OwnerChecks,
	}
	c.Parity = destination.Parity(ctx, w.run)
	if err := w.hasSpent(ctx); err != nil {
		return err
	}
	account, err := audit.Write(ctx, w.run.Record, w.run.Bytes())
	if err != nil {
		return err
	}
	account.Derive(w.run.Record, c)
	if n := c.UploadsAborted; n != nil {
		r.UploadsAborted = *n
	}
	c.Redacted = account.Redacted
	data, err := c.Encode()
	if err != nil {
		return err
	}
	if err := w.unsign(ctx); err != nil {
		return err
	}
	if err := w.run.Home.Put(ctx, w.run.Name(record.CertificateFile), data); err != nil {
		return err
	}
	r.Certificate = w.place(record.CertificateFile)
	return nil
}

// place is where a file of the plan lies.
func (w *work) place(name string) string {
	return strings.TrimSuffix(w.run.Home.String(), "/") + "/" + w.run.Name(name)
}

// tell writes the report for people beside the certificate. It is derived from that, and made
// again at any time: without it the certificate stands.
func (w *work) tell(ctx context.Context) {
	if w.report == nil {
		return
	}
	data, err := w.report(ctx, w.run.Record)
	if err == nil {
		err = w.run.Home.Put(ctx, w.run.Name(record.ReportFile), data)
	}
	if err != nil {
		w.run.Notef("%s was not written beside the certificate (%v); residency report --plan %s makes it", record.ReportFile,
			err, w.run.Plan.ID)
		return
	}
	w.result.Report = w.place(record.ReportFile)
}

// unsign takes away the envelope of the certificate before, if there is one. Where it may not
// be removed, it stays, and whoever checks sees that it is about another certificate.
func (w *work) unsign(ctx context.Context) error {
	name := w.run.Name(attest.File)
	_, err := w.run.Home.Get(ctx, name)
	if errors.Is(err, state.ErrNotFound) {
		return nil
	}
	if err == nil {
		err = w.run.Home.Remove(ctx, w.run.Name(attest.TimestampFile), name)
	}
	if err != nil && ctx.Err() == nil {
		w.run.Notef("the signatures of the certificate before stay in the state: %v", err)
		return nil
	}
	return err
}

// ErrUnsigned reports a certificate that is there, and could not be signed.
var ErrUnsigned = remedy.New("the certificate was written, and it could not be signed",
	"residency certificate sign DIRECTORY --sign KEY signs it, in the plan's directory of the state or in a copy of it")

// sign signs the certificate, if there is anybody who does.
func (w *work) sign(ctx context.Context) error {
	if len(w.signers) == 0 {
		return nil
	}
	if err := audit.Attest(ctx, w.run.Home, w.run.Name, w.stamp, w.signers...); err != nil {
		return fmt.Errorf("%w: %w", ErrUnsigned, err)
	}
	for _, s := range w.signers {
		id, err := s.KeyID()
		if err != nil {
			return fmt.Errorf("%w: %w", ErrUnsigned, err)
		}
		w.result.Signed = append(w.result.Signed, id)
	}
	return nil
}
