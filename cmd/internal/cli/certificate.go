package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/residency/residency/cmd/internal/manual"
	"github.com/residency/residency/cmd/internal/render"
	"github.com/residency/residency/inventory/remedy"
	"github.com/residency/residency/migrate/attest"
	"github.com/residency/residency/migrate/audit"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/record"
	"github.com/residency/residency/migrate/state"
)

// certificateName is of the command and of its help topic.
const certificateName = "certificate"

func (a *app) certificateCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   certificateName,
		Short: "Check, show, sign or redact a certificate, with nothing but its evidence",
		Args:  cobra.NoArgs,
		RunE:  func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.AddCommand(a.certificateVerifyCommand(), a.certificateShowCommand(), a.certificateRedactCommand(),
		a.certificateSignCommand())
	longHelp(c, func() string { return manual.Lookup(certificateName).Text(helpWidth) })
	for _, sub := range c.Commands() { // which would have its parent's
		sub.SetHelpFunc(func(c *cobra.Command, args []string) { c.Root().HelpFunc()(c, args) })
	}
	return c
}

func (a *app) certificateVerifyCommand() *cobra.Command {
	var paths, tsa []string
	c := &cobra.Command{
		Use:   "verify DIRECTORY|FILE",
		Short: "Check a certificate with its evidence, offline",
		Long: `verify needs a plan's directory, or a copy of it, and nothing else: no
configuration, no credentials, no network. It holds every file of the evidence
against its digest, counts every number of the certificate anew from manifest,
receipts and erasures, and holds the listings at the gate and after the last
deletion against them. With --key it must be signed by that key, too. Whatever is
wrong is named by its file; it then exits 5.

A certificate that is named itself, with its envelope beside it and no evidence, is
checked by --key alone: that it is what was signed.

residency help certificate describes the evidence, and how to check it by hand.`,
		Example: `  residency certificate verify .residency/acme-eu-west-1-3f9a0c1b2d4e
  residency certificate verify evidence --key acme.pub
  residency certificate verify evidence/certificate.json -o json`,
		Args: oneDirectory,
		RunE: func(c *cobra.Command, args []string) error {
			keys, err := verifiers(paths)
			if err != nil {
				return err
			}
			at, err := findCertificate(args[0])
			if err != nil {
				return err
			}
			authorities, err := roots(tsa)
			if err != nil {
				return err
			}
			r, err := audit.Verify(c.Context(), audit.Folder(at), audit.Trust{Keys: keys, Authorities: authorities,
				Alone: filepath.Clean(args[0]) != filepath.Clean(at)})
			if err != nil {
				return notFound(at, err)
			}
			return a.printAudit(at, r)
		},
	}
	addKey(c, &paths)
	c.Flags().StringArrayVar(&tsa, "tsa", nil,
		"refuse a certificate whose signatures have no timestamp by an authority under these\ncertificates, a PEM `file` "+
			"(repeatable)")
	return inFormats(c, "json", "csv")
}

func (a *app) certificateShowCommand() *cobra.Command {
	return inFormats(&cobra.Command{
		Use:   "show DIRECTORY|FILE",
		Short: "Show what a certificate says, unchecked but for its own digest",
		Example: `  residency certificate show .residency/acme-eu-west-1-3f9a0c1b2d4e
  residency certificate show certificate.json -o json`,
		Args: oneDirectory,
		RunE: func(c *cobra.Command, args []string) error {
			at, err := findCertificate(args[0])
			if err != nil {
				return err
			}
			data, err := state.NewDir(at).Get(c.Context(), record.CertificateFile)
			if err != nil {
				return notFound(at, err)
			}
			var said certificate.Certificate
			if err := certificate.Decode(data, &said); err != nil {
				return fmt.Errorf("%w: %s: %w", errUnsound, filepath.Join(at, record.CertificateFile), err)
			}
			if a.output == "json" {
				_, err := a.Out.Write(data)
				return err
			}
			return a.printCertificate(at, &said)
		},
	}, "json", "csv")
}

func (a *app) certificateRedactCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "redact DIRECTORY COPY",
		Short: "Make a copy of a certificate's evidence without object keys",
		Long: `redact checks a certificate as verify does and writes a copy of its evidence, in a
directory that is not there yet or is empty, in which the HMAC of each key stands
for the key. The certificate is the same, with its signatures; verify checks the
copy as it checks the whole, but for what rests on keys. With the salt, which stays
in salt.json of the original, it can be shown which key an entry is of. Names of
buckets and prefixes stay.`,
		Example: `  residency certificate redact .residency/acme-eu-west-1-3f9a0c1b2d4e for-the-auditor`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return &usageError{err: errors.New("want the directory of the evidence, and that of the copy"),
					remedy: "residency certificate redact --help"}
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return a.redactCertificate(c.Context(), args[0], args[1]) },
	}
}

func (a *app) redactCertificate(ctx context.Context, from, to string) error {
	at, err := findCertificate(from)
	if err != nil {
		return err
	}
	there, err := os.ReadDir(to)
	if err != nil && !errors.Is(err, fs.ErrNotExist) || len(there) > 0 {
		return &usageError{err: fmt.Errorf("%s is not an empty directory", to), remedy: "name one that is not there yet"}
	}
	r, err := audit.Redact(ctx, audit.Folder(at), copied(to))
	switch {
	case errors.Is(err, audit.ErrRedact):
		return &refusedError{err: err}
	case err != nil:
		return notFound(at, err)
	case !r.Valid:
		return a.printAudit(at, r)
	}
	r, err = audit.Verify(ctx, audit.Folder(to), audit.Trust{})
	if err != nil {
		return err
	}
	return a.printAudit(to, r)
}

// copied is a directory that a copy is written to.
type copied string

// Create implements audit.Target.
func (d copied) Create(name string) (io.WriteCloser, error) {
	path := filepath.Join(string(d), filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	return os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
}

// errUnsound reports a certificate that is not borne out.
var errUnsound = remedy.New("the certificate is not sound",
	"do not rely on it. Ask for the evidence again, from a copy made right after the migration; or find out who "+
		"changed it")

func oneDirectory(_ *cobra.Command, args []string) error {
	if len(args) != 1 || args[0] == "" {
		return &usageError{err: errors.New("want a plan's directory, or the certificate in it"),
			remedy: "residency certificate --help"}
	}
	return nil
}

// findCertificate is the directory that has the certificate which is meant.
func findCertificate(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", &usageError{err: err}
	}
	if info.IsDir() {
		return path, nil
	}
	if name := filepath.Base(path); name != record.CertificateFile && name != attest.File {
		return "", &usageError{err: fmt.Errorf("%s is no %s", path, record.CertificateFile),
			remedy: "name the directory of its plan"}
	}
	return filepath.Dir(path), nil
}

// notFound says where there is none.
func notFound(at string, err error) error {
	if !errors.Is(err, state.ErrNotFound) {
		return err
	}
	return &usageError{err: fmt.Errorf("%s: %w", at, err),
		remedy: "name a plan's directory, as .residency/PLAN; a plan has a certificate once its source was erased"}
}

// printAudit says what a check has found; an error, if that is anything.
func (a *app) printAudit(at string, r *audit.Report) error {
	var failed error
	if !r.Valid {
		failed = errUnsound
	}
	switch a.output {
	case "json":
		return errors.Join(a.json(r), failed)
	case "csv":
		rows := make([][]string, 0, len(r.Faults))
		for _, f := range r.Faults {
			rows = append(rows, []string{f.File, f.What})
		}
		return errors.Join(render.CSV(a.Out, []string{"file", "fault"}, rows), failed)
	}
	title := "Sound"
	switch {
	case failed != nil:
		title = "NOT sound"
	case r.Alone:
		title = "Signed, and not checked further"
	}
	fmt.Fprintf(a.Out, "%s: the certificate in %s\n\n", title, render.Text(at))
	rows := [][]string{{"sha256", r.Certificate}}
	if c := r.Said; c != nil {
		rows = append(rows, []string{"plan", c.Plan}, []string{"customer", c.Customer})
	}
	if c := r.Said; c != nil && !r.Alone {
		rows = append(rows, []string{"evidence", fmt.Sprintf("%s of %s files are here and have their digests; Merkle root %s",
			render.Count(r.Files), render.Count(c.Evidence.Files), c.Evidence.Root)})
	}
	rows = append(rows, signatures(r)...)
	numbers := "NOT counted: the evidence is not what the certificate was made over"
	switch {
	case r.Alone && r.Valid:
		numbers = "NOT counted, for the evidence is not here: they are the word of who signed"
	case r.Recomputed && r.Valid:
		numbers = fmt.Sprintf("counted anew from the evidence, and equal: %s entries, %s", render.Count(r.Said.Entries),
			render.Bytes(r.Said.Bytes))
	case r.Recomputed:
		numbers = "counted anew from the evidence, and NOT equal"
	}
	rows = append(rows, []string{"numbers", numbers})
	if r.Redacted {
		rows = append(rows, []string{"redacted", "this copy has no keys: digests of listings, the plan's own and the " +
			"order of keys were not checked"})
	}
	a.printRows(rows)
	if len(r.Faults) > 0 {
		fmt.Fprintln(a.Out, "\nWhat is wrong:")
	}
	for _, f := range r.Faults {
		fmt.Fprintln(a.Out, "  "+render.Wrap(render.Text(f.File+": "+f.What), a.page.Width-2, "    "))
	}
	if r.More > 0 {
		fmt.Fprintf(a.Out, "  and %s more\n", render.Count(r.More))
	}
	return failed
}

// signatures says of each what is known of it.
func signatures(r *audit.Report) (rows [][]string) {
	for _, s := range r.Signatures {
		text := "NOT checked: give its public key with --key"
		switch {
		case s.Valid != nil && *s.Valid:
			text = "valid"
		case s.Valid != nil:
			text = "NOT valid"
		}
		rows = append(rows, []string{"signature", "of key " + s.KeyID + ": " + text})
	}
	if t := r.Timestamp; t != nil {
		text := "NOT checked: give the authority's certificate with --tsa"
		if t.Trusted != nil && *t.Trusted {
			text = "trusted"
		}
		rows = append(rows, []string{"timestamp", t.Time.Format(time.RFC3339) + " by " + t.Authority + ": " + text})
	}
	if len(rows) == 0 && r.Valid {
		rows = append(rows, []string{"signature", "none: whoever can change all of the evidence can make it agree"})
	}
	return rows
}

// actorLine is an actor in a line.
func actorLine(x certificate.Actor) string {
	parts := []string{"by " + cmp.Or(x.User, "somebody") + " on " + cmp.Or(x.Host, "some machine")}
	if x.How != "" {
		parts = append(parts, "with "+map[string]string{"typed": "the customer's name, typed", "digest": "the plan's digest",
			"yes": "--yes, whatever the plan says"}[x.How])
	}
	if c := x.CI; c != nil {
		parts = append(parts, strings.TrimSpace(c.Service+" "+c.Run))
		if c.Actor != "" {
			parts = append(parts, "started by "+c.Actor)
		}
		if c.Approver != "" {
			parts = append(parts, "approved by "+c.Approver)
		}
	}
	return strings.Join(append(parts, x.At.Format(time.RFC3339)), ", ")
}

// printCertificate shows what a certificate says.
func (a *app) printCertificate(at string, c *certificate.Certificate) error {
	rows := [][]string{
		{"customer", c.Customer}, {"plan", c.Plan}, {"plan digest", c.PlanDigest}, {"written by", c.Tool},
		{"configuration", configured(c.Configuration)}, {"catalog", c.Catalog.AsOf + ", sha256 " + c.Catalog.SHA256},
		{"started", c.Started.Format(time.RFC3339)}, {"finished", c.Finished.Format(time.RFC3339)},
		{"entries", render.Count(c.Entries) + ", " + render.Bytes(c.Bytes)},
		{"verdicts", counts(c.Verdicts, verdictOrder())}, {"methods", counts(c.Methods, nil)},
		{"source", counts(c.Erasures, nil)}, {"guards", counts(c.Guards, nil)},
		{"destination", fmt.Sprintf("%s of %s entries were there as written in the last listing%s", render.Count(c.Found),
			render.Count(receipt.Placed(c.Entries, c.Methods)), recorded(c.Methods))},
		{"transit", c.Transit.Note},
		{"evidence", fmt.Sprintf("%s files, %s, Merkle root %s", render.Count(c.Evidence.Files),
			render.Bytes(c.Evidence.Bytes), c.Evidence.Root)},
	}
	rows = append(rows, spentRows(c.Cost)...)
	for _, m := range c.Transit.Machines {
		rows = append(rows, []string{"machine", m.Host + ", country " + strings.TrimSpace(m.Country+" "+m.Basis)})
	}
	for _, f := range c.Findings {
		rows = append(rows, []string{"finding", f.Rule + ": " + f.Text})
	}
	for _, x := range c.Actors {
		rows = append(rows, []string{x.Step, actorLine(x)})
	}
	for _, e := range c.Endpoints {
		rows = append(rows, []string{"endpoint", e.At + ": " + cmp.Or(e.URL, "address not determined") + ", " +
			orUnknown(e.Country)})
	}
	for _, x := range c.Callers {
		if x.ARN != "" {
			rows = append(rows, []string{"caller", x.Stage + " at " + x.At + ": " + x.ARN})
		}
	}
	if c.SourceEmpty {
		rows = append(rows, []string{"last listing", "of the source: empty"})
	}
	if n := c.UploadsAborted; n != nil && *n > 0 {
		rows = append(rows, []string{"uploads", uploadsAborted(*n)})
	}
	if c.Others != nil && c.Covered != nil && *c.Others > 0 {
		rows = append(rows, []string{"besides", further(*c.Others, *c.Covered)})
	}
	if c.AnyOrder != "" {
		rows = append(rows, []string{"listings", c.AnyOrder})
	}
	if c.UnguardedWrites != "" {
		rows = append(rows, []string{"writes", c.UnguardedWrites})
	}
	for _, l := range c.Left {
		rows = append(rows, []string{"left", fmt.Sprintf("%s: %s entries, %s unfinished uploads: %s", l.Location,
			render.Count(l.Entries), render.Count(l.Uploads), l.Reason)})
	}
	columns := []render.Column{{Name: "source", Fold: true}, {Name: "country"}, {Name: "destination", Fold: true},
		{Name: "country"}, {Name: "entries", Right: true}, {Name: "verified", Right: true}, {Name: "erased", Right: true},
		{Name: "left", Right: true}}
	var moves [][]string
	for _, m := range c.Moves {
		moves = append(moves, []string{m.SourceLocation, m.Source.Country, m.DestinationBucket, c.Destination.Country,
			render.Count(m.Entries), render.Count(m.Verified), render.Count(m.Erased), render.Count(m.SourceLeft)})
	}
	if a.output == "csv" {
		names := make([]string, len(columns))
		for i, column := range columns {
			names[i] = column.Name
		}
		names[3] = "destination country"
		return render.CSV(a.Out, names, moves)
	}
	fmt.Fprintf(a.Out, "Certificate in %s. It was not checked: residency certificate verify does that.\n\n",
		render.Text(at))
	a.printRows(rows)
	fmt.Fprintln(a.Out)
	if err := a.page.Table(a.Out, columns, moves); err != nil {
		return err
	}
	a.printExposures("Exposures left", c.Exposures, c.Safeguards)
	return nil
}
