//go:build !race

package migrate_test

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/state"
)

// What planning counts is what the stored manifest has, for whoever only has that.
func TestChargesOfAStoredPlan(t *testing.T) {
	m := newHollowMove(t, 25_000, 1, nil)
	m.home = state.NewScratch(t.TempDir())
	at := time.Now()
	m.charges = &plan.Charges{At: at}
	p := m.plan(t)
	if len(p.Segments) < 20 {
		t.Fatalf("%d segments", len(p.Segments))
	}
	work := p.Work(m.charges, 0)
	if got := work.Moves[0].Tally; got.Entries != 25_000 || len(got.Classes) != 1 || got.Classes[0].Versions != 25_000 ||
		got.Classes[0].Bytes != p.Totals.Bytes {
		t.Fatalf("tally %+v of %+v", got, p.Totals)
	}
	stored := &plan.Charges{At: at}
	if err := stored.Count(t.Context(), m.home, p); err != nil {
		t.Fatal(err)
	}
	one, _ := json.Marshal(work)
	other, _ := json.Marshal(p.Work(stored, 0))
	if string(one) != string(other) {
		t.Errorf("planned %s\nstored %s", one, other)
	}
	if err := m.home.Remove(t.Context(), p.ID+"/"+p.Segments[9].File("manifest")); err != nil {
		t.Fatal(err)
	}
	if err := stored.Count(t.Context(), m.home, p); !errors.Is(err, state.ErrDamaged) {
		t.Errorf("without a segment: %v", err)
	}
}
