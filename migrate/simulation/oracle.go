package simulation

import (
	"fmt"
	"slices"
	"strings"
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

// alone tells whether a marker that is only shown has gone with the version beneath it.
func (o *oracle) alone(c memstore.Change) bool {
	return objectstore.IsMarkerOf(c.Version.ID) && !slices.ContainsFunc(o.world.destination.History(c.Bucket, c.Key),
		func(v *memstore.Version) bool { return v.ID == objectstore.Marked(c.Version.ID) })
}

// halfway tells whether a marker looks like that of an erase that went no further than the first of
// two steps, or that people took back what was above while it was being erased: that people deleted
// the key meanwhile is not carried, and the help topic limits says so.
func (o *oracle) halfway(r *record) bool {
	if objectstore.IsMarkerOf(r.version.ID) && slices.ContainsFunc(o.source[at(r.bucket, r.key)], func(x *record) bool {
		return x.planned && x.gone && x.freed && x.made <= r.made
	}) {
		return true
	}
	return o.world.options.source.TwoSteps && objectstore.IsMarkerOf(r.version.ID) &&
		slices.ContainsFunc(o.source[at(r.bucket, r.key)], func(x *record) bool {
			return x.planned && objectstore.MarkerOf(x.version.ID) == r.version.ID
		})
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

// recorded tells whether an entry is a delete marker that the destination's service has no place for:
// one beneath what a plan has moved, or moves, or above no version.
func (o *oracle) recorded(r *record) bool {
	if !r.version.Marker || !o.world.options.destination.TrailingMarkers {
		return false
	}
	records := o.source[at(r.bucket, r.key)]
	i := slices.Index(records, r)
	return slices.ContainsFunc(records[i+1:], func(x *record) bool { return x.planned || x.erased || x.vanished }) ||
		!slices.ContainsFunc(records[:i], func(x *record) bool {
			return !x.version.Marker && (!x.freed || x.planned && (r.by == "" || o.marked.author() == r.by))
		})
}

// nowRecorded is recorded by the manifest of the pass that is being carried out, which may have no version beneath a
// marker any more.
func (o *oracle) nowRecorded(r *record) bool {
	if !r.version.Marker || !o.world.options.destination.TrailingMarkers {
		return false
	}
	o.plans(o.actor.operator)
	return o.recorded(r)
}

// inMoments tells whether people have put an entry's bytes in the place of a copy so soon after
// it was written that dates do not tell.
func (o *oracle) inMoments(r *record) bool {
	bucket := o.world.target(r.bucket)
	for _, v := range o.world.destination.History(bucket, r.key) {
		_, ours := o.copies[v]
		if !ours && !v.Marker && v.SHA256 == r.version.SHA256 && v.ID == objectstore.NullVersion &&
			v.Modified.Sub(o.coveredAt[at(bucket, r.key)]) <= dated {
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

// written: a version came to be at the destination.
func (o *oracle) written(c memstore.Change) {
	if o.actor == nil {
		o.spoiled[at(c.Bucket, c.Key)] = max(o.world.step, 1)
		return
	}
	if strings.HasPrefix(c.Key, probe) {
		return
	}
	if !o.actor.operator.moves(o.world.origin(c.Bucket), c.Key) {
		o.violate("L4", "%s/%s was written, which is not where %s's data move", c.Bucket, c.Key, o.actor.operator.customer)
	}
	if author := [2]string{o.actor.operator.author(), at(c.Bucket, c.Key)}; c.Version.ID == objectstore.NullVersion {
		o.wrote[author] = append(o.wrote[author], c.Version.ETag)
	}
	o.copies[c.Version] = authorship{o.world.step, o.world.Now(), o.actor.operator.author(), o.actor}
	o.actor.pages = nil
}

// own tells whether a key is one that the process writes for itself.
func own(key string) bool { return strings.Contains(key, ".residency-") }

const probe = ".residency-probe-"

// unwritten: a version ceased to be at the destination.
func (o *oracle) unwritten(c memstore.Change) {
	made, mine := o.copies[c.Version]
	delete(o.copies, c.Version)
	if o.actor != nil {
		if objectstore.IsMarkerOf(c.Version.ID) {
			o.plans(o.actor.operator) // which may have versions above it now
			mine = mine && !o.covers(c)
		}
		if !mine && !o.alone(c) && !o.covers(c) && !strings.HasPrefix(c.Key, probe) && !o.indistinct(c) {
			o.violate("L4", "%s/%s@%s was overwritten or removed at the destination", c.Bucket, c.Key, c.Version.ID)
		}
		switch now := o.actor.operator; {
		case mine && made.by != now.author() && c.Version.ID == objectstore.NullVersion && !c.Version.Marker &&
			slices.Contains(o.wrote[[2]string{now.author(), at(c.Bucket, c.Key)}], c.Version.ETag):
			// It wrote the same bytes there itself: as indistinct as what people cover.
		case mine && made.by != now.author():
			o.violate("L4", "%s/%s@%s was removed, and another plan had written it", c.Bucket, c.Key, c.Version.ID)
		case mine && made.step < now.since:
			o.violate("L4", "%s/%s@%s was removed, and had been there before the plan", c.Bucket, c.Key, c.Version.ID)
		}
		// Its own copy it may take back, as long as the source has the original.
		for _, r := range o.source[at(o.world.origin(c.Bucket), c.Key)] {
			if r.erased && !r.freed && !o.held(r) && !o.nowRecorded(r) {
				o.violate("L1", "%s/%s@%s was the only copy of what was erased, and was removed", c.Bucket, c.Key, c.Version.ID)
			}
		}
		return
	}
	k := at(c.Bucket, c.Key)
	if mine && c.Version.ID == objectstore.NullVersion {
		o.covered[k], o.coveredAt[k] = append(o.covered[k], c.Version.ETag), made.at
	}
	if o.repetition {
		if o.cause == nil { // what people removed at the source is removed here later
			o.spoiled[k] = max(o.world.step, 1)
		}
		for _, r := range o.source[at(o.world.origin(c.Bucket), c.Key)] {
			if r.gone && !r.freed && !o.held(r) {
				o.lose(r)
			}
		}
		return
	}
	o.spoiled[k] = max(o.world.step, 1)
	for _, r := range o.source[at(o.world.origin(c.Bucket), c.Key)] {
		if (r.erased || r.vanished) && !r.freed && !o.held(r) {
			r.freed = true // they took the last copy themselves
		}
	}
}

// covers tells whether a marker that was shown is shown no more because of a version above it that is
// about to be written, as the source's history has it, or because what was above has been removed.
func (o *oracle) covers(c memstore.Change) bool {
	if !objectstore.IsMarkerOf(c.Version.ID) || o.shownOnly[c.Version] {
		return o.shownOnly[c.Version]
	}
	if o.world.options.coupling != (coupling{}) {
		return true // what it writes appears at the source, and is moved once more until the coupling is found
	}
	versions := 0 // that are to come
	for _, r := range o.source[at(o.world.origin(c.Bucket), c.Key)] {
		if !r.version.Marker && (r.planned || r.erased) {
			versions++
		}
	}
	history := o.world.destination.History(c.Bucket, c.Key)
	if n := len(history); n > 0 && o.copies[history[n-1]].process == nil {
		history = history[:n-1] // it is there already, and was not told of yet
	}
	for _, v := range history {
		// What people have put there and deleted again, the condition that nothing is current lets pass.
		if _, ours := o.copies[v]; !v.Marker && ours {
			versions--
		}
	}
	return versions > 0
}

// indistinct: a null version that nothing tells from what may be covered. In a
// bucket whose versioning people suspended while the process ran, the place is
// taken without a condition: none can be put to a marker, by a marker or against
// one. Or people put it in the place of a copy, with the copy's very ETag. Null versions share one ID and a deletion
// has no other
// condition than the ETag, so that what is removed as an outdated copy can be
// theirs, of the same bytes; no request could tell.
func (o *oracle) indistinct(c memstore.Change) bool {
	if at, ok := o.world.suspended[c.Bucket]; ok && at >= o.actor.step && c.Version.ID == objectstore.NullVersion {
		return true
	}
	return c.Version.ID == objectstore.NullVersion && !c.Version.Marker && slices.Contains(o.covered[at(c.Bucket, c.Key)],
		c.Version.ETag)
}
