package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/residency/residency/cmd/internal/config"
	"github.com/residency/residency/cmd/internal/report"
	"github.com/residency/residency/inventory/remedy"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/record"
)

// reportFormat writes reports in one form.
type reportFormat struct {
	name  string
	write func(io.Writer, *report.Report) error
}

// reportFormats are the forms that reports have, each by a line of its own.
func reportFormats() []reportFormat {
	return []reportFormat{
		{"json", report.JSON},
		{"csv", report.CSV},
		{"markdown", report.Markdown},
		{"junit", report.JUnit},
		{"sarif", report.SARIF},
		{"gitlab", report.GitLab},
		{"ocsf", report.OCSF},
		{"html", report.HTML},
	}
}

func reportNames() (names []string) {
	for _, f := range reportFormats() {
		names = append(names, f.name)
	}
	return names
}

// reportTo is a file that gets a report.
type reportTo struct {
	format reportFormat
	file   string
}

// reportFlag is where reports are to be written: FORMAT=FILE, several times or after commas.
type reportFlag []reportTo

// String implements pflag.Value.
func (f *reportFlag) String() string {
	words := make([]string, len(*f))
	for i, to := range *f {
		words[i] = to.format.name + "=" + to.file
	}
	return strings.Join(words, ",")
}

// Type implements pflag.Value.
func (f *reportFlag) Type() string { return "report" }

// Set implements pflag.Value. A comma ends a file's name where another format follows.
func (f *reportFlag) Set(text string) error {
	var parts []string
	for _, part := range strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c == '\n' }) {
		name, _, ok := strings.Cut(strings.TrimSpace(part), "=")
		if len(parts) > 0 && (!ok || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz") != "") {
			parts[len(parts)-1] += "," + part
			continue
		}
		parts = append(parts, strings.TrimSpace(part))
	}
	if len(parts) == 0 {
		return errors.New("want FORMAT=FILE")
	}
	for _, part := range parts {
		to, err := parseReport(part)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(*f, func(o reportTo) bool { return sameFile(o.file, to.file) }) {
			return fmt.Errorf("%s is named twice; give each report a file of its own", to.file)
		}
		*f = append(*f, to)
	}
	return nil
}

func parseReport(text string) (to reportTo, err error) {
	name, file, ok := strings.Cut(text, "=")
	i := slices.Index(reportNames(), name)
	switch one := strings.Join(reportNames(), ", "); {
	case !ok || file == "":
		return to, fmt.Errorf("want FORMAT=FILE, with one of %s", one)
	case i < 0:
		return to, fmt.Errorf("%q is no format of reports; one of %s%s", name, one, meant(name, reportNames()))
	case file == "-":
		return to, errors.New("standard output has the result already; name a file")
	}
	return reportTo{reportFormats()[i], file}, nil
}

func (a *app) addReport(c *cobra.Command) {
	c.Flags().Var(&a.reportTo, "report", "also write a report, as `FORMAT=FILE`: "+strings.Join(reportNames(), ", ")+
		" (repeatable)")
	a.reporting = append(a.reporting, c)
}

// reportOf is the report of the command at hand, which is written when it ends.
func (a *app) reportOf(w *session) *report.Report {
	if a.found == nil {
		a.found = report.New(a.running, tool(), a.now())
	}
	if w != nil {
		c := w.configuration()
		a.found.Configuration, a.foundBy = &c, w.config
	}
	return a.found
}

// locate gives each finding the line of the configuration that has the policy, or that the
// fault is in.
func (a *app) locate(r *report.Report, err error) {
	if fault := (*config.Error)(nil); errors.As(err, &fault) && fault.File != config.StandardInput {
		if path, err := filepath.Abs(fault.File); err == nil {
			for i := range r.Findings {
				r.Findings[i].At = &report.Position{File: a.checkedOut(path), Line: fault.Line, Column: fault.Column}
			}
		}
		return
	}
	if a.foundBy == nil || a.foundBy.Path == config.StandardInput {
		return
	}
	file := a.checkedOut(a.foundBy.Path)
	positions := map[string]*report.Position{}
	for i, f := range r.Findings {
		at, ok := positions[f.Customer]
		if !ok {
			if line, column := a.foundBy.PolicyAt(f.Customer); line > 0 {
				at = &report.Position{File: file, Line: line, Column: column}
			}
			positions[f.Customer] = at
		}
		r.Findings[i].At = at
	}
}

// checkedOut is a file's path as services of CI know it: from the root of the checkout, or
// whole where it is elsewhere.
func (a *app) checkedOut(path string) string {
	root := cmp.Or(a.getenv("GITHUB_WORKSPACE"), a.getenv("CI_PROJECT_DIR"))
	if here, err := os.Getwd(); root == "" && err == nil {
		root = here
	}
	inside, err := filepath.Rel(root, path)
	if err == nil && filepath.IsLocal(inside) {
		return (&url.URL{Path: filepath.ToSlash(inside)}).String()
	}
	path = filepath.ToSlash(path)
	if !strings.HasPrefix(path, "/") {
		path = "/" + path // a drive's letter
	}
	return (&url.URL{Scheme: "file", Path: path}).String()
}

// reportResult takes a run's result into the report. What was deleted where, the certificate
// says.
func (a *app) reportResult(
	ctx context.Context, w *session, p *plan.Plan, r *migrate.Result, failed error,
) error {
	var c *certificate.Certificate
	var err error
	if len(a.reportTo) > 0 && r.Certificate != "" {
		c = &certificate.Certificate{}
		rec := &record.Record{Home: w.home, Plan: p}
		if err = rec.Certificate(ctx, c); err != nil {
			c, err = nil, fmt.Errorf("the report says nothing of deletions: %w", err)
		}
	}
	a.reportOf(nil).AddResult(p, r, failed == nil, c)
	if c != nil {
		a.found.People = a.certificatePage(ctx, w, p)
	} else {
		a.found.People = a.planPage(ctx, w, p)
	}
	return err
}

// deliver writes the reports that were asked for, whatever the command came to, and shows
// what was found where GitHub looks for it.
func (a *app) deliver(code int, err error) error {
	if a.running == "" || len(a.reportTo) == 0 && !a.github() {
		return nil
	}
	r := a.reportOf(nil)
	r.Customer = cmp.Or(r.Customer, a.customer)
	outcome := report.Outcome{Code: code, Text: "done"}
	if err != nil {
		outcome.Text, outcome.Next = strings.ReplaceAll(err.Error(), "\n", "; "), remedy.For(err)
	}
	r.End(outcome)
	a.locate(r, err)
	var failed error
	for _, to := range a.reportTo {
		if a.kept(to.file) != "" {
			continue // which is refused, and said
		}
		if err := writeWhole(to.file, func(w io.Writer) error { return to.format.write(w, r) }); err != nil {
			failed = errors.Join(failed, fmt.Errorf("%w: --report %s=%s: %w", errReport, to.format.name, to.file, err))
		}
	}
	if a.github() {
		a.annotate(r)
	}
	return failed
}

// errReport is a report that did not arrive.
var errReport = errors.New("the report could not be written")
