package page_test

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/residency/residency/cmd/internal/report/page"
	"github.com/residency/residency/inventory"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/regions"
)

func planned(t testing.TB) page.Planned {
	t.Helper()
	region := func(code, country, operator, home string) plan.Region {
		return plan.Region{Provider: "cloud", Code: code, Country: country, Operator: operator, OperatorCountry: home,
			Endpoint: "https://" + code + ".example", Account: "42"}
	}
	ie := region("eu-west-1", "IE", "Example Cloud Inc.", "US")
	reach, safeguards := inventory.Exposures(made(t).Catalog, "IE", regions.Operator{Name: ie.Operator, Country: "US"})
	key := []manifest.Key{"people/ada"}
	p := &plan.Plan{
		ID: "acme-eu-west-1-3f9a0c1b2d4e", Digest: "3f9a0c1b2d4e", Created: time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC),
		Customer: "acme", Destination: ie, Verify: "auto",
		Moves: []plan.Move{
			{Source: region("us-east-1", "US", "Example Cloud Inc.", "US"), Bucket: "acme-prod", Destination: "acme-eu",
				Why: "in the United States", Way: plan.Streamed,
				Totals: plan.Totals{Entries: 1380, Versions: 1372, Markers: 8, Uploads: 2, Bytes: 21820906}},
			{Source: region("xx-1", "", "", ""), Bucket: "acme-xx", Prefix: "a/", Destination: "acme-xx-eu",
				Why: "its country is not known", Way: plan.ServerSide,
				Totals: plan.Totals{Entries: 20, Versions: 20, Bytes: 87030}},
		},
		Totals: plan.Totals{Entries: 1400, Versions: 1392, Markers: 8, Uploads: 2, Bytes: 21907936},
		Stays: []plan.Stay{{Location: "cloud:acme-fr", Region: "eu-west-3", Country: "FR", Why: "satisfies the policy (EU)"},
			{Location: "cloud:acme-us", Region: "us-west-2", Country: "US", Why: "not among the sources that were named"}},
		Parity: []plan.Parity{{Bucket: "cloud:acme-prod", Setting: "policy", Outcome: "rewritten", Detail: "its own ARN"}},
		Blockers: []plan.Issue{{Rule: "not-looked-at", Location: "cloud ap-south-1", Text: "could not be checked: denied",
			Remedy: "grant access", Keys: key}},
		EraseBlockers: []plan.Issue{{Rule: "replication", Text: "it replicates", Keys: key}},
		Warnings: []plan.Issue{{Rule: "not-listed", Location: "cloud eu-west-2", Text: "not listed", Count: 3},
			{Rule: "logging", Location: "cloud:acme-prod", Text: "is not carried", Count: 1, Keys: key}},
		Planner: &certificate.Actor{Step: "plan", User: "ada", Host: "laptop", Basis: certificate.NotDetermined},
		Callers: []certificate.Caller{{Stage: "plan", At: "cloud:us-east-1",
			Caller: objectstore.Caller{Reason: "the service does not say"}}},
		Exposures: reach, Safeguards: safeguards,
	}
	return page.Planned{Plan: p, Status: &migrate.Status{Stage: migrate.Copying, Entries: 1400, EntriesCopied: 1000}}
}

func planPage(t testing.TB, p page.Planned) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := page.Plan(&b, made(t), p); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestPlan(t *testing.T) {
	p := planned(t)
	text := planPage(t, p)
	root := sound(t, text)
	for id, wants := range map[string][]string{
		"answer": {"would move 1,400 entries (1,392 versions, 8 delete markers; 20.9 MiB) of customer acme from the United " +
			"States (US) and a country that is not known to Ireland (IE). 1,000 of 1,400 entries are copied and verified by " +
			"their receipts. No deletion at the source was begun. There is no certificate.", "2 blockers stand in its way"},
		"looked": {"cloud ap-south-1: could not be checked: denied", "cloud eu-west-2: not listed (3 entries)",
			"1 place of these is in the United States."},
		"where": {"not known"}, "law": {"US CLOUD Act", "as of"}, "complete": {"checksums"}, "left": {"grant access",
			"2 unfinished uploads would be aborted"}, "who": {"user ada", "It covers every entry"},
		"way":   {"a country that is not determined", "https://us-east-1.example"},
		"check": {"residency plan --to cloud:eu-west-1"},
	} {
		for _, want := range wants {
			if got := inner(byID(t, root, id)); !strings.Contains(got, want) {
				t.Errorf("section %s does not say %q: %s", id, want, got)
			}
		}
	}
	for _, x := range []struct {
		want               int64
		table, row, column string
	}{
		{1380, "locations", "cloud:acme-prod", "Entries"}, {20, "locations", "cloud:acme-xx/a/", "Entries"},
		{1380, "countries", "United States", "Listed at the source"}, {20, "countries", "not known", "Listed at the source"},
		{1400, "countries", "Ireland", "There by this plan"}, {1380, "transit", "through the machine", "Entries"},
		{20, "transit", "within", "Entries"}, {1, "warnings", "logging", "Entries"},
	} {
		if got := number(t, root, x.table, x.row, x.column); got != x.want {
			t.Errorf("%+v: %d", x, got)
		}
	}
	if bytes.Contains(text, []byte("people/ada")) {
		t.Error("an object's key is in the report")
	}
	if text := inner(byID(t, root, "check")); strings.Contains(text, "--approve") {
		t.Errorf("a plan that is blocked says how to run it: %s", text)
	}
}

func TestStages(t *testing.T) {
	p := planned(t)
	p.Plan.Blockers, p.Plan.EraseBlockers, p.Plan.Warnings = nil, nil, nil
	for stage, want := range map[migrate.Stage]string{
		migrate.Planned: "It was not started.", migrate.Copied: "No deletion at the source was begun.",
		migrate.Erasing: "has begun and not ended", migrate.Aborted: "was taken back", migrate.Damaged: "cannot be read",
	} {
		p.Status.Stage, p.Status.EraseBegun = stage, stage == migrate.Erasing
		root := sound(t, planPage(t, p))
		if got := inner(byID(t, root, "answer")); !strings.Contains(got, want) {
			t.Errorf("stage %s: %s", stage, got)
		}
		if got := inner(byID(t, root, "check")); !strings.Contains(got, "--approve 3f9a0c1b2d4e") {
			t.Error(got)
		}
	}
	p.Status, p.Ended = nil, "refused (exit code 4)"
	if got := inner(byID(t, sound(t, planPage(t, p)), "answer")); !strings.Contains(got, "was not looked at") ||
		!strings.Contains(got, p.Ended) {
		t.Error(got)
	}
	p.Plan = &plan.Plan{Customer: "acme", Destination: p.Plan.Destination}
	if got := inner(byID(t, sound(t, planPage(t, p)), "answer")); !strings.Contains(got, "would move nothing") {
		t.Error(got)
	}
}

// The page of a plan that was carried further says the last listing's numbers, and of the source
// nothing that the state does not have.
func TestFurtherPass(t *testing.T) {
	p := planned(t)
	p.Status = &migrate.Status{Stage: migrate.Erasing, EraseBegun: true, Passes: 3, Gone: 7, Entries: 1393,
		EntriesCopied: 1390, Moves: []plan.Totals{{Entries: 1373, Versions: 1365, Markers: 8}, {Entries: 20, Versions: 20}}}
	root := sound(t, planPage(t, p))
	answer := inner(byID(t, root, "answer"))
	for _, want := range []string{"would move 1,393 entries", "numbers of listing 3",
		"7 entries were not at the source any more",
		"1,390 of 1,393 entries are copied and verified by their receipts", "has begun and not ended",
		"There is no certificate."} {
		if !strings.Contains(answer, want) {
			t.Errorf("%q is missing: %s", want, answer)
		}
	}
	if strings.Contains(answer, "All is") || strings.Contains(answer, "othing was erased") {
		t.Error(answer)
	}
	for table, want := range map[string]int64{"locations": 1373, "countries": 1373} {
		row, column := "cloud:acme-prod", "Entries"
		if table == "countries" {
			row, column = "United States", "Listed at the source"
		}
		if got := number(t, root, table, row, column); got != want {
			t.Errorf("table %s: %d", table, got)
		}
	}
}

func TestHostilePlan(t *testing.T) {
	harmless(t, func(name string) []byte {
		p := planned(t)
		filled(reflect.ValueOf(&p).Elem(), name)
		p.Plan.Verify, p.Plan.Blockers[0].Rule, p.Plan.Warnings[0].Rule = "auto", "not-looked-at", "not-listed"
		return planPage(t, p)
	})
}

// ended is a command that found something.
func ended() page.Ended {
	return page.Ended{Command: "verify", Code: 5, Text: "3 entries are not as written", Next: "find out who",
		Places: []page.Stood{{Location: "cloud:acme-eu", Region: "eu-west-1", Country: "IE", Entries: 9,
			Standing: "not as written"}},
		Findings: []page.Found{{Severity: "error", Text: "3 entries", Rule: "not-verified"}}}
}

func TestOutcome(t *testing.T) {
	e := ended()
	outcome := func(e page.Ended) []byte {
		var b bytes.Buffer
		if err := page.Outcome(&b, made(t), e); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	root := sound(t, outcome(e))
	if got := inner(byID(t, root, "answer")); !strings.Contains(got, "It was not done, with exit code 5. 3 entries are") ||
		!strings.Contains(got, "find out who") {
		t.Error(got)
	}
	if got := number(t, root, "places", "cloud:acme-eu", "Entries"); got != 9 {
		t.Error(got)
	}
	sound(t, outcome(page.Ended{Command: "inventory"}))
	harmless(t, func(name string) []byte {
		hostile := e
		hostile.Places, hostile.Findings = []page.Stood{e.Places[0]}, []page.Found{e.Findings[0]}
		filled(reflect.ValueOf(&hostile).Elem(), name)
		return outcome(hostile)
	})
}
