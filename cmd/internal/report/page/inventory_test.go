package page_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/residency/residency/cmd/internal/report/page"
	"github.com/residency/residency/inventory"
	"github.com/residency/residency/regions"
)

func stock(t testing.TB) *inventory.Inventory {
	t.Helper()
	reach, safeguards := inventory.Exposures(made(t).Catalog, "US", regions.Operator{Name: "Example Cloud Inc.",
		Country: "US"})
	reach[0].Locations = []string{"cloud:acme-prod"}
	outside := false
	place := func(bucket, region, country string, entries int64, v inventory.Verdict) inventory.Place {
		return inventory.Place{Customer: "acme", Attribution: inventory.ByTag, Provider: "cloud", Region: region,
			Bucket: bucket, Country: country, Operator: "Example Cloud Inc.", OperatorIn: "US",
			Objects: entries - 1, Versions: entries - 1, Markers: 1, Bytes: 1024 * entries, Verdict: v}
	}
	inv := &inventory.Inventory{
		At: time.Date(2026, 11, 28, 9, 0, 0, 0, time.UTC), CatalogAt: "2026-11", Policy: "EU, CH", Compliance: &outside,
		Configuration: inventory.Configuration{Path: "residency.yaml", SHA256: "ab"},
		Places: []inventory.Place{
			place("acme-prod", "us-east-1", "US", 1380, inventory.Outside),
			place("acme-old", "us-west-2", "US", 20, inventory.Outside),
			place("acme-eu", "eu-west-1", "IE", 10, inventory.Within), place("acme-xx", "xx-1", "", 7, inventory.Unknown),
			{Provider: "cloud", Region: "eu-west-1", Country: "IE", Bucket: "nobody", Empty: true},
		},
		Findings: []inventory.Finding{{Rule: "outside-policy", Severity: inventory.Violation, Customer: "acme",
			Location: "cloud:acme-prod", Text: "US is outside"}},
		Exposures: reach, Safeguards: safeguards,
		Coverage: []inventory.Coverage{{Provider: "cloud", Region: "eu-west-1", Looked: true},
			{Provider: "cloud", Region: "eu-west-2", Looked: true, Named: true, Reason: "list denied"},
			{Provider: "cloud", Kind: "directory buckets", Unused: true},
			{Provider: "cloud", Region: "ap-south-1", Bucket: "b", Reason: "denied", Remedy: "grant it"}},
	}
	inv.Places[3].Error, inv.Places[3].Customer = "cut short", ""
	return inv
}

func inventoryPage(t testing.TB, inv *inventory.Inventory) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := page.Inventory(&b, made(t), inv); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func TestInventory(t *testing.T) {
	inv := stock(t)
	root := sound(t, inventoryPage(t, inv))
	for id, wants := range map[string][]string{
		"answer": {"1,417 entries (1.4 MiB) were found in 4 places, in Ireland (IE), the United States (US) and a country " +
			"that is not known. Of these, 1,400 entries in 2 places are in the United States.",
			"2 places are outside of the policy. Of 1 place more, that is not known. The policy allows EU, CH.",
			"1 place could not be looked at", "1 place of these is nobody's, as far as is known."},
		"looked": {"only the buckets that the configuration names",
			"the configuration says that there is nothing", "grant it", "cloud:acme-xx: cut short"},
		"where": {"Looked at, and empty: cloud:nobody."}, "law": {"US", "1 place", "as of"},
		"findings": {"US is outside", "outside-policy"}, "limits": {"no legal opinion"},
		"check": {"residency inventory"},
	} {
		for _, want := range wants {
			if got := inner(byID(t, root, id)); !strings.Contains(got, want) {
				t.Errorf("section %s does not say %q: %s", id, want, got)
			}
		}
	}
	if got := cell(t, root, "places", "cloud:acme-xx", "Entries"); got != "at least 7" {
		t.Errorf("what was not read whole: %q", got)
	}
	if got := inner(all(byID(t, root, "coverage"), "tr")[1]); !strings.Contains(got, "denied") {
		t.Errorf("what could not be looked at does not come first: %s", got)
	}
	data, err := json.Marshal(inv)
	if err != nil {
		t.Fatal(err)
	}
	var said struct {
		Places []struct {
			Bucket   string
			Versions int64
			Markers  int64 `json:"delete_markers"`
			Objects  int64
		}
	}
	if err := json.Unmarshal(data, &said); err != nil {
		t.Fatal(err)
	}
	for _, p := range said.Places[:3] {
		if got := number(t, root, "places", "cloud:"+p.Bucket, "Entries"); got != p.Versions+p.Markers {
			t.Errorf("%s: %d entries", p.Bucket, got)
		}
		if got := number(t, root, "places", "cloud:"+p.Bucket, "Objects"); got != p.Objects {
			t.Errorf("%s: %d objects", p.Bucket, got)
		}
	}
	if got := cell(t, root, "countries", "not known", "EU or EEA"); got != "not known" {
		t.Errorf("a country that is not known is said to be in: %s", got)
	}
	us := said.Places[0].Versions + said.Places[0].Markers + said.Places[1].Versions + said.Places[1].Markers
	if got := number(t, root, "countries", "United States", "Entries"); got != us {
		t.Errorf("%d entries in the United States, want %d", got, us)
	}
}

// Many countries are in the table, and in what is said to who cannot see the map; nothing else lists them all.
func TestManyCountriesAreCounted(t *testing.T) {
	root := sound(t, inventoryPage(t, crowded(t)))
	answer := inner(byID(t, root, "answer"))
	if !strings.Contains(answer, "in 20 countries and one that is not known (section 2)") {
		t.Error(answer)
	}
	shown := inner(all(byID(t, root, "map-now"), "figcaption")[0])
	if !strings.Contains(shown, "Brazil (BR): 20,989,019 entries") || strings.Contains(shown, "Belgium") ||
		!strings.Contains(shown, "the table below has all 21.") {
		t.Error(shown)
	}
	if got := inner(byID(t, root, "map-now-desc")); !strings.Contains(got, "Belgium (BE): 1,380 entries") {
		t.Error(got)
	}
	if got := len(all(byID(t, root, "countries"), "tr")); got != 22 {
		t.Errorf("the table has %d rows", got)
	}
}

// What is not known is not called well.
func TestStanding(t *testing.T) {
	yes := true
	for want, change := range map[string]func(*inventory.Inventory){
		"Whether all data is within the policy is not known": func(i *inventory.Inventory) { i.Compliance = nil },
		"All data that was found is within the policy":       func(i *inventory.Inventory) { i.Compliance = &yes },
		"Not every place could be looked at":                 func(i *inventory.Inventory) { i.Coverage = i.Coverage[:1] },
		"Every configured place could be looked at": func(i *inventory.Inventory) {
			i.Coverage, i.Complete = i.Coverage[:1], true
		},
		"No data was found in what could be looked at": func(i *inventory.Inventory) { i.Places = i.Places[4:] },
		"None of these is in the United States":        func(i *inventory.Inventory) { i.Places = i.Places[2:3] },
	} {
		inv := stock(t)
		change(inv)
		if got := inner(byID(t, sound(t, inventoryPage(t, inv)), "answer")); !strings.Contains(got, want) {
			t.Errorf("it does not say %q: %s", want, got)
		}
	}
	nothing := stock(t)
	nothing.Places, nothing.Compliance = nothing.Places[4:], &yes
	if got := inner(byID(t, sound(t, inventoryPage(t, nothing)), "answer")); strings.Contains(got, "All data") ||
		!strings.Contains(got, "The policy allows EU, CH. There is nothing that could be outside of it") {
		t.Errorf("of nothing: %s", got)
	}
	// Places that the lists of laws are not about are counted, where there are some.
	for _, whose := range []string{"", "acme"} {
		inv := stock(t)
		inv.Places[3].Customer = whose
		got := inner(byID(t, sound(t, inventoryPage(t, inv)), "law"))
		if said := strings.Contains(got, "Not in the lists of laws: 1 place of nobody's"); said != (whose == "") {
			t.Errorf("a place of %q: %s", whose, got)
		}
	}
	empty := &inventory.Inventory{Customer: "acme"}
	got := inner(byID(t, sound(t, inventoryPage(t, empty)), "looked"))
	if !strings.Contains(got, "Nothing was looked at") {
		t.Error(got)
	}
}

func TestHostileInventory(t *testing.T) {
	harmless(t, func(name string) []byte {
		inv := stock(t)
		inv.Customer = "acme"
		filled(reflect.ValueOf(inv).Elem(), name)
		return inventoryPage(t, inv)
	})
}
