package copier

import (
	"maps"
	"testing"

	"github.com/residency/residency/migrate/verifier"
)

// Names that differ in their case alone stay apart, and differ; others are held against what a destination in lower
// case has, which is named.
func TestLowered(t *testing.T) {
	for _, tt := range []struct {
		lowers         bool
		metadata, want map[string]string
		added          int
	}{
		{true, map[string]string{"Source": "crm", "owner": "A"}, map[string]string{"source": "crm", "owner": "A"}, 1},
		{true, map[string]string{"source": "crm"}, map[string]string{"source": "crm"}, 0},
		{true, map[string]string{"Source": "crm", "source": "x"}, map[string]string{"Source": "crm", "source": "x"}, 0},
		{false, map[string]string{"Source": "crm"}, map[string]string{"Source": "crm"}, 0},
	} {
		p := &prover{&ends{lowers: tt.lowers}}
		var found verifier.Finding
		if got := p.lowered(tt.metadata, &found); !maps.Equal(got, tt.want) || len(found.Added) != tt.added {
			t.Errorf("%v, in lower case %t: %v, %v; want %v", tt.metadata, tt.lowers, got, found.Added, tt.want)
		}
	}
}
