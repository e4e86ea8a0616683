package simulation

import (
	"fmt"
	"slices"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/memstore"
)

// oracle judges every change at either end at the moment at which it happens.
type oracle struct {
	world *world
	// actor is who makes the change: a process, or nil for people.
	actor *process
	// source has every version that was ever at the source, by bucket and key,
	// in the order in which they were made.
	source map[string][]*record
	// copies are what a process wrote at the destination and is there still.
	copies map[*memstore.Version]authorship
	// spoiled has when people last took or covered a copy, by bucket and key at
	// the destination.
	spoiled map[string]int
	// covered are the ETags of null versions, copies of the process, that people
	// took or wrote over, by bucket and key at the destination.
	covered map[string][]string
	// untagged has when people last took the tags of a copy, by bucket and key.
	untagged map[string]int
	// coveredAt is when the last of them was written.
	coveredAt map[string]time.Time
	// wrote has the ETags of null versions that a plan has written, by author,
	// bucket and key.
	wrote map[[2]string][]string
	// leased has who took a plan's lease last, by its name in the state; none
	// if it was given back.
	leased map[string]holding
	// halves has, by bucket and key at the source, whose erase went no further than making what is
	// current a previous version, of the last one.
	halves map[string]string
	// shownOnly are markers at the destination that are shown since something was removed there.
	shownOnly map[*memstore.Version]bool
	// unseen are changes that were told of while the service was locked.
	unseen []change
	// repetition tells that the change at hand is that of the other end, made
	// there by cause or, if that is nil, by people.
	repetition bool
	cause      *process
	// vanishing tells that the change at hand is nobody's wish, see world.vanish.
	vanishing bool
	// marked is whose plan's entries are marked as planned.
	marked    *operator
	violation *Violation
}

// change is one at either end.
type change struct {
	memstore.Change
	side  string
	actor *process
	cause *process // whose change is repeated here
	again bool     // it is a repetition
}

// authorship is when a copy was written, and under whose plan.
type authorship struct {
	step    int
	at      time.Time
	by      string
	process *process
}

// operator is whose evidence counts: that of who acts, or gave the last command.
func (o *oracle) operator() *operator {
	if o.actor != nil {
		return o.actor.operator
	}
	return o.world.operator
}

// record is one version of the source.
type record struct {
	bucket, key string
	version     *memstore.Version
	made        int    // step
	planned     bool   // some plan's manifest has it
	freed       bool   // people deleted it themselves, at the source or the copy
	vanished    bool   // from the source, and nobody wanted that
	gone        bool   // from the source
	erased      bool   // by a process
	by          string // the plan of that
	noted       bool   // the evidence alone had it then, by the plan of that; a state that comes back may not know
	eraser      *process
}

// Violation is a law broken.
type Violation struct{ Law, Text string }

func (v *Violation) Error() string { return v.Law + ": " + v.Text }

func (o *oracle) violate(law, format string, args ...any) {
	if o.violation == nil {
		o.violation = &Violation{law, fmt.Sprintf(format, args...)}
		o.world.say("VIOLATION %v", o.violation)
	}
}

func at(bucket, key string) string { return bucket + "/" + key }

// observe is told of every change as it is made.
func (o *oracle) observe(side string, c memstore.Change) {
	if c.Bucket != stateBucket || isLease(c.Bucket, c.Key) {
		o.unseen = append(o.unseen, change{c, side, o.actor, o.world.cause, o.world.repeating})
	}
}

// look judges the changes since it last did.
func (o *oracle) look() {
	actor := o.actor
	for _, c := range o.unseen {
		if o.actor = c.actor; isLease(c.Bucket, c.Key) {
			o.leases(c)
			continue
		}
		o.repetition, o.cause = c.again, c.cause
		o.see(c.side, c.Change)
	}
	o.repetition, o.cause = false, nil
	o.unseen, o.actor = o.unseen[:0], actor
}

func (o *oracle) see(side string, c memstore.Change) {
	who := "people"
	switch {
	case o.actor != nil:
		who = "process"
	case o.repetition:
		who = "replication"
	}
	what := "made"
	if c.Removed {
		what = "removed"
	}
	if o.actor == nil && side == source {
		o.world.edited = o.world.step
	}
	o.world.say("    %s %s %s %s/%s@%s marker %t size %d", who, what, side, c.Bucket, c.Key, c.Version.ID,
		c.Version.Marker, c.Version.Size())
	if c.Shown && o.actor != nil && side == source {
		o.halves[at(c.Bucket, c.Key)] = o.actor.operator.author()
	}
	if c.Shown && side == destination {
		o.shownOnly[c.Version] = true
	}
	switch {
	case own(c.Key), c.Shown && (o.actor != nil || o.vanishing || side == destination):
	case side == source && !c.Removed:
		o.appears(c)
	case side == source:
		o.disappears(c)
	case !c.Removed:
		o.written(c)
	default:
		o.unwritten(c)
	}
}

// appears: a version came to be at the source.
func (o *oracle) appears(c memstore.Change) {
	if o.actor != nil {
		o.violate("L3", "the process wrote %s/%s at the source", c.Bucket, c.Key)
	}
	k := at(c.Bucket, c.Key)
	for _, r := range o.source[k] {
		// A null version takes the place of the one before, though that may have
		// moved meanwhile: its owner has overwritten it.
		if c.Version.ID == objectstore.NullVersion && r.version.ID == objectstore.NullVersion {
			r.freed = true
		}
	}
	o.source[k] = append(o.source[k], &record{bucket: c.Bucket, key: c.Key, version: c.Version, made: o.world.step,
		freed: o.repetition && o.cause != nil})
}

// disappears: a version ceased to be at the source.
func (o *oracle) disappears(c memstore.Change) {
	r := o.record(c.Bucket, c.Key, c.Version)
	if r == nil {
		return
	}
	switch r.gone = true; {
	case o.vanishing: // it was nobody's wish
		r.vanished = true
		return
	case o.repetition && o.cause != nil:
		if !o.held(r) && !objectstore.IsMarkerOf(c.Version.ID) { // one that is shown goes when something is on top
			o.lose(r)
		}
		return
	case o.actor == nil, objectstore.IsMarkerOf(c.Version.ID) && !r.planned:
		// One that is only shown goes with what is beneath it: that people deleted the key after
		// the last listing is not carried, and the help topic limits says so.
		r.freed = true
		return
	}
	r.erased, r.by, r.eraser = true, o.actor.operator.author(), o.actor
	o.judge(r)
}

// record is what is known of a version of the source.
func (o *oracle) record(bucket, key string, v *memstore.Version) *record {
	for _, r := range o.source[at(bucket, key)] {
		if r.version == v {
			return r
		}
	}
	return nil
}

// judge holds an erasure against the laws.
func (o *oracle) judge(r *record) {
	p := o.actor
	if !p.erased || o.marked != p.operator {
		o.plans(p.operator)
	}
	if !p.erased {
		p.erased = true
		o.gate(p.operator)
	}
	name := fmt.Sprintf("%s/%s@%s", r.bucket, r.key, r.version.ID)
	if !r.planned {
		if o.excused(r) {
			r.freed = true
			return
		}
		o.violate("L3", "%s was erased, and no plan has it", name)
		return
	}
	o.fresh(p, r)
	if !o.verified(r) {
		o.violate("L1", "%s was erased without a durable receipt that says verified", name)
	}
	r.noted = o.recorded(r)
	if !o.held(r) {
		if o.spoiled[at(o.world.target(r.bucket), r.key)] > o.seen(p, destination, o.world.target(r.bucket), r.key) {
			r.freed = true // people took the copy after the last look at it
			return
		}
		if k := at(o.world.target(r.bucket), r.key); p.tagged[k] > 0 && o.untagged[k] > p.tagged[k] {
			r.freed = true // they took its tags after the last look at them, and no listing tells
			return
		}
		if o.spoiled[at(o.world.target(r.bucket), r.key)] > 0 && o.inMoments(r) {
			r.freed = true // they put the same bytes in its place at once, which no date tells
			return
		}
		if r.version.Marker && o.world.coupled && o.world.options.destination.TrailingMarkers {
			o.lose(r) // it was only shown there, and has gone with the version beneath it
			return
		}
		o.violate("L1", "%s was erased and is not at the destination", name)
	}
}

// excused: a null version that people wrote after the last look at it, where
// the service has no condition to offer; or one with the very ETag that the
// condition names, whose bytes are at the destination; or a marker for a marker.
func (o *oracle) excused(r *record) bool {
	if r.version.ID != objectstore.NullVersion {
		return false
	}
	weak := o.world.options.source.UnguardedDelete ||
		!o.world.options.source.ComparesVersions && !o.world.unversioned(r.bucket)
	for _, other := range o.source[at(r.bucket, r.key)] {
		if !other.planned || other.version.ID != objectstore.NullVersion {
			continue
		}
		if r.version.Marker == other.version.Marker && other.version.ETag == r.version.ETag && o.verified(other) {
			return true
		}
		weak = weak || other.version.Marker
	}
	return weak && r.made >= o.actor.looked[source+" "+at(r.bucket, r.key)]
}

// gate: before a process erases anything, all of the plan must be verified.
func (o *oracle) gate(w *operator) {
	for name, bad := range w.evidence() {
		if bad > 0 {
			o.violate("L2", "erasing began although %s has %d entries that are not verified", name, bad)
		}
	}
}

// fresh: both ends must have been listed since the last copy was written, and
// nothing that the plan does not know may have been at the source then.
func (o *oracle) fresh(p *process, r *record) {
	if o.seen(p, source, r.bucket, r.key) < 0 {
		o.violate("L2", "%s/%s was erased without a fresh listing of the source", r.bucket, r.key)
	}
	if o.seen(p, destination, o.world.target(r.bucket), r.key) < 0 {
		o.violate("L2", "%s/%s was erased without a fresh listing of the destination", r.bucket, r.key)
	}
	for _, records := range o.source {
		for _, x := range records {
			if !x.gone && !x.planned && !o.alike(x) && !o.halfway(x) && p.operator.moves(x.bucket, x.key) &&
				x.made < o.shownBy(p, source, x.bucket, x.key, p.erasedAt) {
				o.violate("L2", "erasing went on although %s/%s@%s, which no plan has, was at the source when it was listed",
					x.bucket, x.key, x.version.ID)
			}
		}
	}
}

// alike tells whether a null version took the place of one that a plan has and
// that had the same bytes and attributes: then it is that one, whatever its date.
func (o *oracle) alike(x *record) bool {
	return x.version.ID == objectstore.NullVersion && slices.ContainsFunc(o.source[at(x.bucket, x.key)],
		func(y *record) bool {
			return y.planned && y.version.ID == objectstore.NullVersion && same(x.version, y.version)
		})
}

// shown is the step at which a listing last showed all of a key; -1: never.
func (o *oracle) shown(p *process, side, bucket, key string) int {
	return o.shownBy(p, side, bucket, key, o.world.step)
}

// shownBy is the last such step up to another one.
func (o *oracle) shownBy(p *process, side, bucket, key string, until int) int {
	step := -1
	for _, s := range p.pages {
		if s.covers(side, bucket, key) && s.hidden != key && s.step > step && s.step <= until {
			step = s.step
		}
	}
	return step
}

// seen is the step at which a listing last covered a key; -1: never since the
// last copy was written.
func (o *oracle) seen(p *process, side, bucket, key string) int {
	step := -1
	for _, s := range p.pages {
		if s.covers(side, bucket, key) && s.step > step {
			step = s.step
		}
	}
	return step
}

// held tells whether the destination has an entry, in all that belongs to it, or can have none of
// its kind.
func (o *oracle) held(r *record) bool {
	if o.recorded(r) {
		return true
	}
	for _, v := range o.world.destination.History(o.world.target(r.bucket), r.key) {
		if same(r.version, v) {
			return true
		}
	}
	return false
}

// same tells whether two versions are equal in all that is to be carried.
func same(a, b *memstore.Version) bool {
	if a.Marker || b.Marker {
		return a.Marker == b.Marker
	}
	x, y := a.Attributes, b.Attributes
	return a.SHA256 == b.SHA256 && a.Size() == b.Size() &&
		x.ContentType == y.ContentType && x.CacheControl == y.CacheControl && fmt.Sprint(x.Metadata) == fmt.Sprint(
		y.Metadata) && fmt.Sprint(x.Tags) == fmt.Sprint(y.Tags)
}
