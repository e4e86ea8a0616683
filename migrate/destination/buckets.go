// Package destination makes a plan's destination buckets, gives them the settings that the
// plan says, and sees that they are as it left them.
package destination

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/record"
	"github.com/residency/residency/migrate/state"
)

// Unchanged holds the plan's destination buckets against the plan, and returns which of them
// are the plan's own.
func Unchanged(ctx context.Context, run *phase.Run) (*plan.BucketRecord, error) {
	known, err := record.Buckets(ctx, run.Record)
	if err != nil {
		return nil, err
	}
	for _, m := range run.Plan.Moves {
		if err := sameBucket(ctx, run, m, known); err != nil {
			return nil, err
		}
		also, blockers, err := plan.DestinationNow(ctx, run.Destination(), run.Plan, m)
		switch {
		case err != nil:
			return nil, fmt.Errorf("look at %s: %w", run.Plan.BucketAt(m), err)
		case len(also) > 0:
			return nil, phase.Changed("the service now keeps what is in %s also in %s", run.Plan.BucketAt(m),
				strings.Join(also, ", "))
		case len(blockers) > 0:
			return nil, phase.Undo("%s: %s [%s]", run.Plan.BucketAt(m), blockers[0].Text, blockers[0].Rule)
		}
	}
	return known, nil
}

// sameBucket looks at one destination bucket again.
func sameBucket(ctx context.Context, run *phase.Run, m plan.Move, known *plan.BucketRecord) error {
	at := run.Plan.BucketAt(m)
	region, err := run.Destination().BucketRegion(ctx, m.Destination)
	switch {
	case errors.Is(err, objectstore.ErrNotFound) && m.Exists:
		return phase.Changed("the bucket %s existed and is gone", at)
	case errors.Is(err, objectstore.ErrNotFound):
		return nil
	case err != nil:
		return fmt.Errorf("look at %s: %w", at, err)
	case region != "" && region != run.Plan.Destination.Code:
		return phase.Changed("the bucket %s is in %s, not in %s", at, region, run.Plan.Destination.Code)
	}
	if !m.Exists {
		made := known.Find(m.Destination)
		switch {
		case made == nil:
			if err := adopt(ctx, run, m, known); err != nil {
				return err
			}
		case !made.Made:
			if err := take(ctx, run, m, known); err != nil {
				return err
			}
		}
	}
	l, err := plan.LookAt(ctx, run.Destination(), run.Plan, m, run.Now())
	switch {
	case err != nil:
		return err
	case len(l.Blockers) > 0:
		return phase.Undo("%s: %s", at, l.Blockers[0].Text)
	case m.Found != nil && !m.Found.Equal(l.Adds):
		return phase.Undo("the default retention or encryption of the bucket %s has changed", at)
	}
	return nil
}

// adopt takes a bucket for the plan's own that an earlier run of it has made, from
// a state that is not here: the lease there names the plan.
func adopt(ctx context.Context, run *phase.Run, m plan.Move, known *plan.BucketRecord) error {
	who, err := plan.Claimant(ctx, run.Destination(), m, run.Now())
	switch {
	case err != nil:
		return err
	case who == "":
		return phase.Changed("the bucket %s now exists, created by others", run.Plan.BucketAt(m))
	case !strings.HasPrefix(who, plan.LeaseHolder(run.Plan.ID)):
		return phase.Changed("the bucket %s now exists, created by others, and %s has reserved it", run.Plan.BucketAt(m), who)
	}
	run.Notef("the bucket %s was created by an earlier run of this plan, with another state (%s)", run.Plan.BucketAt(m),
		who)
	return record.SaveBucket(ctx, run.Record, known, m.Destination, true)
}

// take holds a bucket that this plan asked for to be its own if it is as new
// ones are: the answer may have been lost, and others may have been faster.
func take(ctx context.Context, run *phase.Run, m plan.Move, known *plan.BucketRecord) error {
	trace, err := plan.Traces(ctx, run.Destination(), m)
	if err != nil {
		return err
	}
	if trace != "" {
		return phase.Changed("the bucket %s was created by others, or used by them since: %s", run.Plan.BucketAt(m), trace)
	}
	return record.SaveBucket(ctx, run.Record, known, m.Destination, true)
}

// Prepare makes a move's bucket where there is to be a new one, and gives it
// what the parity table says. What others made stays as it is.
//
// It returns until when what is written there may get no version ID, because versioning was
// turned on a while ago; the zero time if not. The probe that every run writes there first
// is waited for; that it got one says nothing for sure, and until the time is over copies
// are looked at for it too.
func Prepare(
	ctx context.Context, run *phase.Run, m plan.Move, known *plan.BucketRecord,
) (unversionedUntil time.Time, err error) {
	if m.Exists {
		return unversionedUntil, nil
	}
	if err := create(ctx, run, m, known); err != nil {
		return unversionedUntil, err
	}
	if m.Versioning != objectstore.Unversioned {
		if unversionedUntil, err = version(ctx, run, m, known); err != nil {
			return unversionedUntil, err
		}
	}
	if len(m.Tags) > 0 {
		err := run.Destination().SetBucketTags(ctx, m.Destination, m.Tags)
		if err != nil && !errors.Is(err, objectstore.ErrNotOffered) {
			return unversionedUntil, err
		}
	}
	return unversionedUntil, apply(ctx, run, m, true)
}

// create makes a move's bucket if it is not there.
func create(ctx context.Context, run *phase.Run, m plan.Move, known *plan.BucketRecord) error {
	store := run.Destination()
	if _, err := store.BucketRegion(ctx, m.Destination); errors.Is(err, objectstore.ErrNotFound) {
		if err := record.SaveBucket(ctx, run.Record, known, m.Destination, false); err != nil {
			return err
		}
		if err := store.CreateBucket(ctx, m.Destination, m.Lock); err != nil {
			if err = taken(err); err != nil {
				return err
			}
		}
		if err := take(ctx, run, m, known); err != nil {
			return err
		}
		run.Notef("created bucket %s in %s", run.Plan.BucketAt(m), run.Plan.Destination.Code)
	} else if err != nil {
		return err
	}
	if made := known.Find(m.Destination); made == nil || !made.Made {
		return phase.Changed("the bucket %s now exists, created by others", run.Plan.BucketAt(m))
	}
	return nil
}

// version turns on a bucket's versioning, and returns until when that may not be in effect.
func version(
	ctx context.Context, run *phase.Run, m plan.Move, known *plan.BucketRecord,
) (until time.Time, err error) {
	now, err := run.Destination().Versioning(ctx, m.Destination)
	if err != nil {
		return until, err
	}
	made := known.Find(m.Destination)
	if now != objectstore.Enabled && objectstore.CapabilitiesOf(run.Destination()).NewBuckets.AccountVersioning {
		return until, phase.Changed("the account of %s keeps no versions any more", run.Plan.BucketAt(m))
	}
	if now != objectstore.Enabled {
		if err := run.Destination().SetVersioning(ctx, m.Destination, objectstore.Enabled); err != nil {
			return until, err
		}
		made.Versioned = run.Now().UTC()
		if err := state.PutJSON(ctx, run.Home, run.Name(plan.BucketsFile), known); err != nil {
			return until, err
		}
	}
	if since := made.Versioned; !since.IsZero() && run.Now().Before(since.Add(versioningDelay)) {
		until = since.Add(versioningDelay)
	}
	return until, nil
}

// Versioning that was just turned on comes into force bit by bit, for up to 15 minutes
// (Amazon S3 User Guide, "Using versioning in S3 buckets"). What is written meanwhile
// can become a null version, which the next write takes the place of, or which lies
// beneath it unasked.
const versioningDelay = 15 * time.Minute

// taken turns down a bucket that came to be between the look at it and its
// creation: whoever made it, it has not been looked at.
func taken(err error) error {
	var answer *objectstore.Error
	if errors.As(err, &answer) && answer.Code == "BucketAlreadyOwnedByYou" {
		return nil
	}
	if errors.Is(err, objectstore.ErrExists) {
		return fmt.Errorf("%w: it was created at this moment, by somebody else or by a request of ours whose answer was "+
			"lost; run the same command again, which examines it first: %w", phase.ErrPartial, err)
	}
	return err
}
