package cli

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/residency/residency/cmd/internal/render"
	"github.com/residency/residency/cmd/internal/report"
	"github.com/residency/residency/cmd/internal/report/page"
	"github.com/residency/residency/inventory"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/attest"
	"github.com/residency/residency/migrate/audit"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/record"
	"github.com/residency/residency/migrate/state"
)

// ownOutput marks a flag --output that names a file, and not a format of results.
const ownOutput = "file"

func (a *app) reportCommand() *cobra.Command {
	var id, file string
	c := &cobra.Command{
		Use:   "report --plan ID",
		Short: "Write the report for people: one HTML file",
		Long: `report writes what a plan's certificate says in the words and in the order of a
data protection officer: what was looked at, where the data was and is now, who
runs it and which law reaches it, how the copy was proven, what is left, who
approved and ran it, which way it went, and how to check all of that. Of a plan that
has no certificate it says what would move, and how far that is.

The file has no scripts and loads nothing. It has no object keys, but names of
buckets and prefixes. A certificate is checked first, as certificate verify does; of
one that is not sound no report is made (exit code 5). A migration writes the same report beside its certificate. It
sends no request to any store (except to the one that holds the state).`,
		Example: `  residency report --plan acme-eu-west-1-3f9a0c1b2d4e
  residency report --plan 3f9a0c1b2d4e -o acme.html`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if id == "" {
				return &usageError{err: errors.New("--plan is missing"), remedy: "residency status lists the plans"}
			}
			w, err := a.openState(c.Context())
			if err != nil {
				return err
			}
			p, err := a.load(c.Context(), w, id)
			if err != nil {
				return err
			}
			of, err := record.Of(c.Context(), w.home, p)
			if err != nil {
				return err
			}
			if err := borneOut(c.Context(), of); err != nil {
				return err
			}
			data, err := a.report(c.Context(), w, of)
			if err != nil {
				return err
			}
			return a.handOver(data, file, "Report of plan "+p.ID)
		},
	}
	addPlan(c, &id)
	c.Flags().StringVarP(&file, "output", "o", record.ReportFile, "the `file` to write, or - for standard output")
	c.Flags().Lookup("output").Annotations = map[string][]string{ownOutput: {}}
	return c
}

// report makes the report of a plan: of its certificate, or of how far it is without one.
func (a *app) report(ctx context.Context, w *session, of *record.Record) ([]byte, error) {
	data, err := of.Home.Get(ctx, of.Name(record.CertificateFile))
	if errors.Is(err, state.ErrNotFound) {
		var b bytes.Buffer
		err := a.planPage(ctx, w, of.Plan)(&b, report.Outcome{})
		return b.Bytes(), err
	}
	if err != nil {
		return nil, err
	}
	var said certificate.Certificate
	if err := certificate.Decode(data, &said); err != nil {
		return nil, fmt.Errorf("%w: %s: %w", errUnsound, record.CertificateFile, err)
	}
	m := page.Migrated{Certificate: &said, SHA256: state.Digest(data), Plan: of.Plan}
	if m.Signatures, m.Misfit, err = signedBy(ctx, of, data); err != nil {
		return nil, err
	}
	var b bytes.Buffer
	err = page.Migration(&b, a.made(w), m)
	return b.Bytes(), err
}

// borneOut refuses a certificate, if there is one, that certificate verify would not call sound.
func borneOut(ctx context.Context, of *record.Record) error {
	r, err := audit.Verify(ctx, audit.InState(of.Home, of.Plan.ID), audit.Trust{})
	switch {
	case errors.Is(err, state.ErrNotFound):
		return nil
	case errors.Is(err, audit.ErrEarlier):
		return migrate.CheckCertificate(ctx, of)
	case err != nil:
		return err
	case r.Valid:
		return nil
	}
	const most = 4
	var faults []error
	for _, f := range r.Faults[:min(most, len(r.Faults))] {
		if f.File == attest.File {
			f.What = "a signature is there and does not fit: " + f.What
		}
		faults = append(faults, fmt.Errorf("%s: %s", f.File, f.What))
	}
	if n := int64(len(r.Faults)-len(faults)) + r.More; n > 0 {
		faults = append(faults, fmt.Errorf("and %d more (residency certificate verify lists them)", n))
	}
	return fmt.Errorf("%w, and no report was written: %w", errUnsound, errors.Join(faults...))
}

// people writes a page for people, of a command that came to an end.
type people = func(io.Writer, report.Outcome) error

func (a *app) inventoryPage(w *session, inv *inventory.Inventory) people {
	return func(to io.Writer, _ report.Outcome) error { return page.Inventory(to, a.made(w), inv) }
}

// planPage is of a plan, as far as it is when the page is written.
func (a *app) planPage(ctx context.Context, w *session, p *plan.Plan) people {
	return func(to io.Writer, o report.Outcome) error {
		// What the command came to is written although it was interrupted.
		status, err := a.runner(w, 0).Status(context.WithoutCancel(ctx), p)
		if err != nil {
			return err
		}
		planned := page.Planned{Plan: p, Status: status}
		if o.Code != 0 {
			planned.Ended = fmt.Sprintf("%s (exit code %d)", o.Text, o.Code)
		}
		return page.Plan(to, a.made(w), planned)
	}
}

func (a *app) certificatePage(ctx context.Context, w *session, p *plan.Plan) people {
	return func(to io.Writer, _ report.Outcome) error {
		of, err := record.Of(ctx, w.home, p)
		if err != nil {
			return err
		}
		if err := borneOut(ctx, of); err != nil {
			return err
		}
		data, err := a.report(ctx, w, of)
		if err != nil {
			return err
		}
		_, err = to.Write(data)
		return err
	}
}

func (a *app) made(w *session) page.Made {
	return page.Made{At: a.now(), Tool: tool(), Catalog: w.catalog}
}

// signedBy are the IDs of the keys that have signed a certificate, as its envelope says. One
// that is about something else, or cannot be read, is there and does not fit.
func signedBy(ctx context.Context, of *record.Record, data []byte) (keys []string, misfit bool, err error) {
	text, err := of.Home.Get(ctx, of.Name(attest.File))
	switch {
	case errors.Is(err, state.ErrNotFound):
		return nil, false, nil
	case errors.Is(err, state.ErrDamaged):
		return nil, true, nil
	case err != nil:
		return nil, false, err
	}
	envelope, err := attest.Parse(text)
	if err != nil || envelope.About(record.CertificateFile, data) != nil {
		return nil, true, nil
	}
	return envelope.KeyIDs(), false, nil
}

// handOver writes a report to a file, whole or not at all, or to standard output.
func (a *app) handOver(data []byte, file, what string) error {
	if file == "-" {
		_, err := a.Out.Write(data)
		return err
	}
	if err := errors.Join(checkFile(what, file), a.checkKept(what, file)); err != nil {
		return err
	}
	err := writeWhole(file, func(w io.Writer) error {
		_, err := w.Write(data)
		return err
	})
	if err != nil {
		return fmt.Errorf("%w: %s: %w", errReport, what, err)
	}
	_, err = fmt.Fprintf(a.Out, "%s: %s\n", what, render.Text(file))
	return err
}
