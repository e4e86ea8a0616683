package migrate

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/parity"
)

// ErrReplicates is ErrCoupled, found in the source's replication rules and not by
// experiment: once the rules are gone, the same plan can go on.
var ErrReplicates = fmt.Errorf("%w (replication)", ErrCoupled)

// unreplicated reads the replication rules of a move's source as they are now;
// the plan's reading may be long ago. A rule that leads into the destination
// refuses: what is erased at the source could be removed there too, later than
// any experiment waits. Where copies have their originals' version IDs, a
// replication has made them, and any rule refuses, for it may lead there by way
// of another bucket.
func (w *work) unreplicated(ctx context.Context, move int) error {
	m := w.plan.Moves[move]
	value, err := w.source(m).Setting(ctx, m.Bucket, objectstore.Replication)
	switch {
	case errors.Is(err, objectstore.ErrNotOffered), err == nil && value == nil:
		return nil
	case errors.Is(err, objectstore.ErrDenied) && w.twins[move] > 0:
		return w.replicas(move, "whether it still replicates could not be read (access denied)")
	case errors.Is(err, objectstore.ErrDenied):
		w.note("whether %s replicates could not be read before the erase (access denied)", bucketName(m))
		return nil
	case err != nil:
		return fmt.Errorf("replication of %s: %w", bucketName(m), err)
	}
	targets, err := parity.Targets(value)
	switch {
	case err != nil:
		return fmt.Errorf("replication of %s: %w", bucketName(m), err)
	case slices.Contains(targets, m.Destination):
		return fmt.Errorf("%w: %s replicates into %s, the destination; nothing of it was erased by this run",
			ErrReplicates, bucketName(m), m.Destination)
	case len(targets) > 0 && w.twins[move] > 0:
		return w.replicas(move, "it replicates to "+strings.Join(targets, ", ")+", from where removals could be passed on")
	}
	return nil
}

// replicas refuses to rely on copies that a replication has made.
func (w *work) replicas(move int, why string) error {
	m := w.plan.Moves[move]
	return fmt.Errorf("%w: %d copies at %s have the version IDs of their originals in %s, "+
		"as a replication makes them, and %s; nothing of it was erased by this run", ErrReplicates,
		w.twins[move], w.plan.To(m), bucketName(m), why)
}
