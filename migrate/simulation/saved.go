package simulation

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/plan"
)

// saved is a state as it was when somebody made a copy of it.
type saved struct {
	files  map[string][]byte
	plans  map[*operator]*plan.Plan
	copied map[*operator]string
	since  map[*operator]int
}

// comesBack: between two commands somebody makes a copy of the state or, later,
// puts it in the state's place.
func (w *operator) comesBack() {
	if w.options.restores == 0 || w.plan == nil {
		return
	}
	old := w.saved[w.state]
	switch erased := w.anyErased(); {
	case w.options.rewinds && !erased:
		w.saved[w.state] = w.save() // the latest from before the erase
	case w.options.rewinds && old == nil:
	case old == nil && w.fate.one(0.5):
		w.say("the state is saved")
		w.saved[w.state] = w.save()
	case old != nil && w.fate.one(0.5):
		w.options.restores--
		w.say("the state that was saved comes back")
		w.restore(old)
	}
}

// sharing are the operators whose plans lie in the same state.
func (w *operator) sharing() (ops []*operator) {
	for _, op := range w.operators {
		if op.state == w.state {
			ops = append(ops, op)
		}
	}
	return ops
}

func (w *operator) save() *saved {
	s := &saved{files: make(map[string][]byte), plans: make(map[*operator]*plan.Plan), copied: make(map[*operator]string),
		since: make(map[*operator]int)}
	for _, name := range w.durableNames() {
		if !strings.HasSuffix(name, leaseName) {
			s.files[name] = w.durable(name)
		}
	}
	for _, op := range w.sharing() {
		s.plans[op], s.copied[op], s.since[op] = op.plan, op.copied, op.since
	}
	return s
}

func (w *operator) restore(s *saved) {
	w.restored[w.state] = true
	if w.options.bucketState {
		ctx, store := context.Background(), w.destination.Region(eu)
		for _, name := range w.durableNames() {
			if !strings.HasSuffix(name, leaseName) {
				_, err := store.Delete(ctx, stateBucket, []objectstore.Deletion{{Key: w.prefix() + name,
					VersionID: objectstore.NullVersion}})
				must(err)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(s.files)) {
			_, err := store.Put(ctx, objectstore.NewObject{Bucket: stateBucket, Key: w.prefix() + name},
				text(string(s.files[name])))
			must(err)
		}
		w.oracle.look()
	} else {
		w.disk.restore(w.path(), s.files)
	}
	for _, op := range w.sharing() {
		op.plan, op.copied, op.since = s.plans[op], s.copied[op], s.since[op]
		op.before, op.calm, op.ended = nil, 0, false
	}
}

func text(s string) objectstore.Body {
	return objectstore.Body{Reader: strings.NewReader(s), Size: int64(len(s))}
}
