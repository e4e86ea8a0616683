// Package changes finds what others did to a source since it was listed, and makes the pass
// that brings the destination up to it.
package changes

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/remedy"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/record"
	"github.com/residency/residency/migrate/reserve"
)

// ErrDrift reports a source that is not what was planned.
var ErrDrift = remedy.New("the source is not what was planned",
	"plan again, review the new plan and approve its digest")

// Drift is how the source differs from the plan, in entries.
type Drift struct {
	New, Gone, Changed, Uploads int64
	// Reserved are marks of other plans that write there and have not ended.
	Reserved  int64
	Locations []string
	// Depleted are locations of which so much is lost that a person must have seen it.
	Depleted []string
	Keys     []manifest.Key // examples
}

// None tells whether nothing differs.
func (d Drift) None() bool { return d.Entries()+d.Uploads+d.Reserved == 0 }

// Entries is how many differ.
func (d Drift) Entries() int64 { return d.New + d.Gone + d.Changed }

func (d Drift) String() string {
	var parts []string
	for _, p := range []struct {
		n    int64
		text string
	}{{d.New, "new"}, {d.Changed, "changed"}, {d.Gone, "gone"}, {d.Uploads, "new unfinished uploads"},
		{d.Reserved, "reservations of other migrations that write there and have not ended"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.text))
		}
	}
	return strings.Join(parts, ", ") + " in " + strings.Join(d.Locations, ", ")
}

// DriftError wraps ErrDrift and says what differs.
type DriftError struct{ Drift Drift }

func (e *DriftError) Error() string { return ErrDrift.Error() + ": " + e.Drift.String() }

// Unwrap makes it an ErrDrift.
func (e *DriftError) Unwrap() error { return ErrDrift }

func (d *Drift) see(location, key string, counter *int64) {
	*counter++
	if !slices.Contains(d.Locations, location) {
		d.Locations = append(d.Locations, location)
	}
	if len(d.Keys) < plan.Examples {
		d.Keys = append(d.Keys, manifest.Key(key))
	}
}

// manyLost is how many entries of a location, if the larger part is gone or none is left as
// it was, are not taken for its owners' doing unasked.
const manyLost = 10

// depleted tells whether so much of a location is gone or changed, against what is left as it
// was, that a person must have seen it: nothing is left, or of many the larger part is gone.
// That owners write over what they have is a live source's way, unless all of many are
// written over. What this plan has erased, or may have, is neither.
func depleted(gone, changed, left int64) bool {
	return left == 0 && (gone > 0 || changed >= manyLost) || gone >= manyLost && gone > left+changed
}

// Check holds fresh listings of the source against the pass.
type Check struct {
	run         *phase.Run
	reservation *reserve.Reservation
	// Outdated is somebody's word that whoever removed so many originals did not rely on
	// this plan's copies of them.
	Outdated int64
	// Shown is, by move, what the last listing showed of what is known.
	Shown []manifest.Tally
}

// NewCheck returns a check of a run's source.
func NewCheck(run *phase.Run, r *reserve.Reservation) *Check { return &Check{run: run, reservation: r} }

// List lists the source afresh and holds it against the manifest. With erasing,
// entries that are gone and that a run began to erase are as they should be.
func (s *Check) List(ctx context.Context, erasing bool) (Drift, error) {
	var d Drift
	uploads, err := s.run.KnownUploads(ctx)
	if err != nil {
		return d, err
	}
	var n record.Need
	if erasing {
		n = record.WithErasures | record.WithIntents
	}
	s.Shown = make([]manifest.Tally, len(s.run.Plan.Moves))
	for i, m := range s.run.Plan.Moves {
		gone, changed := d.Gone, d.Changed
		c := comparison{comparer: comparer{run: s.run, move: i}, drift: &d, at: m.From().String(), shown: &s.Shown[i],
			steps: deletesInSteps(s.run, m)}
		err := s.run.Alongside(ctx, i, s.run.SourceHistories(ctx, m), n, func(planned record.History,
			listed []objectstore.Version) error {
			n, err := c.compare(ctx, planned, listed)
			s.run.Progress.Entries.Add(n)
			return err
		})
		if err != nil {
			return d, fmt.Errorf("list %s: %w", c.at, err)
		}
		if gone, changed = d.Gone-gone, d.Changed-changed; depleted(gone, changed, s.Shown[i].Entries-changed) {
			d.Depleted = append(d.Depleted, c.at)
		}
		for u, err := range s.run.SourceUploads(ctx, m) {
			if err != nil {
				return d, fmt.Errorf("list unfinished uploads of %s: %w", c.at, err)
			}
			switch {
			case uploads[record.UploadName{Move: i, Key: u.Key, ID: u.UploadID}]:
			case u.Key == objectstore.MarkKey:
				d.see(c.at, u.Key, &d.Reserved)
			default:
				d.see(c.at, u.Key, &d.Uploads)
			}
		}
	}
	return d, nil
}

// comparison holds one move's source, as planned, against a listing.
type comparison struct {
	comparer comparer
	drift    *Drift
	at       string
	shown    *manifest.Tally
	steps    bool // the service deletes what is current in steps
}

// planned is what is looked for in a listing.
type planned struct {
	entry manifest.Entry
	begun bool
	found *objectstore.Version
}

// compare holds one key's history, as planned, against what is there, and returns
// how many entries were planned. As long as the two go side by side none is held.
func (c *comparison) compare(ctx context.Context, h record.History, listed []objectstore.Version) (n int64, err error) {
	var rest []planned
	thinned := false // by us
	begun := false   // is the erase of the last one that goes side by side
	for x := h.Next(); x != nil; x = h.Next() {
		n++
		thinned = thinned || x.Begun
		if rest != nil || len(listed) == 0 || listed[0].VersionID != x.Entry.VersionID {
			rest = append(rest, planned{entry: x.Entry, begun: x.Begun})
			continue
		}
		if err := c.one(ctx, h, &x.Entry, listed[0]); err != nil {
			return n, err
		}
		c.show(&listed[0])
		listed, begun = listed[1:], x.Begun && c.steps
	}
	return n, c.rest(ctx, h, rest, listed, thinned, begun)
}

// onlyShownAbove tells whether a marker on top of a history is there because we have erased what was
// above or have begun to: see onlyShown. beneath is what is listed beneath it and not side by side
// with the plan; if that is none, begun is the erase of the last one that is.
func (c *comparison) onlyShownAbove(
	rest []planned, places map[string]int, beneath []objectstore.Version, v objectstore.Version, begun bool,
) bool {
	newer := 0 // what is side by side is older than all of rest
	if n := len(beneath); n > 0 {
		i, known := places[beneath[n-1].VersionID]
		if !known {
			return false
		}
		newer, begun = i+1, rest[i].begun && c.steps
	}
	return onlyShown(v, begun, rest[newer:])
}

// one counts an entry that is listed as another.
func (c *comparison) one(ctx context.Context, h record.History, e *manifest.Entry, v objectstore.Version) error {
	same, err := c.comparer.same(ctx, h, e, v)
	if err == nil && !same {
		c.drift.see(c.at, v.Key, &c.drift.Changed)
	}
	return err
}

// show takes note of a version that is known.
func (c *comparison) show(v *objectstore.Version) {
	e := manifest.FromVersion(*v)
	c.shown.Add(&e)
}

// rest finds in any order what does not stand side by side: a server may give
// what our deletions have moved another place. Only in a history of which we have
// erased nothing does the place of a null version tell that it was written anew. begun
// is whether a run began to erase the last one that stands side by side.
func (c *comparison) rest(
	ctx context.Context, h record.History, rest []planned, listed []objectstore.Version, thinned, begun bool,
) error {
	if len(rest)+len(listed) == 0 {
		return nil
	}
	if c.steps {
		listed = unnamed(rest, listed)
	}
	places := make(map[string]int, len(rest))
	for i := range rest {
		places[rest[i].entry.VersionID] = i
	}
	_, null := places[objectstore.NullVersion]
	last, fresh := -1, false
	for j, v := range listed {
		i, ok := places[v.VersionID]
		if !ok && c.onlyShownAbove(rest, places, listed[:j], v, begun) {
			continue
		}
		if !ok {
			fresh = true
			c.drift.see(c.at, v.Key, &c.drift.New)
			continue
		}
		rest[i].found = &listed[j]
		if null && !thinned && i < last {
			c.drift.see(c.at, v.Key, &c.drift.Changed)
		} else if err := c.one(ctx, h, &rest[i].entry, v); err != nil {
			return err
		}
		last = max(last, i)
	}
	for i := range rest {
		switch {
		case rest[i].found != nil:
			c.show(rest[i].found)
		case fresh && wasShown(rest, places, i):
			// What is new is above the version that it was shown above. Nobody has erased anything.
		case !rest[i].begun:
			c.drift.see(c.at, string(rest[i].entry.Key), &c.drift.Gone)
		}
	}
	return nil
}
