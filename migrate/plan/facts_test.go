package plan

import (
	"slices"
	"testing"

	"github.com/residency/residency/inventory/objectstore"
)

// A second region counts as the first one does: it must not be in the United States, and the
// policy must allow it.
func TestSecondRegionsAreHeldToThePolicy(t *testing.T) {
	countries := map[string]string{"westeurope": "NL", "northeurope": "IE", "southcentralus": "US"}
	country := func(_, code string) string { return countries[code] }
	only := func(in ...string) func(code, country string) bool {
		return func(_, country string) bool { return slices.Contains(in, country) }
	}
	for _, tt := range []struct {
		second string
		allows func(code, country string) bool
		want   string
	}{
		{"northeurope", nil, ""},
		{"northeurope", only("NL", "IE"), ""},
		{"northeurope", only("NL"), "copies; the policy does not allow northeurope (IE)"},
		{"southcentralus", only("NL", "US"), "copies; data may not be moved to southcentralus (US)"},
		{"elsewhere", only("NL"), "copies; data may not be moved to elsewhere (country unknown)"},
		{"westeurope", only("IE"), ""}, // the region itself was looked at before
	} {
		facts := []objectstore.Fact{{Rule: "secondary-copy", Text: "copies", Regions: []string{tt.second}}}
		got := Elsewhere(facts, Region{Provider: "blob", Code: "westeurope"}, "blob:a.b", country, tt.allows)
		var text string
		for _, b := range got {
			text += b.Text
		}
		if text != tt.want {
			t.Errorf("%s: %q, want %q", tt.second, text, tt.want)
		}
	}
}

// What a source's service does by itself is said, and stops what it would make wrong.
func TestFactsOfASource(t *testing.T) {
	for name, tt := range map[string]struct {
		fact                 objectstore.Fact
		blocks, erase, warns bool
	}{
		"copied into the destination": {objectstore.Fact{Buckets: []string{"a.b", "there"}}, true, false, false},
		"copied elsewhere":            {objectstore.Fact{Buckets: []string{"a.b"}}, false, false, true},
		"locks":                       {objectstore.Fact{Locks: true}, false, true, false},
		"expires":                     {objectstore.Fact{Expires: true}, false, false, true},
		"not proven":                  {objectstore.Fact{Unproven: true}, false, true, false},
		"kept":                        {objectstore.Fact{Forever: true}, false, false, true},
		"nothing of these":            {objectstore.Fact{Regions: []string{"x"}}, false, false, false},
	} {
		p := &planner{draft: &draft{Request: Request{Destination: Region{Provider: "p"}}, plan: &Plan{}}}
		m := Move{Source: Region{Provider: "p", Code: "r"}, Bucket: "here", Destination: "there"}
		p.factOf(tt.fact, m)
		if got := len(p.plan.Blockers) > 0; got != tt.blocks {
			t.Errorf("%s: blocks %t, want %t", name, got, tt.blocks)
		}
		if got := len(p.plan.EraseBlockers) > 0; got != tt.erase {
			t.Errorf("%s: blocks the erase %t, want %t", name, got, tt.erase)
		}
		if got := len(p.plan.Warnings) > 0; got != tt.warns {
			t.Errorf("%s: warns %t, want %t", name, got, tt.warns)
		}
	}
}

// Copies must stay as they are written.
func TestFactsOfADestination(t *testing.T) {
	for name, tt := range map[string]struct {
		fact          objectstore.Fact
		blocks, warns bool
	}{
		"locks":        {objectstore.Fact{Locks: true}, true, false},
		"expires":      {objectstore.Fact{Expires: true}, true, false},
		"copied on":    {objectstore.Fact{Buckets: []string{"x"}}, false, true},
		"kept deleted": {objectstore.Fact{Forever: true}, false, false},
	} {
		p := &destinationReader{&draft{plan: &Plan{}}}
		p.changed(tt.fact, "p:there")
		if blocks, warns := len(p.plan.Blockers) > 0, len(p.plan.Warnings) > 0; blocks != tt.blocks || warns != tt.warns {
			t.Errorf("%s: blocks %t, warns %t", name, blocks, warns)
		}
	}
}
