package phase

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/remedy"
	"github.com/residency/residency/migrate/copier"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/record"
)

// Shown is what a fresh listing of a destination shows of what was written there.
type Shown struct {
	Spoiled int64 // receipts that it no longer bears out
	Newer   int64 // entries besides, on top or between: somebody's work, not a fault
	Covered int64 // keys whose current entry is one of those, and not what was written last
	Own     int64 // leases, besides
	// Recorded are delete markers for which it has no place.
	Recorded int64
	Twins    int64 // copies that have their original's version ID; see Twin
	// Tally is of the entries that are there as they were written.
	Tally manifest.Tally
	// Classes are storage classes, by name, that copies have and their originals have not.
	Classes map[string]int64
}

// Merge adds what another listing shows, but for its tally, which is of one listing.
func (s *Shown) Merge(other Shown) {
	s.Spoiled += other.Spoiled
	s.Newer += other.Newer
	s.Covered += other.Covered
	s.Own += other.Own
	s.Recorded += other.Recorded
	s.Twins += other.Twins
	for class, n := range other.Classes {
		s.class(class, n)
	}
}

func (s *Shown) class(name string, n int64) {
	if s.Classes == nil {
		s.Classes = make(map[string]int64)
	}
	s.Classes[name] += n
}

// Inquiry asks about copies of which a listing does not show all.
type Inquiry interface {
	// Doubts tells whether what a listing shows of a copy is not enough.
	Doubts(x *record.Known, v *objectstore.Version) bool
	// Ask finds out what is wrong with those that are doubted. It may be called for many at
	// once, in order, and says so in Wrong.
	Ask(ctx context.Context, doubted []*Standing) error
}

// Standing is a copy that a listing shows as it was written.
type Standing struct {
	record.Known
	Version objectstore.Version
	Segment manifest.Segment
	Wrong   string // what is; empty: nothing

	doubted bool
	nth     int // of its history
}

// Look is how a destination is looked at.
type Look struct {
	// Looked counts entries as they are looked at.
	Looked *atomic.Int64
	// Lost is told of each receipt that is not borne out, its place in its key's history, and
	// why.
	Lost func(r *receipt.Receipt, nth int, why string)
	// Inquiry asks about what the listing does not tell; nil: nothing is asked.
	Inquiry Inquiry
	// Beacon is a key that the listing must show, for it was written before; empty: none was.
	Beacon string
}

// ErrStale reports a listing that does not show what was written before it was asked for.
var ErrStale = remedy.New("a listing of the destination is older than what was written there",
	"find out what answers listings between this machine and the service from a cache (a proxy, a gateway), and go "+
		"around it; then run the same command again")

// notShown is why a receipt is not borne out.
const notShown = "a new listing of the destination does not show what was written"

// notDeleted is why a delete marker on top of a version is not borne out by the records alone.
const notDeleted = "the key is deleted at the source, and was not deleted at the destination"

// ListDestination lists one move's destination afresh and holds it against the receipts.
func ListDestination(ctx context.Context, run *Run, move int, l Look) (Shown, error) {
	m := run.Plan.Moves[move]
	// Receipts are our own word; that of the manifest is covered by the
	// approval. Where ETags tell contents apart, they must.
	d := looking{Look: l, move: m, told: !run.Opaque(m), to: run.Destination()}
	err := run.Alongside(ctx, move, run.DestinationHistories(ctx, m), record.WithReceipts,
		func(written record.History, listed []objectstore.Version) error { return d.key(ctx, written, listed) })
	if err == nil && l.Beacon != "" && !d.beacon {
		err = ErrStale
	}
	if err == nil {
		err = d.settle(ctx)
	}
	if err != nil {
		return d.shown, fmt.Errorf("list %s: %w", run.Plan.To(m), err)
	}
	return d.shown, nil
}

// looking is a destination that is being looked at.
type looking struct {
	Look
	move  plan.Move
	told  bool // ETags tell contents apart
	to    any  // the destination's store
	shown Shown
	// beacon tells that it was seen.
	beacon bool
	// waiting are copies in order, from the first that is doubted on.
	waiting []*Standing
	doubted int
}

// mostDoubted and mostWaiting are how many copies are held until those that are doubted are
// asked about.
const (
	mostDoubted = 256
	mostWaiting = 4096
)

// key holds what is listed of one key against what was written.
func (d *looking) key(ctx context.Context, written record.History, listed []objectstore.Version) error {
	if d.Beacon != "" && len(listed) > 0 && listed[0].Key == d.Beacon {
		d.beacon = true
		return nil
	}
	next := 0 // of what is listed; others' entries may lie between
	nth := -1 // of its history
	versions := false
	var top *receipt.Receipt // of the newest entry so far, if no destination has that
	for x := written.Next(); x != nil; x = written.Next() {
		nth++
		d.Looked.Add(1)
		r := &x.Receipt
		if r.Method == receipt.Recorded {
			kept := x.Receipt
			top = &kept
			d.shown.Recorded++
			continue
		}
		top, versions = nil, versions || !r.Marker
		at := slices.IndexFunc(listed[next:], func(v objectstore.Version) bool {
			return r.Shows(v) && (!d.told || copier.Same(x.Entry, v))
		})
		if Twin(d.move, r) {
			d.shown.Twins++
		}
		if at < 0 {
			d.lost(r, nth, notShown)
			continue
		}
		if err := d.stands(ctx, written, x, &listed[next+at], nth); err != nil {
			return err
		}
		d.shown.Newer += int64(at)
		next += at + 1
	}
	if versions && top != nil {
		d.lost(top, nth, notDeleted)
	}
	if more := int64(len(listed) - next); more > 0 && objectstore.IsLease(listed[0].Key) {
		d.shown.Own += more
	} else {
		d.shown.Newer += more
		if more > 0 && nth >= 0 {
			d.shown.Covered++
		}
	}
	return nil
}

func (d *looking) lost(r *receipt.Receipt, nth int, why string) {
	d.shown.Spoiled++
	d.Lost(r, nth, why)
}

// stands counts a copy that is listed, once those before it are.
func (d *looking) stands(
	ctx context.Context, h record.History, x *record.Known, v *objectstore.Version, nth int,
) error {
	doubted := d.Inquiry != nil && d.Inquiry.Doubts(x, v)
	if !doubted && len(d.waiting) == 0 {
		d.count(&x.Entry, v)
		return nil
	}
	d.waiting = append(d.waiting, &Standing{Known: *x, Version: *v, Segment: h.Reader.Segment, doubted: doubted, nth: nth})
	if doubted {
		d.doubted++
	}
	if d.doubted < mostDoubted && len(d.waiting) < mostWaiting {
		return nil
	}
	return d.settle(ctx)
}

func (d *looking) count(e *manifest.Entry, v *objectstore.Version) {
	found := manifest.FromVersion(*v)
	d.shown.Tally.Add(&found)
	if class := objectstore.ClassName(v.StorageClass); !e.Marker &&
		class != objectstore.ClassName(objectstore.ClassFor(d.to, e.StorageClass)) {
		d.shown.class(class, 1)
	}
}

// settle asks about what is doubted, and counts all that waits.
func (d *looking) settle(ctx context.Context) error {
	if len(d.waiting) == 0 {
		return nil
	}
	doubted := make([]*Standing, 0, d.doubted)
	for _, s := range d.waiting {
		if s.doubted {
			doubted = append(doubted, s)
		}
	}
	if err := d.Inquiry.Ask(ctx, doubted); err != nil {
		return err
	}
	for _, s := range d.waiting {
		if s.Wrong != "" {
			d.lost(&s.Receipt, s.nth, s.Wrong)
		} else {
			d.count(&s.Entry, &s.Version)
		}
	}
	clear(d.waiting)
	d.waiting, d.doubted = d.waiting[:0], 0
	return nil
}

// Twin tells whether a copy has its original's version ID, as only a replication
// gives it. A null version is one where all that a plan writes has IDs: at a
// destination with versioning.
func Twin(m plan.Move, r *receipt.Receipt) bool {
	return r.VersionID == r.DestinationVersionID &&
		(r.VersionID != objectstore.NullVersion || m.Versioning != objectstore.Unversioned)
}
