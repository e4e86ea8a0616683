package plan

import (
	"testing"

	"github.com/residency/residency/inventory"
)

func TestIssuesTellBucketsOfOneNameApart(t *testing.T) {
	move := func(region, bucket, prefix, to string) Move {
		return Move{Source: Region{Provider: "cloud", Code: region}, Bucket: bucket, Prefix: prefix, Destination: to}
	}
	p := &draft{
		Request: Request{Inventory: &inventory.Inventory{Places: []inventory.Place{
			{Provider: "cloud", Region: "us-east-1", Bucket: "logs"}, {Provider: "cloud", Region: "us-west-2", Bucket: "logs"},
			{Provider: "other", Region: "us-west-2", Bucket: "single"},
		}}},
		plan: &Plan{
			Destination: Region{Provider: "cloud", Code: "eu-west-1"},
			Moves: []Move{
				move("us-east-1", "kept", "", "kept"), move("us-east-1", "logs", "", "logs-eu"),
				move("us-east-1", "parts", "a/", "parts-a"), move("us-west-2", "parts", "b/", "parts-b"),
				move("us-east-1", "single", "", "single-eu"),
			},
		},
	}
	tests := []struct{ location, given, want string }{
		{"cloud:kept", "", "us-east-1"}, {"cloud:kept", "eu-west-1", "eu-west-1"},
		{"cloud:logs", "", "us-east-1"}, {"cloud:logs", "us-west-2", "us-west-2"}, // of somebody else
		{"cloud:parts/a/", "", "us-east-1"}, {"cloud:parts/b/", "", "us-west-2"},
		{"cloud:parts", "", ""}, {"cloud:parts", "us-west-2", "us-west-2"},
		{"cloud:single", "us-east-1", ""}, {"cloud:single-eu", "eu-west-1", ""}, {"cloud:nobody", "us-east-1", ""},
		{"cloud eu-west-1", "eu-west-1", ""}, {"", "", ""},
	}
	for i, tt := range tests {
		list := []*[]Issue{&p.plan.Blockers, &p.plan.EraseBlockers, &p.plan.Warnings}[i%3]
		*list = []Issue{{Location: tt.location, Region: tt.given}}
		p.tellApart()
		p.tellApart() // a plan may be looked at twice
		issue := (*list)[0]
		if issue.Region != tt.want {
			t.Errorf("%q, region %q: %q, want %q", tt.location, tt.given, issue.Region, tt.want)
		}
		place := tt.location
		if tt.want != "" {
			place += " (" + tt.want + ")"
		}
		if got := issue.Place(); got != place {
			t.Errorf("Place() = %q, want %q", got, place)
		}
	}
}
