package migrate_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/record"
)

// A report that cannot be made is said, and undoes nothing: the certificate is there.
func TestReportThatCannotBeMade(t *testing.T) {
	f := newFixture(t, true)
	f.fill(3, 10)
	p := f.plan("auto")
	r := f.runner()
	var notes []string
	r.Note = func(text string) { notes = append(notes, text) }
	asked := 0
	r.Report = func(ctx context.Context, of *record.Record) ([]byte, error) {
		asked++
		if found, err := of.Certified(ctx); err != nil || !found {
			t.Errorf("the report is asked for before there is a certificate: %v", err)
		}
		return nil, errors.New("no paper")
	}
	result, err := r.Run(t.Context(), p, migrate.Options{})
	if err != nil || asked != 1 {
		t.Fatal(err, asked)
	}
	if result.Certificate == "" || result.Report != "" || !result.SourceEmpty {
		t.Errorf("certificate %q, report %q, source empty: %v", result.Certificate, result.Report, result.SourceEmpty)
	}
	said := false
	for _, n := range notes {
		said = said || strings.Contains(n, "report.html was not written") && strings.Contains(n, "no paper") &&
			strings.Contains(n, "residency report --plan "+p.ID)
	}
	if !said {
		t.Errorf("nobody was told: %q", notes)
	}
}
