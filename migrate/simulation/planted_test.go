//go:build planted

package simulation_test

import (
	"fmt"
	"runtime/debug"
	"testing"

	"github.com/residency/residency/migrate/planted"
)

// enough seeds must catch every planted bug.
const enough = 2000

// Each planted bug is caught: the test of the test.
func TestPlanted(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	fmt.Printf("%-22s %6s  %s\n", "planted bug", "seed", "what the oracle says")
	for _, bug := range planted.Bugs() {
		t.Setenv("RESIDENCY_PLANTED", string(bug))
		s := over(t, string(bug), 1, enough)
		if s.failed == 0 {
			fmt.Printf("%-22s %6s\n", bug, "none")
			t.Errorf("%s is not caught within %d seeds", bug, enough)
			continue
		}
		fmt.Printf("%-22s %6d  %v\n", bug, s.failed, s.violation)
	}
}
