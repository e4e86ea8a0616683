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

// ErrStays reports that something of the customer's is still in a bucket that the plan made.
var ErrStays = remedy.New("copies stay at the destination",
	"residency inventory shows what is there. The plan made these buckets: if nobody else uses them, delete them with "+
		"all their versions by the service's own console or client; or let residency migrate --plan ID go on, which "+
		"proves what is there instead of copying it again")

// Stay is what a listing shows of the customer's data in a bucket that the plan made.
type Stay struct {
	Location string `json:"location"`
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

// stays lists the buckets that the plan made once more: a run that was killed can have
// written copies of which no receipt knows. What differs from all originals of its key is
// somebody else's.
func (a *undoing) stays(ctx context.Context) (all []Stay, err error) {
	buckets, err := record.Buckets(ctx, a.run.Record)
	if err != nil {
		return nil, err
	}
	a.run.Pass = a.run.Passes[len(a.run.Passes)-1]
	for i, m := range a.run.Plan.Moves {
		if made := buckets.Find(m.Destination); m.Exists || made == nil || !made.Made {
			continue
		}
		s := Stay{Location: a.run.Plan.To(m).String()}
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
	return fmt.Errorf("%w: %d entries, by a listing of the buckets that this plan made", ErrStays, n)
}
