package simulation

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/memstore"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/plan"
)

// Class is what an exit code tells apart.
func Class(err error) string {
	if err == nil {
		return "done"
	}
	for _, c := range []error{migrate.ErrCoupled, migrate.ErrUnexplained, migrate.ErrBlocked, migrate.ErrChanged,
		plan.ErrNothing, migrate.ErrDrift, migrate.ErrNotCopied, migrate.ErrAborting, migrate.ErrVerification,
		migrate.ErrNotEmpty, migrate.ErrPartial} {
		if errors.Is(err, c) {
			return c.Error()
		}
	}
	return "other: " + err.Error()
}

// judgeEnd holds what the last command said against what is there.
func (w *operator) judgeEnd(end error) {
	left := w.left()
	if end == nil || errors.Is(end, plan.ErrNothing) {
		if len(left) > 0 {
			w.oracle.violate("end", "it says %q, and the source still holds %v", Class(end), left)
		}
		unread := !w.options.keepSource && w.keptAt < w.beganAt
		if kept := w.kept(); end == nil && kept > 0 && (unread || w.edited < w.keptAt) {
			w.oracle.violate("end", "it says done, and the source's service keeps %d of what was deleted", kept)
		}
		if end == nil {
			w.exact()
			w.certified()
			if !w.fenced() && !w.fencedElsewhere() {
				w.lifted("no fence is on record")
			}
		}
		return
	}
	people := w.writes > 0 || w.meddled > 0 || w.foreign > 0 || w.explainsCoupling(end)
	lies := w.lasting[notDone] || w.lasting[stripped] || w.lasting[flipped] || w.lasting[hole]
	var ok bool
	switch {
	case errors.Is(end, migrate.ErrCoupled):
		ok = w.coupled
	case errors.Is(end, migrate.ErrStale):
		ok = lies // a listing with a hole, or a probe that was acknowledged and not written
	case errors.Is(end, migrate.ErrBlocked), errors.Is(end, migrate.ErrVerification), errors.Is(end, migrate.ErrPartial):
		// A bucket that was made and not yet configured is nobody's once the state
		// is lost.
		ok = people || lies || w.contended() || w.veiled() || w.bars > 0 || errors.Is(end, migrate.ErrBlocked) && w.lost
	case errors.Is(end, migrate.ErrChanged):
		ok = w.foreign > 0 || w.meddled > 0 || w.contended() // in the bucket, before it was on record as made
	case errors.Is(end, migrate.ErrDrift), errors.Is(end, migrate.ErrNotEmpty):
		// Behind a fence that stood all the time nobody can have written. Deletions it
		// does not deny, and erasing alone carries none.
		still := !w.options.keepSource && w.fencedFirst && w.fenced() && w.edited < w.beganAt
		ok = w.writes > 0 && !still || lies || w.contended() || w.explainsCoupling(end) || w.kept() > 0
	case errors.Is(end, migrate.ErrUnexplained):
		ok = w.contended() || w.vanished != "" || w.writes > 0 // people can delete all that there is
	}
	if locked := w.locked(w.began); errors.Is(end, migrate.ErrNotEmpty) && len(locked) > 0 {
		if ok = true; !people && !lies && !w.contended() {
			w.onlyLocked(left, locked)
		}
	}
	if !ok {
		w.oracle.violate("end", "nothing that happened explains %v", end)
	}
	if errors.Is(end, migrate.ErrNotEmpty) && w.writes == 0 && len(left) == 0 && !w.contended() && w.kept() == 0 {
		w.oracle.violate("end", "it says %v, and the source is empty", end)
	}
	w.nothingLost()
}

// contended tells whether others have worked on the same source, or the state
// does not know all that was done under it.
func (w *operator) contended() bool {
	return w.restored[w.state] || slices.ContainsFunc(w.operators,
		func(op *operator) bool { return op != w && op.turns > 0 })
}

// left lists what the source still holds of what was to move, but for what came
// after the last listing.
func (w *operator) left() (names []string) {
	for _, r := range w.there() {
		if r.made < w.oracle.shown(w.process, source, r.bucket, r.key) {
			names = append(names, at(r.bucket, r.key)+"@"+r.version.ID)
		}
	}
	for _, p := range w.places {
		for u, err := range w.source.Region(us).Uploads(context.Background(), p.bucket, p.prefix) {
			must(err)
			if w.moves(p.bucket, u.Key) && w.begun[u.UploadID] < w.process.uploadsSeen[p.bucket] {
				names = append(names, "upload of "+at(p.bucket, u.Key))
			}
		}
	}
	return names
}

// kept counts what the source's service keeps of what was deleted.
func (w *operator) kept() (n int) {
	if w.plan == nil {
		return 0
	}
	for _, m := range w.plan.Moves {
		for d, err := range w.source.Region(us).Deleted(context.Background(), m.Bucket, m.Prefix) {
			if must(err); !own(d.Key) {
				n++
			}
		}
	}
	return n
}

// nothingLost is law L1 once more, over all that ever was.
func (w *world) nothingLost() {
	for _, k := range slices.Sorted(maps.Keys(w.oracle.source)) {
		for _, r := range w.oracle.source[k] {
			if r.gone && !r.freed && !w.oracle.held(r) {
				w.oracle.violate("L1", "%s@%s is at neither end", k, r.version.ID)
			}
		}
	}
}

// exact: after success the destination's histories are those of the source, in
// order, and nothing else is there but what people put there.
func (w *operator) exact() {
	w.nothingLost()
	w.oracle.plans(w)
	want := make(map[string][]*record)
	for _, records := range w.oracle.source {
		for _, r := range records {
			// What a plan has erased of which another process took over, and then
			// made a plan of the rest, is there as well.
			if w.moves(r.bucket, r.key) && (r.planned || r.erased && !r.freed) {
				k := at(w.target(r.bucket), r.key)
				want[k] = append(want[k], r)
			}
		}
	}
	for k, records := range want {
		if want[k] = w.oracle.places(records); len(want[k]) == 0 {
			delete(want, k)
		}
	}
	for _, p := range w.places {
		bucket := w.target(p.bucket)
		for _, key := range w.destination.Keys(bucket) {
			k := at(bucket, key)
			if own(key) || !w.moves(p.bucket, key) {
				continue
			}
			if w.oracle.spoiled[k] > 0 {
				delete(want, k)
				continue
			}
			var ours []*memstore.Version
			for _, v := range w.destination.History(bucket, key) {
				_, mine := w.oracle.copies[v]
				if n := len(ours); mine || n > 0 && v.ID == objectstore.MarkerOf(ours[n-1].ID) { // what is only shown
					ours = append(ours, v)
				}
			}
			// A plan that is made after another one's erase went no further than the first of two
			// steps finds the key deleted at the source.
			by, n := w.oracle.halves[at(p.bucket, key)], len(ours)-1
			if by != "" && (by != w.author() || w.contended()) && n == len(want[k]) && ours[n].Marker {
				ours = ours[:n]
			}
			// Where people deleted the newest version after what is beneath it had been erased, the key is
			// deleted at the destination, as it would be at a source that makes nothing current by itself.
			if n := len(want[k]); w.options.source.TrailingMarkers && n > 0 && len(ours) == n+1 &&
				objectstore.IsMarkerOf(ours[n].ID) && w.oracle.freedAbove(want[k][n-1]) {
				ours = ours[:n]
			}
			if len(want[k]) > 0 || !w.abandoned(p.bucket, key) {
				w.equal(k, want[k], ours)
			}
			delete(want, k)
		}
	}
	for _, k := range slices.Sorted(maps.Keys(want)) {
		if w.oracle.spoiled[k] == 0 {
			w.oracle.violate("end", "it says done, and %s is not at the destination", k)
		}
	}
}

// freedAbove tells whether people deleted a version that was above an entry when that was erased.
func (o *oracle) freedAbove(r *record) bool {
	records := o.source[at(r.bucket, r.key)]
	return r.erased && slices.ContainsFunc(records[slices.Index(records, r)+1:], func(x *record) bool {
		return x.gone && x.freed && !x.version.Marker
	})
}

// places are those of a history that the destination's service has a place for.
func (o *oracle) places(history []*record) []*record {
	return slices.DeleteFunc(slices.Clone(history), o.recorded)
}

// abandoned: all of a key is gone, for people deleted it or it vanished, after a plan that
// was given up had copied it. What they wrote after the last listing is of no plan.
func (w *operator) abandoned(bucket, key string) bool {
	records, listed := w.oracle.source[at(bucket, key)], w.oracle.shown(w.process, source, bucket, key)
	return len(records) > 0 && !slices.ContainsFunc(records, func(r *record) bool {
		return !r.freed && !r.vanished && r.made < listed
	})
}

func (w *operator) equal(name string, want []*record, got []*memstore.Version) {
	if w.lasting[hole] {
		if kept := within(want, got); len(kept) == len(want) {
			got = kept
		}
	}
	// What another plan moved, and its owner has written over since, is there too.
	if kept := within(want, got); w.contended() && len(kept) == len(want) && len(want) > 0 && w.outdated(want[0],
		without(got, kept)) {
		got = kept
	}
	// Beneath may lie what an earlier plan copied and people have deleted since.
	if beneath := len(got) - len(want); beneath > 0 && len(want) > 0 && w.outdated(want[0], got[:beneath]) &&
		len(within(want, got[beneath:])) == len(want) {
		got = got[beneath:]
	}
	// On top may lie what no receipt knew when the plan was aborted, and people
	// have deleted since.
	if n := len(want); w.aborts > 0 && n > 0 && len(got) > n && w.outdated(want[0], got[n:]) &&
		len(within(want, got[:n])) == n {
		got = got[:n]
	}
	// What was written once more after another plan had moved its like is found
	// there by a plan that knows nothing of that one: one copy stands for both.
	if w.contended() && len(want) != len(got) {
		want = slices.CompactFunc(slices.Clone(want), func(a, b *record) bool { return same(a.version, b.version) })
		got = slices.CompactFunc(slices.Clone(got), same)
	}
	if w.writes > 0 && w.equalButMarkers(want, got) {
		return
	}
	if len(want) != len(got) {
		w.oracle.violate("end", "it says done, and %s has %d entries at the destination where the source had %d", name,
			len(got), len(want))
		return
	}
	for i := range want {
		if !same(want[i].version, got[i]) {
			w.oracle.violate("end", "it says done, and entry %d of %s differs: %s", i+1, name, describe(want[i].version, got[i]))
		}
	}
}

// equalButMarkers: a delete marker that people put in the place of a null version
// whose marker had been erased already is found in the copy of that one, for a
// history of markers says the same however many they are.
func (w *operator) equalButMarkers(want []*record, got []*memstore.Version) bool {
	want = slices.CompactFunc(slices.Clone(want), func(a, b *record) bool { return a.version.Marker && b.version.Marker })
	got = slices.CompactFunc(slices.Clone(got), func(a, b *memstore.Version) bool { return a.Marker && b.Marker })
	beneath := len(got) - len(want)
	return beneath >= 0 && len(within(want, got[beneath:])) == len(want) &&
		(beneath == 0 || len(want) > 0 && w.outdated(want[0], got[:beneath]))
}

// within leaves out copies that were made twice because a listing did not show
// the first.
func within(want []*record, got []*memstore.Version) (kept []*memstore.Version) {
	for _, v := range got {
		if len(kept) < len(want) && same(want[len(kept)].version, v) {
			kept = append(kept, v)
		}
	}
	return kept
}

// without returns those of the copies that are not among the others.
func without(all, others []*memstore.Version) []*memstore.Version {
	return slices.DeleteFunc(slices.Clone(all), func(v *memstore.Version) bool { return slices.Contains(others, v) })
}

// outdated tells whether all these are copies of what the source had and has no
// more.
func (w *world) outdated(of *record, copies []*memstore.Version) bool {
	for _, v := range copies {
		if !slices.ContainsFunc(w.oracle.source[at(of.bucket, of.key)],
			func(r *record) bool { return r.gone && same(r.version, v) }) {
			return false
		}
	}
	return true
}

func describe(a, b *memstore.Version) string {
	return fmt.Sprintf("marker %t, %d bytes, %+v at the source; marker %t, %d bytes, %+v at the destination", a.Marker,
		a.Size(), a.Attributes, b.Marker, b.Size(), b.Attributes)
}
