package changes

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/state"
)

const staleDoneFile = "stale.json"

// staleDone says that the destination has lost what this pass says it must. It
// names the pass by its time: one that was aborted had the same number.
type staleDone struct {
	Schema  string    `json:"schema"`
	Pass    time.Time `json:"pass_at"`
	Entries int       `json:"entries"`
}

// Outdated counts the copies that passes had removed. copied is what the
// last of them came to.
func Outdated(run *phase.Run, copied error) (n int64) {
	passes := run.Passes
	if copied != nil {
		passes = passes[:len(passes)-1]
	}
	for _, p := range passes {
		for _, file := range p.Stale {
			n += int64(file.Entries)
		}
		n -= p.Kept
	}
	return n
}

// RemoveStale takes away, at the destination, the copies of what the source's
// owners have deleted or replaced since it was copied: exactly what the receipts
// of earlier passes say was written, and nothing that was there before the plan.
//
// An abort says with keeps which keys' copies stay. Delete markers that are only shown are passed over
// then: they go with the versions beneath, which the abort removes. Without keeps those stay without which a
// key would look deleted that the source shows (see bare), and what stays is left.
func (s *Check) RemoveStale(
	ctx context.Context, keeps func(ctx context.Context, move int, key manifest.Key) (bool, error),
) (left phase.Problems, err error) {
	if gone, err := isRemoved(ctx, s.run); err != nil || gone {
		return nil, err
	}
	if err := s.Explain(ctx, s.run.Pass.Erased); err != nil {
		return nil, err
	}
	done := staleDone{Schema: "residency/stale-done/1", Pass: s.run.Pass.At}
	var failed receipt.Failures
	hidden := int64(0) // those of the failed ones without which keys would look deleted
	stays := func(move int, key manifest.Key, id string, what receipt.Outcome, why string) {
		left.Add(phase.Problem{Location: s.run.Plan.To(s.run.Plan.Moves[move]).String(), Key: key, VersionID: id,
			What: string(what), Reason: "an outdated copy " + why})
	}
	b := bare{run: s.run}
	s.run.Progress.Begin("removing outdated copies", 0, 0)
	err = s.run.EachStale(ctx, func(move int, entries []manifest.Entry) error {
		e, err := phase.DestinationEraser(ctx, s.run, s.run.Plan.Moves[move])
		if err != nil {
			return err
		}
		if keeps != nil {
			var removed []manifest.Entry
			for _, x := range entries {
				if objectstore.IsMarkerOf(x.VersionID) {
					continue
				}
				switch stays, err := keeps(ctx, move, x.Key); {
				case err != nil:
					return err
				case !stays:
					removed = append(removed, x)
				}
			}
			entries = removed
		} else if !s.run.Pass.Erased { // what is erased at the source is current nowhere else
			hides, err := b.hides(ctx, move, entries)
			if err != nil {
				return err
			}
			entries = slices.DeleteFunc(entries, func(x manifest.Entry) bool {
				if !hides[x.Key] {
					return false
				}
				hidden++
				failed.Add(true, receipt.CauseOf(receipt.ErrForeign))
				stays(move, x.Key, x.VersionID, receipt.Unerased, "stays: without it the key would look deleted, for this service "+
					"makes current nothing that lies beneath, and what does is not this plan's to write again")
				return true
			})
		}
		erasures, err := e.Segment(ctx, entries)
		for _, x := range erasures {
			if !x.Done() && x.Outcome != receipt.Changed { // what others have written over is gone
				failed.Add(x.Lasting, x.Cause)
				stays(move, x.Key, x.VersionID, x.Outcome, "could not be removed: "+x.Reason)
			}
		}
		done.Entries += len(entries)
		return err
	})
	if err != nil {
		return left, fmt.Errorf("remove outdated copies: %w", err)
	}
	if failed.Entries > 0 {
		err := phase.Failed(failed, "%d outdated copies could not be removed from the destination", failed.Entries)
		if hidden == failed.Entries {
			return left, err // what the source gets may go above them
		}
		return left, stale{err}
	}
	return nil, state.PutJSON(ctx, s.run.Home, s.run.Name(s.run.Pass.Dir()+staleDoneFile), done)
}

// isRemoved tells whether the destination has lost what the pass says it must.
func isRemoved(ctx context.Context, run *phase.Run) (bool, error) {
	if len(run.Pass.Stale) == 0 {
		return true, nil
	}
	var done staleDone
	err := state.GetJSON(ctx, run.Home, run.Name(run.Pass.Dir()+staleDoneFile), &done)
	if errors.Is(err, state.ErrNotFound) {
		return false, nil
	}
	return err == nil && done.Pass.Equal(run.Pass.At), err
}

// ErrStale reports copies at the destination of what the source does not have
// any more, which could not be removed whatever the source gets. It comes with phase.ErrPartial.
var ErrStale = errors.New("outdated copies")

type stale struct{ error }

func (s stale) Unwrap() error      { return s.error }
func (stale) Is(target error) bool { return target == ErrStale }
