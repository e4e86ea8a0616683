package migrate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/residency/residency/inventory/doctor"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/copier"
	"github.com/residency/residency/migrate/limit"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/segment"
)

// copy brings over all segments that have no verified receipts yet.
func (w *work) copy(ctx context.Context) error {
	stays, err := w.sourceCheck.RemoveStale(ctx, nil)
	w.result.Problems.Append(stays)
	if err != nil {
		return err
	}
	left, err := segment.Resume(ctx, w.run, w.result.Started)
	if err != nil {
		return err
	}
	if err := w.tagging.retag(ctx); err != nil {
		return err
	}
	missing, err := missingSegments(ctx, w.run, w.tagging)
	if err != nil {
		return err
	}
	var done map[int]segment.Summary
	if len(missing) > 0 {
		if err := restoreArchived(ctx, w.run, w.result.Started, missing); err != nil {
			return err
		}
		begun := w.run.Now().UTC()
		tags, err := w.tagging.tags(ctx, missing)
		if err != nil {
			return err
		}
		if err := w.tagging.trustTags(ctx, tags); err != nil {
			return err
		}
		watch := w.tagging.watch(tags, begun)
		done, err = w.copySegments(ctx, missing, left, watch)
		if errors.Is(err, copier.ErrRedirect) {
			err = fmt.Errorf("%w; nothing was erased: residency migrate --abort %s takes this plan's copies back, "+
				"then plan with --ask-redirects, which asks about each: %w", ErrRedirects, w.run.Plan.ID, err)
		}
		if err = watch.keepSeen(ctx, err); err != nil {
			return err
		}
	} else if err := left.Remove(ctx, w.run); err != nil {
		return err
	}
	w.run.Progress.Begin("reading receipts", w.run.Totals().Entries, 0)
	if err := w.count(ctx, done); err != nil {
		return err
	}
	return w.result.verified()
}

// inFlight is how many segments are worked on at once: one being finished while the next
// one fills the pool.
const inFlight = 2

// copySegments works through segments, and returns what became of those that ended
// verified, by their numbers.
func (w *work) copySegments(
	ctx context.Context, missing []manifest.Segment, left segment.Left, watch *tagWatch,
) (done map[int]segment.Summary, err error) {
	var entries, bytes int64
	for _, s := range missing {
		entries += int64(s.Entries)
		bytes += s.Bytes
	}
	w.run.Progress.Begin("copying", entries, bytes)
	if missing[0].Number > 1 || len(missing) < len(w.run.Pass.Segments) {
		w.run.Notef("%d of %d segments are already verified", len(w.run.Pass.Segments)-len(missing), len(w.run.Pass.Segments))
	}
	deps := &segment.Deps{Run: w.run, Pool: limit.NewPool(w.run.Workers, w.run.MostWorkers, w.run.Now),
		Budget: cmp.Or(w.budget, copier.NewBudget(segment.DefaultBudget)), Watch: watch}
	if deps.Journal, err = segment.OpenJournal(ctx, w.run, w.result.Started, left, watch); err != nil {
		return nil, err
	}
	defer func() { err = cmp.Or(err, deps.Journal.Close(ctx)) }()
	facts, err := w.facts(ctx, watch.moves)
	if err != nil {
		return nil, err
	}
	done = make(map[int]segment.Summary)
	var mu sync.Mutex
	for together := range bySource(w.run, missing) {
		group, within := errgroup.WithContext(ctx)
		group.SetLimit(inFlight)
		for _, s := range together {
			if within.Err() != nil {
				break
			}
			group.Go(func() error {
				task := segment.NewTask(w.run, w.result.Started, w.reservation.Token, s)
				task.Facts = facts[s.Move]
				summary, err := segment.Copy(within, deps, task)
				if err == nil && summary.Verified() {
					mu.Lock()
					defer mu.Unlock()
					done[s.Number] = summary
				}
				return err
			})
		}
		if err := cmp.Or(group.Wait(), ctx.Err()); err != nil {
			return nil, err
		}
	}
	return done, nil
}

// facts finds out what a copy must know of the ends of each move.
func (w *work) facts(ctx context.Context, tags []tagged) ([]segment.Facts, error) {
	facts := make([]segment.Facts, len(w.run.Plan.Moves))
	marks, err := w.reservation.Marks(ctx)
	if err != nil {
		return nil, err
	}
	for i, m := range w.run.Plan.Moves {
		f := &facts[i]
		if m.Way != plan.ServerSide {
			if f.Enforced, err = w.probes.Enforces(ctx, m); err != nil {
				return nil, err
			}
			if f.Enforced {
				w.run.Saw(ctx, w.run.Destination().Endpoint(), doctor.RefusesChecksums, true)
			}
		}
		if f.Carries, err = w.probes.CarriesAll(ctx, m); err != nil {
			return nil, err
		}
		f.TagsTold, f.Mark, f.UnversionedUntil = tags[i].told, marks[m.Destination], w.run.UnversionedUntil[m.Destination]
	}
	return facts, nil
}

// within refuses a run that would have bytes pass through this machine where its plan says that the
// service copies them by itself.
func (w *work) within() error {
	for _, m := range w.run.Plan.Moves {
		if m.Way != plan.Streamed && !objectstore.CanCopy(w.run.Source(m), w.run.Destination()) {
			return phase.Changed("%s: its bytes were to go within the service, which cannot copy from there by itself now",
				m.From())
		}
	}
	return nil
}

// bySource yields segments in the order in which they are, those that lie side by
// side and come from one service together.
func bySource(run *phase.Run, segments []manifest.Segment) iter.Seq[[]manifest.Segment] {
	address := func(s manifest.Segment) string { source, _ := segment.Addresses(run, s); return source }
	return func(yield func([]manifest.Segment) bool) {
		for from := 0; from < len(segments); {
			to := from + 1
			for to < len(segments) && (segments[to].Move == segments[from].Move ||
				address(segments[to]) == address(segments[from])) {
				to++
			}
			if !yield(segments[from:to]) {
				return
			}
			from = to
		}
	}
}

// missingSegments returns the segments that have no receipts, or some that are not
// verified; those are tried again.
func missingSegments(ctx context.Context, run *phase.Run, tags *tagging) ([]manifest.Segment, error) {
	if err := tags.tagsKnown(ctx); err != nil {
		return nil, err
	}
	return segment.Missing(ctx, run)
}

// count counts all receipts of the pass: those of segments that are done are known, the
// others are read, in order, so that the same problems are named every time.
func (w *work) count(ctx context.Context, done map[int]segment.Summary) error {
	var all segment.Summary
	var bad Problems
	for _, s := range w.run.Pass.Segments {
		counted, known := done[s.Number]
		if !known {
			var err error
			counted, err = segment.Counted(ctx, w.run, s, func(r *receipt.Receipt) {
				bad.Add(Problem{Key: r.Key, VersionID: r.VersionID, What: string(r.Verdict), Reason: r.Reason})
			})
			if err != nil {
				return err
			}
		}
		all.Merge(counted)
		w.run.Progress.Entries.Add(int64(s.Entries))
	}
	w.result.copied(all, bad)
	return nil
}
