package simulation

import (
	"context"
	"strings"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/memstore"
	"github.com/residency/residency/migrate"
)

// coupling makes the two ends less than two: they are one bucket under two
// names, or what happens at one of them is repeated at the other, by a rule that
// no setting shows.
type coupling struct {
	oneBucket bool
	from      string // the side whose changes are repeated; empty: none
	writes    bool   // what is written is repeated too, not removals alone
	delay     time.Duration
	later     bool // it is set up between two commands
}

func (c coupling) any() bool { return c.oneBucket || c.from != "" }

// newCoupling draws one.
func newCoupling(d *dice) (c coupling) {
	switch d.below(5) {
	case 0:
		c.oneBucket = true
	case 1:
		c.from, c.writes = destination, true
	default:
		c.from, c.writes = source, d.one(0.6)
		if d.one(0.5) {
			c.delay = time.Duration(d.between(1, 9)) * time.Second
		}
	}
	c.later = c.from != "" && d.one(0.3)
	return c
}

// repetition is a change that is to be repeated at the other end.
type repetition struct {
	memstore.Change
	due time.Time
	by  *process // who made it; nil: people
}

// couple is told of every change; the service is locked.
func (w *world) couple(side string, c memstore.Change) {
	rule := w.options.coupling
	if !w.coupled || side != rule.from || w.repeating || c.Bucket == stateBucket || !c.Removed && !rule.writes {
		return
	}
	if c.Removed && c.Version.ID == objectstore.NullVersion && rule.delay > 0 && !w.twins[c.Bucket] {
		return // where nothing tells a replica from a copy, nobody waits: help topic limits
	}
	w.repetitions = append(w.repetitions, repetition{c, w.Now().Add(rule.delay), w.oracle.actor})
}

// repeat repeats what is due at the other end.
func (w *world) repeat() {
	now := w.Now()
	actor := w.oracle.actor
	for len(w.repetitions) > 0 && !w.repetitions[0].due.After(now) {
		c := w.repetitions[0]
		w.repetitions = w.repetitions[1:]
		to, bucket := w.destination, w.target(c.Bucket)
		if w.options.coupling.from == destination {
			to, bucket = w.source, w.origin(c.Bucket)
		}
		w.oracle.actor, w.repeating, w.cause = nil, true, c.by
		if c.Removed {
			to.Unreplicate(bucket, c.Key, c.Version.ID)
		} else {
			to.Replicate(bucket, c.Key, c.Version)
		}
		w.oracle.look()
		w.repeating = false
	}
	w.oracle.actor = actor
}

// replicate makes the destination a replica of the source, as a rule that
// applies to what is there already leaves it.
func (w *world) replicate() {
	ctx := context.Background()
	for _, p := range w.places {
		if err := w.destination.Region(eu).CreateBucket(ctx, w.target(p.bucket), false); err == nil &&
			p.versioning != objectstore.Unversioned {
			must(w.destination.Region(eu).SetVersioning(ctx, w.target(p.bucket), objectstore.Enabled))
		}
		w.repeating = true
		for _, key := range w.source.Keys(p.bucket) {
			for _, v := range w.source.History(p.bucket, key) {
				w.destination.Replicate(w.target(p.bucket), key, v)
				w.twins[p.bucket] = w.twins[p.bucket] || v.ID != objectstore.NullVersion
			}
		}
		w.oracle.look()
		w.repeating = false
	}
}

// link sets the coupling up.
func (w *world) link() {
	rule := w.options.coupling
	if !rule.any() || w.coupled {
		return
	}
	w.coupled = true
	w.say("the ends are coupled: %+v", rule)
	if rule.from == source && !rule.later && w.fate.one(0.7) {
		w.replicate()
	}
}

// lose: the last of a version is gone by a repetition. What a service does to
// what it has not shown before can cost the first deletions, and no more: one
// where a probe could have told, else a first small batch.
func (o *oracle) lose(r *record) {
	if r.freed {
		return
	}
	r.freed = true
	if objectstore.IsMarkerOf(r.version.ID) {
		return // it was only shown, and goes with the version beneath it
	}
	p := r.eraser
	if p == nil {
		o.violate("L11", "%s/%s@%s is at neither end", r.bucket, r.key, r.version.ID)
		return
	}
	p.lost++
	allowed := 10
	if o.world.options.coupling.writes {
		allowed = 1
	}
	if p.lost > allowed {
		o.violate("L11", "%d entries that process %d erased are at neither end", p.lost, p.number)
	}
}

// explainsCoupling tells whether the coupling can be why a command ended so.
func (w *world) explainsCoupling(end error) bool {
	return w.coupled && !strings.HasPrefix(Class(end), "other") && Class(end) != migrate.ErrUnexplained.Error()
}
