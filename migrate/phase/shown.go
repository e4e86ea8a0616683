package phase

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/residency/residency/inventory/objectstore"
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
	Own     int64 // leases, besides
	Twins   int64 // copies that have their original's version ID; see Twin
	// Tally is of the entries that are there as they were written.
	Tally manifest.Tally
	// Classes are storage classes, by name, that copies have and their originals have not.
	Classes map[string]int64
}

// Merge adds what another listing shows, but for its tally, which is of one listing.
func (s *Shown) Merge(other Shown) {
	s.Spoiled += other.Spoiled
	s.Newer += other.Newer
	s.Own += other.Own
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

// ListDestination lists one move's destination afresh and holds it against the receipts.
// Of each that is not borne out, lost is told, with its place in its key's history. Entries
// are counted as they are looked at.
func ListDestination(
	ctx context.Context, run *Run, move int, looked *atomic.Int64, lost func(r *receipt.Receipt, nth int),
) (shown Shown, err error) {
	m := run.Plan.Moves[move]
	// Receipts are our own word; that of the manifest is covered by the
	// approval. Where ETags tell contents apart, they must.
	told := !run.Opaque(m)
	err = run.Alongside(ctx, move, run.DestinationHistories(ctx, m), record.WithReceipts, func(written record.History,
		listed []objectstore.Version) error {
		next := 0 // of what is listed; others' entries may lie between
		nth := -1 // of its history
		for x := written.Next(); x != nil; x = written.Next() {
			nth++
			looked.Add(1)
			r := &x.Receipt
			at := slices.IndexFunc(listed[next:], func(v objectstore.Version) bool {
				return r.Shows(v) && (!told || copier.Same(x.Entry, v))
			})
			if Twin(m, r) {
				shown.Twins++
			}
			if at < 0 {
				shown.Spoiled++
				lost(r, nth)
				continue
			}
			found := manifest.FromVersion(listed[next+at])
			shown.Tally.Add(&found)
			if class := objectstore.ClassName(listed[next+at].StorageClass); !x.Entry.Marker &&
				class != objectstore.ClassName(x.Entry.StorageClass) {
				shown.class(class, 1)
			}
			shown.Newer += int64(at)
			next += at + 1
		}
		if more := int64(len(listed) - next); more > 0 && objectstore.IsLease(listed[0].Key) {
			shown.Own += more
		} else {
			shown.Newer += more
		}
		return nil
	})
	if err != nil {
		return shown, fmt.Errorf("list %s: %w", run.Plan.To(m), err)
	}
	return shown, nil
}

// Twin tells whether a copy has its original's version ID, as only a replication
// gives it. A null version is one where all that a plan writes has IDs: at a
// destination with versioning.
func Twin(m plan.Move, r *receipt.Receipt) bool {
	return r.VersionID == r.DestinationVersionID &&
		(r.VersionID != objectstore.NullVersion || m.Versioning != objectstore.Unversioned)
}
