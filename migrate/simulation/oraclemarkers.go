package simulation

import (
	"slices"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/memstore"
)

// What the oracle knows of delete markers where a service shows them without storing them.

// recorded tells whether an entry is a delete marker that the destination's service has no place for:
// one beneath what a plan has moved, or moves, or above no version.
func (o *oracle) recorded(r *record) bool {
	if !r.version.Marker || !o.world.options.destination.TrailingMarkers {
		return false
	}
	if r.noted {
		return true
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
