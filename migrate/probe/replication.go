package probe

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/remedy"
	"github.com/residency/residency/migrate/parity"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/reserve"
)

// ErrReplicates is reserve.ErrCoupled, found in the source's replication rules and not by
// experiment: once the rules are gone, the same plan can go on.
var ErrReplicates = remedy.Wrap(fmt.Errorf("%w (replication)", reserve.ErrCoupled),
	"turn that replication off and wait for pending replication to finish, then run the same command again; or set "+
		"another destination.bucket and plan again, so that the plan makes its own copies")

// Unreplicated reads the replication rules of a move's source as they are now;
// the plan's reading may be long ago. A rule that leads into the destination
// refuses: what is erased at the source could be removed there too, later than
// any experiment waits. Where copies have their originals' version IDs, a
// replication has made them, and any rule refuses, for it may lead there by way
// of another bucket.
func Unreplicated(ctx context.Context, run *phase.Run, move int, twins int64) error {
	m := run.Plan.Moves[move]
	value, err := run.Source(m).Setting(ctx, m.Bucket, objectstore.Replication)
	switch {
	case errors.Is(err, objectstore.ErrNotOffered), err == nil && value == nil:
		return nil
	case errors.Is(err, objectstore.ErrDenied) && twins > 0:
		return replicas(run, move, twins, "whether it still replicates could not be read (access denied)")
	case errors.Is(err, objectstore.ErrDenied):
		run.Notef("whether %s replicates could not be read before the erase (access denied)", plan.BucketName(m))
		return nil
	case err != nil:
		return fmt.Errorf("replication of %s: %w", plan.BucketName(m), err)
	}
	targets, err := parity.Targets(value)
	switch {
	case err != nil:
		return fmt.Errorf("replication of %s: %w", plan.BucketName(m), err)
	case slices.Contains(targets, m.Destination):
		return fmt.Errorf("%w: %s replicates into %s, the destination; this run erased nothing there",
			ErrReplicates, plan.BucketName(m), m.Destination)
	case len(targets) > 0 && twins > 0:
		return replicas(run, move, twins, "it replicates to "+strings.Join(targets,
			", ")+", from where deletions could be passed on")
	}
	return nil
}

// replicas refuses to rely on copies that a replication has made.
func replicas(run *phase.Run, move int, twins int64, why string) error {
	m := run.Plan.Moves[move]
	return fmt.Errorf("%w: %d copies at %s have the version IDs of their originals in %s, "+
		"as a replication makes them, and %s; this run erased nothing there", ErrReplicates,
		twins, run.Plan.To(m), plan.BucketName(m), why)
}
