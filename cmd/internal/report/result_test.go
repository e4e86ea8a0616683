package report

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/plan"
)

// What result and certificate say besides verdicts is in the reports too.
func TestResultsAreSaidWhole(t *testing.T) {
	p := &plan.Plan{Customer: "acme", Stays: []plan.Stay{
		{Location: "cloud:named", Region: "us-east-1", Country: "US", Why: plan.NotNamed},
		{Location: "cloud:home", Region: "eu-west-1", Country: "IE", Why: "satisfies the policy (EU)"}}}
	result := &migrate.Result{Entries: 5, Newer: 3, Covered: 2, Departure: certificate.Departure{
		Otherwise: []string{"cloud:a would go to cloud:b, not to cloud:c"},
		NotInPlan: []string{"cloud:new", "cloud:hidden (what it holds could not be looked at: denied)"}}}
	r := New("migrate", "", time.Time{})
	r.AddResult(p, result, true, nil)
	said(t, r, "configuration-differs warning  0", "covered-keys warning  2", "further-entries note  3",
		"not-in-plan warning cloud:hidden 0", "not-in-plan warning cloud:new 0", "source-kept warning  5",
		"stays note cloud:home 0", "stays warning cloud:named 0")
	if !slices.ContainsFunc(r.Places, func(p Place) bool { return p.Location == "cloud:named" && p.Standing == "stays" }) {
		t.Errorf("what stays is none of %+v", r.Places)
	}
	if r.Failing() != 0 {
		t.Error("a run that is done has a finding that fails")
	}

	r = New("verify", "", time.Time{})
	r.AddVerification(p, &migrate.Verification{OK: true, Newer: 3, Covered: 2})
	said(t, r, "covered-keys warning  2", "further-entries note  3", "stays note cloud:home 0",
		"stays warning cloud:named 0")
}

// said holds findings against rule, severity, location and count of each.
func said(t *testing.T, r *Report, want ...string) {
	t.Helper()
	var got []string
	for _, f := range r.Findings {
		got = append(got, fmt.Sprintf("%s %s %s %d", f.Rule, f.Severity, f.Location, f.Count))
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%s says\n%s\nwant\n%s", r.Command, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestFaultsAreToldApart(t *testing.T) {
	of := func(command string, code int, text string) string {
		r := New(command, "", time.Time{})
		r.End(Outcome{Code: code, Text: text})
		return r.fingerprints()[0]
	}
	first := of("plan", 1, "no answer after 3 tries from a.example")
	if first != of("plan", 1, "no answer after 4 tries from a.example") {
		t.Error("the fingerprint changed with a number")
	}
	for name, other := range map[string]string{
		"command":   of("migrate", 1, "no answer after 3 tries from a.example"),
		"exit code": of("plan", 2, "no answer after 3 tries from a.example"),
		"fault":     of("plan", 1, "access denied"),
	} {
		if other == first {
			t.Errorf("another %s has the same fingerprint", name)
		}
	}
}
