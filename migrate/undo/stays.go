package undo

import (
	"context"
	"errors"
	"fmt"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/remedy"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/record"
)

// ErrStays reports that something that looks like the customer's is still where the plan wrote.
var ErrStays = remedy.New("copies stay at the destination",
	"residency inventory shows what is there; residency migrate --plan ID goes on from it, and proves it instead of copying it "+
		"again. Delete nothing there by hand before it is certain that no other plan has moved data to these buckets: what "+
		"stays could be the only copies")

// Stay is what a listing shows of the customer's data in a bucket that the plan made, or to which it may have written
// what no receipt names.
type Stay struct {
	Location string `json:"location"`
	Made     bool   `json:"made"` // the plan made the bucket; else it had been there
	// Entries look like originals of the plan; Unlistable stand under names that the
	// service's listings cannot represent.
	Entries    int64 `json:"entries"`
	Unlistable int64 `json:"unlistable"`
}

// likeness is what a copy has of its original, as far as a listing shows.
type likeness struct {
	marker bool
	size   int64
	etag   string
}

// stays lists once more the buckets that the plan made, and all others too where copies may be of which no receipt
// knows: of a run that was killed, or of a write that was answered as if it had failed. What differs from all
// originals of its key is somebody else's.
func (a *undoing) stays(ctx context.Context, others bool) (all []Stay, err error) {
	all = []Stay{}
	buckets, err := record.Buckets(ctx, a.run.Record)
	if err != nil {
		return nil, err
	}
	a.run.Pass = a.run.Passes[len(a.run.Passes)-1]
	for i, m := range a.run.Plan.Moves {
		made := buckets.Find(m.Destination)
		s := Stay{Location: a.run.Plan.To(m).String(), Made: !m.Exists && made != nil && made.Made}
		if !s.Made && !others {
			continue
		}
		versions := objectstore.Listable(a.run.Destination().Versions(ctx, m.Destination, m.Prefix, ""),
			func(objectstore.Version) { s.Unlistable++ })
		leases := func(objectstore.Version) {}
		err := a.run.Alongside(ctx, i, objectstore.Histories(plan.WithoutLeases(versions, leases)), 0,
			func(known record.History, listed []objectstore.Version) error {
				s.Entries += alike(known, listed, a.run.Opaque(m))
				return nil
			})
		if errors.Is(err, objectstore.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", s.Location, err)
		}
		if s.Entries+s.Unlistable > 0 {
			all = append(all, s)
		}
	}
	return all, nil
}

// deleted counts what the destination's service keeps of what was removed from where the plan wrote.
func (a *undoing) deleted(ctx context.Context, u *Undone) error {
	var all objectstore.Kept
	for _, m := range a.run.Plan.Moves {
		for d, err := range objectstore.KeptOf(ctx, a.run.Destination(), m.Destination, m.Prefix) {
			switch {
			case errors.Is(err, objectstore.ErrDenied):
				return nil
			case errors.Is(err, objectstore.ErrNotFound):
				continue // with the bucket
			case err != nil:
				return fmt.Errorf("list what was deleted in %s and is kept: %w", a.run.Plan.To(m), err)
			}
			all.Add(d)
		}
	}
	u.Deleted, u.Until = &all.Entries, all.Until()
	return nil
}

// alike counts what is listed of a key and looks like one of its originals, each of which
// can be there once.
func alike(known record.History, listed []objectstore.Version, opaque bool) (n int64) {
	of := func(e manifest.Entry) likeness {
		l := likeness{marker: e.Marker, size: e.Size}
		if sum := e.Sum(); !opaque && sum.Algorithm == objectstore.MD5 {
			l.etag = sum.Value
		}
		return l
	}
	there := make(map[likeness]int, len(listed))
	for _, v := range listed {
		there[of(manifest.FromVersion(v))]++
	}
	for x := known.Next(); x != nil; x = known.Next() {
		if l := of(x.Entry); there[l] > 0 {
			there[l]--
			n++
		}
	}
	return n
}

// stay is the error for what stays; nil if nothing does.
func stay(all []Stay) error {
	var n int64
	for _, s := range all {
		n += s.Entries + s.Unlistable
	}
	if n == 0 {
		return nil
	}
	return fmt.Errorf("%w: %d entries, by a listing", ErrStays, n)
}
