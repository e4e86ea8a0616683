package simulation

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/memstore"
	"github.com/residency/residency/migrate"
)

// longest is how long a retention lasts at most.
const longest = 48 * time.Hour

// lock is what people put on a version that they write: a retention, a legal
// hold, or most often nothing.
func (w *world) lock() (l objectstore.Lock) {
	if w.luck.one(0.3) {
		l.Mode, l.Until = pick(w.luck, "GOVERNANCE", "COMPLIANCE"),
			w.Now().Add(pick(w.luck, time.Second, time.Hour, longest)).UTC().Truncate(time.Second)
	}
	l.Hold = w.luck.one(0.05)
	return l
}

// waits: the operator waits, once, until no retention keeps the source any more.
func (w *operator) waits(end error) bool {
	if !errors.Is(end, migrate.ErrNotEmpty) || w.waited || len(w.locked(w.Now())) == 0 || w.luck.one(0.3) {
		return false
	}
	w.waited = true
	w.say("the operator waits until no retention is left")
	time.Sleep(longest)
	return true
}

// locked lists what a lock keeps at the source at a time.
func (w *operator) locked(now time.Time) (names []string) {
	for _, r := range w.there() {
		if r.version.Lock.At(now) != (objectstore.Lock{}) {
			names = append(names, at(r.bucket, r.key)+"@"+r.version.ID)
		}
	}
	return names
}

// there are the versions at the source that the plan moves.
func (w *operator) there() (records []*record) {
	for _, p := range w.places {
		for _, key := range w.source.Keys(p.bucket) {
			for _, r := range w.oracle.source[at(p.bucket, key)] {
				if !r.gone && w.moves(p.bucket, key) {
					records = append(records, r)
				}
			}
		}
	}
	return records
}

// onlyLocked: with nobody else to explain it, the source holds what locks keep
// and nothing else, and the copy of that is under the same lock.
func (w *operator) onlyLocked(left, locked []string) {
	for _, name := range left {
		key, id, _ := strings.Cut(name, "@") // one that is only shown is above what is locked
		if !slices.Contains(locked, name) && !slices.Contains(locked, key+"@"+objectstore.Marked(id)) {
			w.oracle.violate("end", "the source still holds %s, which no lock keeps", name)
		}
	}
	for _, r := range w.there() {
		copies := w.destination.History(w.target(r.bucket), r.key)
		now := w.Now()
		if !slices.ContainsFunc(copies, func(v *memstore.Version) bool {
			return same(r.version, v) && v.Lock.At(now).Same(r.version.Lock.At(now))
		}) {
			w.oracle.violate("end", "%s/%s@%s has no copy under the same lock", r.bucket, r.key, r.version.ID)
		}
	}
}
