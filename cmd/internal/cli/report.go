package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

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
		if slices.ContainsFunc(*f, func(o reportTo) bool { return o.file == to.file }) {
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
	case name == "html":
		return to, fmt.Errorf("html is not offered yet; one of %s", one)
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
		a.found.Configuration = &c
	}
	return a.found
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
	return err
}

// deliver writes the reports that were asked for, whatever the command came to.
func (a *app) deliver(code int, err error) error {
	if len(a.reportTo) == 0 || !a.parsed {
		return nil
	}
	r := a.reportOf(nil)
	outcome := report.Outcome{Code: code, Text: "done"}
	if err != nil {
		outcome.Text, outcome.Next = strings.ReplaceAll(err.Error(), "\n", "; "), remedy.For(err)
	}
	r.End(outcome)
	var failed error
	for _, to := range a.reportTo {
		if err := writeWhole(to.file, func(w io.Writer) error { return to.format.write(w, r) }); err != nil {
			failed = errors.Join(failed, fmt.Errorf("%w: --report %s=%s: %w", errReport, to.format.name, to.file, err))
		}
	}
	return failed
}

// errReport is a report that did not arrive.
var errReport = errors.New("the report could not be written")
