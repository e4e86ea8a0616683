package inventory_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/residency/residency/inventory"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/memstore"
	"github.com/residency/residency/regions"
)

// said is a store whose service says something of its buckets.
type said struct {
	*memstore.Store
	facts []objectstore.Fact
	err   error
}

func (s said) Facts(context.Context, string) ([]objectstore.Fact, error) { return s.facts, s.err }

// scanned is an inventory of one bucket in westeurope of which a service says something.
func scanned(t *testing.T, facts []objectstore.Fact, err error) *inventory.Inventory {
	t.Helper()
	now := time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)
	catalog, loadErr := regions.Load()
	if loadErr != nil {
		t.Fatal(loadErr)
	}
	policy, policyErr := regions.NewPolicy(catalog, []string{"EU"})
	if policyErr != nil {
		t.Fatal(policyErr)
	}
	store := memstore.New(memstore.Options{Endpoint: "https://x", Now: func() time.Time { return now }}).Region("westeurope")
	if err := store.CreateBucket(t.Context(), "acme", false); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Put(t.Context(), objectstore.NewObject{Bucket: "acme", Key: "k"},
		objectstore.Body{Reader: strings.NewReader("x"), Size: 1}); err != nil {
		t.Fatal(err)
	}
	inv, scanErr := inventory.Scan(t.Context(), inventory.Request{
		Catalog: catalog, Now: now, Policy: func(string) regions.Policy { return policy },
		Claims: []inventory.Claim{{Customer: "acme", Location: objectstore.Location{Provider: "blob", Bucket: "acme"}}},
		Providers: []inventory.Provider{{Name: "blob", Regions: []string{"westeurope"},
			Region: func(string) inventory.Store { return said{store, facts, err} },
			Country: func(region string) string {
				return map[string]string{"westeurope": "NL", "northeurope": "IE", "southcentralus": "US"}[region]
			},
			Operator: func(string) regions.Operator { return regions.Operator{Name: "Microsoft", Country: "US"} },
		}},
	})
	if scanErr != nil {
		t.Fatal(scanErr)
	}
	return inv
}

// Where else a service keeps copies counts for the policy as the bucket's own region does; what
// could not be asked is not taken for nothing.
func TestFacts(t *testing.T) {
	secondary := func(code string) []objectstore.Fact {
		return []objectstore.Fact{{Rule: "secondary-copy", Text: "every object is also in " + code, Regions: []string{code}}}
	}
	for _, tt := range []struct {
		name     string
		facts    []objectstore.Fact
		err      error
		verdict  inventory.Verdict
		rule     string
		severity inventory.Severity
		text     string
	}{
		{name: "a copy in the United States", facts: secondary("southcentralus"), verdict: inventory.Outside,
			rule: "secondary-copy", severity: inventory.Violation, text: "southcentralus (US): the policy allows EU"},
		{name: "a copy in an allowed country", facts: secondary("northeurope"), verdict: inventory.Within,
			rule: "secondary-copy", severity: inventory.Note, text: "also in northeurope"},
		{name: "a copy nobody knows where", facts: secondary("somewhere"), verdict: inventory.Unknown,
			rule: "secondary-copy", severity: inventory.Violation, text: "somewhere (country unknown)"},
		{name: "its own region", facts: secondary("westeurope"), verdict: inventory.Within, rule: "secondary-copy",
			severity: inventory.Note},
		{name: "what is deleted is kept", facts: []objectstore.Fact{{Rule: "soft-delete", Text: "kept", Keeps: time.Hour}},
			verdict: inventory.Within, rule: "soft-delete", severity: inventory.Warning},
		{name: "nobody proves where it is", facts: []objectstore.Fact{{Rule: "region-not-proven", Text: "declared",
			Unproven: true}}, verdict: inventory.Unknown, rule: "region-not-proven", severity: inventory.Violation},
		{name: "not told", err: errors.New("access denied"), verdict: inventory.Within, rule: "not-looked-at",
			severity: inventory.Error, text: "access denied"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			inv := scanned(t, tt.facts, tt.err)
			if len(inv.Places) != 1 || inv.Places[0].Verdict != tt.verdict {
				t.Fatalf("places %+v, want one that is %s", inv.Places, tt.verdict)
			}
			if !slices.ContainsFunc(inv.Findings, func(f inventory.Finding) bool {
				return f.Rule == tt.rule && f.Severity == tt.severity && strings.Contains(f.Text, tt.text)
			}) {
				t.Errorf("findings %+v, want %s %s with %q", inv.Findings, tt.severity, tt.rule, tt.text)
			}
			if within := inv.Compliance; tt.verdict == inventory.Within && tt.err == nil != (within != nil && *within) ||
				tt.verdict != inventory.Within && (within == nil || *within) {
				t.Errorf("within the policy: %v", within)
			}
			if tt.verdict == inventory.Outside && !slices.ContainsFunc(inv.Exposures, func(e inventory.Exposure) bool {
				return e.Axis == regions.AxisLocation && e.Through == "US"
			}) {
				t.Errorf("no law of the United States reaches what is there: %+v", inv.Exposures)
			}
		})
	}
}

// What a service keeps of what was deleted is there still, though no listing shows it.
func TestDeletedAndKept(t *testing.T) {
	now := time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)
	catalog, err := regions.Load()
	if err != nil {
		t.Fatal(err)
	}
	store := memstore.New(memstore.Options{Endpoint: "https://x", Now: func() time.Time { return now },
		Traits: memstore.Traits{Keeps: time.Hour}}).Region("us-east1")
	if err := store.CreateBucket(t.Context(), "acme", false); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"k", ".residency-probe-1"} {
		text := map[bool]string{true: "text", false: objectstore.ProbeText}[key == "k"]
		if _, err := store.Put(t.Context(), objectstore.NewObject{Bucket: "acme", Key: key},
			objectstore.Body{Reader: strings.NewReader(text), Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Delete(t.Context(), "acme", []objectstore.Deletion{{Key: key, VersionID: "null"}}); err != nil {
			t.Fatal(err)
		}
	}
	scan := func() *inventory.Inventory {
		inv, err := inventory.Scan(t.Context(), inventory.Request{
			Catalog: catalog, Now: now, Policy: func(string) regions.Policy { return regions.Policy{} },
			Claims: []inventory.Claim{{Customer: "acme", Location: objectstore.Location{Provider: "g", Bucket: "acme"}}},
			Providers: []inventory.Provider{{Name: "g", Regions: []string{"us-east1"},
				Region:   func(string) inventory.Store { return store },
				Country:  func(string) string { return "US" },
				Operator: func(string) regions.Operator { return regions.Operator{} },
			}},
		})
		if err != nil {
			t.Fatal(err)
		}
		return inv
	}
	inv := scan()
	p := inv.Places[0]
	if p.Empty || p.Kept != 1 || p.KeptBytes != 4 || p.KeptUntil == nil || !p.KeptUntil.Equal(now.Add(time.Hour)) ||
		inv.Compliance == nil || *inv.Compliance {
		t.Errorf("%+v, within the policy %v; want one deleted entry in the United States until an hour from now", p, inv.Compliance)
	}
	now = now.Add(2 * time.Hour)
	if inv := scan(); !inv.Places[0].Empty || inv.Compliance == nil || !*inv.Compliance {
		t.Errorf("%+v, within the policy %v; want nothing left", inv.Places[0], inv.Compliance)
	}
}
