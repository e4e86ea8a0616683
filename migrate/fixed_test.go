package migrate_test

import (
	"testing"
	"time"

	"github.com/residency/residency/migrate"
)

// What a move costs whatever it moves: the requests of a bucket with one object,
// that object's own aside. The help topic limits names the sums, with room for a few more.
func TestFixedRequests(t *testing.T) {
	for name, want := range map[string]struct {
		versioned           bool
		source, destination int
	}{
		"with versions":    {true, 29, 71},
		"without versions": {false, 40, 77},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t, want.versioned)
			f.fill(1, 100)
			p := f.plan("auto")
			f.from.Reset()
			f.to.Reset()
			runner := f.runner()
			runner.LeaseTerm = time.Hour // no renewal, however slow the machine is
			if r, err := runner.Run(t.Context(), p, migrate.Options{}); err != nil {
				t.Fatalf("%v\n%s", err, problems(r))
			}
			source, destination := -2, -1 // GET and deletion, PUT
			for _, n := range f.from.Counts() {
				source += n
			}
			for _, n := range f.to.Counts() {
				destination += n
			}
			if source > want.source || destination > want.destination {
				t.Errorf("%d requests at the source and %d at the destination, want at most %d and %d\n%v\n%v",
					source, destination, want.source, want.destination, f.from.Counts(), f.to.Counts())
			}
		})
	}
}
