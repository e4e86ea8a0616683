package report

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"encoding/xml"
	"strings"
	"testing"
	"time"

	"github.com/residency/residency/inventory"
)

// twoRegions is an inventory of two buckets of one name, of which one is outside.
func twoRegions() *Report {
	place := func(region, country string, v inventory.Verdict) inventory.Place {
		return inventory.Place{Customer: "acme", Provider: "cloud", Region: region, Country: country, Bucket: "dup",
			Versions: 1, Verdict: v}
	}
	empty := place("eu-west-1", "IE", inventory.Outside)
	empty.Versions, empty.Bucket, empty.Empty = 0, "bare", true
	r := New("inventory", "residency 1", time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC))
	found := func(region string) inventory.Finding {
		return inventory.Finding{Rule: "outside-policy", Severity: inventory.Violation, Customer: "acme",
			Location: "cloud:dup", Region: region, Text: "outside"}
	}
	r.AddInventory(&inventory.Inventory{
		Places: []inventory.Place{place("ap-northeast-1", "JP", inventory.Within),
			place("us-east-1", "US", inventory.Outside), empty},
		Coverage: []inventory.Coverage{{Provider: "cloud", Region: "us-west-2", Bucket: "dup", Reason: "denied"}},
		Findings: []inventory.Finding{found("us-east-1"), found(""), found("eu-west-1")},
	})
	r.End(Outcome{Code: 3, Text: "outside"})
	return r
}

func TestAFindingIsAboutItsRegion(t *testing.T) {
	r := twoRegions()
	places, rest := r.about()
	if len(places[0]) != 0 || len(places[1]) != 1 || len(rest) != 2 {
		t.Fatalf("of ap-northeast-1 %v, of us-east-1 %v, of none %v", places[0], places[1], rest)
	}
	if n := len(r.Places); n != 4 || r.Places[3].Region != "us-west-2" || r.Places[3].Unseen == "" {
		t.Errorf("the bucket that was not looked at is none of %+v", r.Places)
	}
	if got := r.Places[2].Standing; got != "empty" {
		t.Errorf("a place without entries is %q", got)
	}

	rows, err := csv.NewReader(strings.NewReader(written(t, r,
		func(w *bytes.Buffer, r *Report) error { return CSV(w, r) }))).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	if row := rows[3]; row[0] != "finding" || row[6] != "us-east-1" || row[7] != "US" {
		t.Errorf("the row of the violation is %q", row)
	}

	var all suites
	text := written(t, r, func(w *bytes.Buffer, r *Report) error { return JUnit(w, r) })
	if err := xml.Unmarshal([]byte(text), &all); err != nil {
		t.Fatal(err)
	}
	for _, s := range all.Suites {
		if want := map[string]int{"cloud:us-east-1": 1, "cloud:ap-northeast-1": 0}; s.Failures != want[s.Name] &&
			strings.HasPrefix(s.Name, "cloud:") {
			t.Errorf("the suite %s has %d failures", s.Name, s.Failures)
		}
	}

	buckets := map[string]bool{}
	for line := range strings.Lines(written(t, r, func(w *bytes.Buffer, r *Report) error { return OCSF(w, r) })) {
		var e event
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Fatal(err)
		}
		if e.Bucket != nil {
			buckets[e.Bucket.UID] = true
		}
		if len(e.Resources) > 0 && e.Resources[0].Region == "ap-northeast-1" {
			t.Errorf("a finding is of ap-northeast-1: %s", line)
		}
	}
	if len(buckets) != len(r.Places) {
		t.Errorf("%d names of %d buckets: %v", len(buckets), len(r.Places), buckets)
	}
}

// That one more region has a finding changes nothing of the fingerprint of another.
func TestFingerprintsAreOfARegion(t *testing.T) {
	of := func(regions ...string) map[string]string {
		r, prints := New("inventory", "", time.Time{}), map[string]string{}
		for _, region := range regions {
			r.Findings = append(r.Findings, Finding{Rule: "x", Location: "cloud:dup", Region: region})
		}
		for i, print := range r.fingerprints() {
			prints[regions[i]] = print
		}
		return prints
	}
	if alone, both := of("us-east-1"), of("ap-northeast-1", "us-east-1"); alone["us-east-1"] != both["us-east-1"] {
		t.Error("the fingerprint follows from what other regions have")
	}
}
