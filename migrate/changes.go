package migrate

import (
	"context"
	"errors"
	"fmt"

	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/changes"
	"github.com/residency/residency/migrate/record"
	"github.com/residency/residency/migrate/state"
	"github.com/residency/residency/migrate/writeblock"
)

// carryChanges copies, lists the source again, and as long as others have written to
// it meanwhile makes a further pass, at most o.Passes times. Whether the source
// holds still in the end is for the gate to say.
func (w *work) carryChanges(ctx context.Context, o Options) error {
	erasing, err := w.run.Erasing(ctx)
	if err != nil {
		return err
	}
	blocked, wanted, err := w.earlierBlock(ctx, o.Fence, erasing)
	if err != nil {
		return err
	}
	left := o.Passes
	if blocked && wanted {
		left = max(left, 1) // the one that the write block is for, if its run did not come to it
	}
	for ; ; left-- {
		copied := w.copy(ctx)
		w.result.Passes, w.result.Outdated = w.run.Pass.Number, changes.Outdated(w.run, copied)
		if copied != nil && (!errors.Is(copied, ErrPartial) || errors.Is(copied, changes.ErrStale)) {
			return copied
		}
		drift, err := w.sourceCheck.ListSteadily(ctx, erasing)
		if err != nil {
			return errors.Join(copied, err)
		}
		if wanted && !blocked && (left <= 1 || drift.None()) {
			standing, why, err := writeblock.PutUp(ctx, w.run)
			if err != nil {
				return err
			}
			if w.result.NotFenced = why; why != "" && o.FenceRequired {
				return fmt.Errorf("%w: %s", ErrNotFenced, why)
			}
			w.result.Fence = append([]string{}, standing...)
			blocked = len(standing) > 0
			if wanted = blocked; blocked {
				if drift, err = w.sourceCheck.ListSteadily(ctx, erasing); err != nil {
					return err
				}
				left = max(left, 1)
			}
		}
		if drift.Entries() == 0 && (!blocked || drift.Uploads+drift.Reserved == 0) {
			return copied // a failure that no change of the source explains
		}
		if left <= 0 {
			w.unsettled = drift
			w.run.Notef("the source has changed again since (%s); run the same command again to copy that", drift)
			return copied
		}
		if err := w.furtherPass(ctx, drift, erasing, blocked); err != nil {
			return err
		}
	}
}

// earlierBlock tells whether a write block of an earlier run stands, and whether one is
// still wanted: another run may have ended this plan just now, and nothing is left to
// keep still.
func (w *work) earlierBlock(ctx context.Context, asked, erasing bool) (blocked, wanted bool, err error) {
	standing, blocked, err := writeblock.Earlier(ctx, w.run)
	if standing != nil {
		w.result.Fence = standing
	}
	if err != nil || !asked || !erasing {
		return blocked, asked, err
	}
	var c certificate.Certificate
	err = w.run.Certificate(ctx, &c)
	if err != nil && !errors.Is(err, state.ErrNotFound) {
		return blocked, asked, err
	}
	return blocked, !c.SourceEmpty, nil
}

// furtherPass makes the pass that carries what others have done to the source.
func (w *work) furtherPass(ctx context.Context, drift changes.Drift, erasing, blocked bool) error {
	if n := drift.Gone + drift.Changed; n > 0 {
		// A source that lost so much may be a disk that is not there, or somebody who took
		// the copy for done: a person must have seen it.
		if len(drift.Depleted) > 0 && n != w.sourceCheck.Outdated {
			alone, err := w.reservation.Unbroken(ctx)
			if err != nil {
				return err
			}
			return w.sourceCheck.Unexplained(drift, !alone)
		}
		if err := w.sourceCheck.Explain(ctx, erasing); err != nil {
			return err
		}
	}
	if err := w.sourceCheck.Carries(ctx, drift); err != nil {
		return err
	}
	w.run.Notef("others wrote to the source meanwhile (%s); copying that in pass %d", drift, w.run.Pass.Number+1)
	var next *record.Pass
	if err := w.run.Steady(ctx, func() (err error) {
		next, err = w.sourceCheck.NextPass(ctx, drift, erasing, blocked)
		return err
	}); err != nil {
		return fmt.Errorf("pass %d: %w", w.run.Pass.Number+1, err)
	}
	w.run.Passes = append(w.run.Passes, next)
	w.run.Pass = next
	return nil
}
