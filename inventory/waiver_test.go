package inventory

import (
	"strings"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/regions"
)

func TestWaive(t *testing.T) {
	at := func(text string) objectstore.Location {
		t.Helper()
		l, err := objectstore.ParseLocation(text)
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	for _, tt := range []struct {
		name, place, until, now string
		customer                string // that was looked for
		unseen                  bool   // the bucket could not be looked at
		violated                bool
		waived                  int
		rule                    string // of a finding about the waiver
		severity                Severity
		says                    string // of the violation
	}{
		{name: "waived", place: "cloud:legacy", until: "2026-12-31", now: "2026-11-28T00:00:00Z", waived: 1,
			says: "; waived until 2026-12-31 by dpo: moves in May"},
		{name: "its last second", place: "cloud:legacy", until: "2026-11-28", now: "2026-11-28T23:59:59Z", waived: 1,
			says: "; waived until 2026-11-28"},
		{name: "the day after", place: "cloud:legacy", until: "2026-11-28", now: "2026-11-29T00:00:00Z", violated: true,
			says: "; its waiver by dpo expired after 2026-11-28: moves in May"},
		{name: "the day after, elsewhere still the day", place: "cloud:legacy", until: "2026-11-28",
			now: "2026-11-28T19:00:00-05:00", violated: true, says: "; its waiver by dpo expired after 2026-11-28"},
		{name: "another place", place: "cloud:legacies", until: "2026-12-31", now: "2026-11-28T00:00:00Z", violated: true,
			rule: WaiverRule, severity: Warning},
		{name: "a prefix of the place", place: "cloud:legacy/a/", until: "2026-12-31", now: "2026-11-28T00:00:00Z",
			violated: true, rule: WaiverRule, severity: Warning},
		{name: "a place that is within", place: "cloud:home", until: "2026-12-31", now: "2026-11-28T00:00:00Z",
			violated: true, rule: WaiverRule, severity: Note},
		{name: "an expired one of no place", place: "cloud:legacies", until: "2020-12-31", now: "2026-11-28T00:00:00Z",
			violated: true, rule: WaiverRule, severity: Warning},
		{name: "where nobody could look", place: "cloud:hidden", until: "2026-12-31", now: "2026-11-28T00:00:00Z",
			unseen: true, violated: true},
		{name: "another customer's", place: "cloud:others", until: "2026-12-31", now: "2026-11-28T00:00:00Z",
			customer: "acme", violated: true},
		{name: "the customer's, gone", place: "cloud:gone", until: "2026-12-31", now: "2026-11-28T00:00:00Z",
			customer: "acme", violated: true, rule: WaiverRule, severity: Warning},
	} {
		t.Run(tt.name, func(t *testing.T) {
			now, err := time.Parse(time.RFC3339, tt.now)
			if err != nil {
				t.Fatal(err)
			}
			until, err := time.Parse(time.DateOnly, tt.until)
			if err != nil {
				t.Fatal(err)
			}
			s := &scan{Request: Request{Now: now, Customer: tt.customer,
				Claims: []Claim{{Customer: "acme", Location: at("cloud:gone")},
					{Customer: "globex", Location: at("cloud:others")}},
				Waivers: []Waiver{{Location: at(tt.place), Reason: "moves in May", Owner: "dpo", Until: until}}},
				inventory: &Inventory{
					Places: []Place{
						{Customer: "acme", Provider: "cloud", Bucket: "legacy", Verdict: Outside},
						{Customer: "acme", Provider: "cloud", Bucket: "home", Verdict: Within},
					},
					Findings: []Finding{
						{Rule: "outside-policy", Severity: Violation, Location: "cloud:legacy", Text: "in us-east-1"},
						{Rule: "unfinished-uploads", Severity: Warning, Location: "cloud:legacy", Text: "uploads"},
					},
				}}
			if tt.unseen {
				s.inventory.Coverage = []Coverage{{Provider: "cloud", Bucket: "hidden"}}
			}
			s.waive()
			inv := s.inventory
			if inv.Violated() != tt.violated || inv.Waived != tt.waived {
				t.Errorf("violated: %v, waived: %d", inv.Violated(), inv.Waived)
			}
			const bare = "in us-east-1"
			if text := inv.Findings[0].Text; !strings.HasPrefix(text, bare+tt.says) || (tt.says == "") != (text == bare) {
				t.Errorf("the violation says %q", text)
			}
			if (inv.Places[0].Waiver != nil) != (tt.says != "") || inv.Places[1].Waiver != nil ||
				inv.Places[0].Verdict != Outside {
				t.Errorf("the places are %+v", inv.Places)
			}
			if inv.Findings[1].Waiver != nil || inv.Findings[0].Severity != Violation {
				t.Errorf("the findings are %+v", inv.Findings)
			}
			var rule string
			var severity Severity
			for _, f := range inv.Findings[2:] {
				rule, severity = f.Rule, f.Severity
			}
			if rule != tt.rule || severity != tt.severity {
				t.Errorf("the waiver has a finding of %q, %q", rule, severity)
			}
		})
	}
}

// A waiver is of one place: where buckets of its name are in several regions it says of which.
func TestWaiveInOneRegion(t *testing.T) {
	for _, tt := range []struct {
		region string
		waived string // the region whose violation is
		rule   string
	}{
		{"", "", WaiverRule},
		{"us-east-1", "us-east-1", ""},
		{"eu-west-1", "", WaiverRule},
	} {
		t.Run(tt.region, func(t *testing.T) {
			at, err := objectstore.ParseLocation("cloud:dup")
			if err != nil {
				t.Fatal(err)
			}
			now := time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)
			s := &scan{Request: Request{Now: now, Policy: func(string) regions.Policy { return regions.Policy{} },
				Waivers: []Waiver{{Location: at, Region: tt.region, Reason: "why",
					Owner: "dpo", Until: now}}}, inventory: &Inventory{}}
			for _, region := range []string{"ap-northeast-1", "us-east-1", "us-west-2"} {
				s.keep(Place{Provider: "cloud", Bucket: "dup", Region: region, Verdict: Outside})
				s.judge(s.inventory.Places[len(s.inventory.Places)-1])
			}
			s.waive()
			rule := ""
			for _, f := range s.inventory.Findings {
				if f.Severity != Violation {
					rule = f.Rule
				} else if f.Waives() != (f.Region == tt.waived) {
					t.Errorf("the violation in %s: waived is %v", f.Region, f.Waives())
				}
			}
			for _, p := range s.inventory.Places {
				if (p.Waiver != nil) != (p.Region == tt.waived) {
					t.Errorf("the place in %s shows %+v", p.Region, p.Waiver)
				}
			}
			if rule != tt.rule || !s.inventory.Violated() {
				t.Errorf("the waiver's finding is %q; violated: %v", rule, s.inventory.Violated())
			}
		})
	}
}
