package migrate

import (
	"context"
	"fmt"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/probe"
)

// byItself refuses to go on where a source's service, by what it says now, would repeat at the
// destination what is done at the source, or would not let go of what is to be erased.
func byItself(ctx context.Context, run *phase.Run, erases bool) error {
	for _, m := range run.Plan.Moves {
		copies, locks, err := plan.SourceNow(ctx, run.Source(m), m)
		switch {
		case len(copies) > 0:
			return fmt.Errorf("%w: %s: %s [%s]", probe.ErrReplicates, copies[0].Location, copies[0].Text, copies[0].Rule)
		case len(locks) > 0 && erases:
			return blockedErase(locks)
		case err != nil && objectstore.Only(err, objectstore.ErrDenied):
			run.Notef("what the service of %s does there by itself could not be read (access denied)", plan.BucketName(m))
		case err != nil:
			return fmt.Errorf("what the service of %s does by itself: %w", plan.BucketName(m), err)
		}
	}
	return nil
}

// obstructed is what a source tells before anything is done.
func obstructed(ctx context.Context, run *phase.Run, erases bool) error {
	if err := byItself(ctx, run, erases); err != nil || !erases {
		return err
	}
	return barred(ctx, run)
}
