package migrate

import (
	"context"
	"fmt"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/remedy"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/receipt"
)

// lostCopy is an original of which the destination does not show the copy.
type lostCopy struct {
	move         int
	key, version string
}

// lose remembers the first of them; a few are enough to tell what can be done.
func (f *found) lose(move int, r *receipt.Receipt) {
	if len(f.lost) < phase.MaxProblems && !r.Marker {
		f.lost = append(f.lost, lostCopy{move: move, key: string(r.Key), version: r.VersionID})
	}
}

// spoiledLate is the error for copies that are gone after the erase began. It looks which
// of their originals are still at the source: those this plan cannot copy again, for what
// is put back has another version ID than its receipt says; a new plan can.
func (w *work) spoiledLate(ctx context.Context, f *found, text string) error {
	err := fmt.Errorf("%w: %s: %w", ErrSpoiledLate, text, ErrVerification)
	there := 0
	for _, l := range f.lost {
		m := w.run.Plan.Moves[l.move]
		ref := objectstore.Ref{Bucket: m.Bucket, Key: l.key}
		if l.version != objectstore.NullVersion {
			ref.VersionID = l.version
		}
		if _, statErr := w.run.Source(m).Stat(ctx, ref, 0); statErr == nil {
			there++
		}
	}
	if there == 0 {
		return err
	}
	again := fmt.Sprintf("the source still has the originals of %d of the first %d that are missing: residency plan --to %s "+
		"--customer %s writes a new plan of what is there, and residency migrate --plan with its ID copies that again and "+
		"erases it", there, len(f.lost), w.run.Plan.Destination, w.run.Plan.Customer)
	if there < len(f.lost) || f.shown.Spoiled > int64(len(f.lost)) {
		again += ". Of the rest: " + remedy.For(ErrSpoiledLate)
	}
	return remedy.Wrap(err, "find out who changes the destination; "+again)
}
