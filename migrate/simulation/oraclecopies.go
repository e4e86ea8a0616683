package simulation

import (
	"slices"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/memstore"
)

// What the oracle says of changes at the destination.

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
