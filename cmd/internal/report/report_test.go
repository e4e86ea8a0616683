package report

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/residency/residency/inventory"
)

// hostile are names from outside that mean something to some form.
func hostile() []string {
	return []string{
		"<script>alert(1)</script>", "`|` @everyone #1", "]]>&<!--", "a\nb\r\n::error::x", "=HYPERLINK(1)",
		"\x1b[31mred\x00", "\xff\xfe", "![x](http://evil.example/a.png)", "%0A::warning::", "\u202etxt.exe", "```\n# h\n```",
		`\|`, `a\|<b>|\`,
	}
}

// sample has every severity, places of three regions, and names that mean something.
func sample() *Report {
	r := New("inventory", "residency 1.2.3", time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC))
	no, yes := false, true
	r.Within, r.Complete, r.Policy = &no, &yes, "EU"
	r.Configuration = &inventory.Configuration{Path: "/checkout/residency.yaml", SHA256: strings.Repeat("ab", 32)}
	add := func(location, customer, region string) {
		r.Places = append(r.Places, Place{Location: location, Customer: customer, Provider: "cloud", Region: region,
			Country: "US", Sets: []string{}, Operator: "Example Cloud Inc.", OperatorCountry: "US", Bucket: location[6:],
			Entries: 12, Bytes: 3456, Standing: "outside"})
	}
	add("cloud:acme-prod", "acme", "us-east-1")
	waived := &inventory.Waived{Reason: "moves in May </b>|\n", Owner: "@dpo", Until: "2026-12-31"}
	expired := &inventory.Waived{Reason: "moved in May", Owner: "dpo", Until: "2026-05-31", Expired: true}
	add("cloud:acme-eu", "acme", "eu-west-1")
	for _, name := range hostile() {
		add("cloud:"+name, name, "us-west-2")
		r.add(Violation, "outside-policy", name, "cloud:"+name, 0, "its tag names "+name)
	}
	r.Places = append(r.Places, Place{Location: "cloud moon-1", Provider: "cloud", Region: "moon-1", Sets: []string{},
		Standing: "unknown", Unseen: "access denied"})
	r.add(Error, "not-looked-at", "", "cloud moon-1", 0, "access denied")
	r.add(Violation, "outside-policy", "acme", "cloud:acme-prod", 0, "in us-east-1 (US); the policy allows EU")
	for _, w := range []*inventory.Waived{waived, expired} {
		location := "cloud:acme-waived"
		if w.Expired {
			location = "cloud:acme-expired"
		}
		add(location, "acme", "us-east-1")
		r.Places[len(r.Places)-1].Waiver = w
		r.Findings = append(r.Findings, Finding{Rule: "outside-policy", Severity: Violation, Customer: "acme",
			Location: location, Text: "in us-east-1 (US); " + w.Reason, Waiver: w})
	}
	r.add(Warning, "unfinished-uploads", "acme", "cloud:acme-eu", 2, "unfinished uploads")
	r.add(Note, "residency-own", "acme", "cloud:acme-eu", 0, "a reservation")
	r.add(Note, "residency-own", "acme", "cloud:acme-eu", 0, "a probe")
	r.add(Warning, "catalog-stale", "", "", 0, "the data is old")
	r.End(Outcome{Code: 3, Text: "data outside the allowed jurisdictions"})
	return r
}

// written is a report in a form.
func written(t *testing.T, r *Report, write func(w *bytes.Buffer, r *Report) error) string {
	t.Helper()
	var b bytes.Buffer
	if err := write(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestEndAddsWhatNoFindingSays(t *testing.T) {
	for _, test := range []struct {
		name     string
		severity Severity // of the one finding there is
		code     int
		want     string // rules
	}{
		{"done", Warning, 0, "x"},
		{"refused, and only a warning", Warning, 4, NotDone + " x"},
		{"refused for a blocker", Blocker, 4, "x"},
		{"a violation that is not checked", Violation, 0, "x"},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := New("plan", "", time.Time{})
			r.add(test.severity, "x", "", "", 0, "")
			r.End(Outcome{Code: test.code, Text: "refused", Next: "do this"})
			var rules []string
			for _, f := range r.Findings {
				rules = append(rules, f.Rule)
			}
			if got := strings.Join(rules, " "); got != test.want {
				t.Errorf("rules %q, want %q", got, test.want)
			}
		})
	}
}

// Numbers in a text change from run to run; what a finding is about does not.
func TestFingerprintsAreStable(t *testing.T) {
	r := sample()
	before := r.fingerprints()
	seen := map[string]bool{}
	for i := range r.Findings {
		r.Findings[i].Text, r.Findings[i].Count = "other", 99
		seen[before[i]] = true
	}
	if len(seen) != len(before) {
		t.Errorf("%d fingerprints of %d findings", len(seen), len(before))
	}
	for i, after := range r.fingerprints() {
		if after != before[i] {
			t.Errorf("the fingerprint of %s changed with its text", r.Findings[i].Rule)
		}
	}
}

func TestAboutFindsThePlace(t *testing.T) {
	r := sample()
	places, rest := r.about()
	if len(places[1]) != 3 || len(rest) != 1 || rest[0].Rule != "catalog-stale" {
		t.Errorf("%d findings about acme-eu, want 3; and about no place: %v", len(places[1]), rest)
	}
}
