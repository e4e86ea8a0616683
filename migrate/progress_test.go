package migrate_test

import (
	"testing"

	"github.com/residency/residency/migrate"
)

// TestProgressCountsOnce follows what each phase shows when it ends: as many entries
// as it said there would be, and never more.
func TestProgressCountsOnce(t *testing.T) {
	f := newFixture(t, true)
	f.fill(25, 100)
	p := f.plan("auto")
	r := f.runner()
	ended := make(map[string]int)
	r.Progress.Phased = func(end bool) {
		if !end {
			return
		}
		phase, _ := r.Progress.Phase.Load().(string)
		done, total := r.Progress.Entries.Load(), r.Progress.EntriesTotal.Load()
		if total > 0 && done != total {
			t.Errorf("%s ended with %d of %d entries", phase, done, total)
		}
		ended[phase]++
	}
	if _, err := r.Run(t.Context(), p, migrate.Options{}); err != nil {
		t.Fatal(err)
	}
	for _, phase := range []string{"copying", "listing the source again", "listing the destination again", "erasing"} {
		if ended[phase] == 0 {
			t.Errorf("phase %q did not come: %v", phase, ended)
		}
	}
}
