package migrate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/destination"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/record"
	"github.com/residency/residency/migrate/segment"
)

// erase passes the gate, deletes what was proven, looks what is left, and
// certifies.
func (w *work) erase(ctx context.Context) error {
	if err := w.called(ctx, plan.StageErase); err != nil {
		return err
	}
	if err := w.acted(ctx, plan.StageErase); err != nil {
		return err
	}
	erasing, err := w.run.Erasing(ctx)
	if err != nil {
		return err
	}
	if err := w.probes.DropLeft(ctx); err != nil {
		w.run.Notef("probes of earlier runs may be left at the destination: %v", err)
	}
	gate, err := w.gate(ctx, erasing)
	if err != nil {
		return err
	}
	if !erasing {
		sources := make([]record.Listed, len(w.run.Plan.Moves))
		for i, m := range w.run.Plan.Moves {
			sources[i] = record.Listed{Uploads: w.run.Pass.Moves[i].Uploads}.Of(m.From().String(), m.Source.Country,
				&w.sourceCheck.Shown[i])
		}
		if err := w.run.SaveGate(ctx, w.result.Entries, w.run.Now(), sources, gate.listed(w.run.Plan)); err != nil {
			return err
		}
		w.run.Notef("gate passed: %s verified, source and destination listed again", phase.Entries(w.result.Entries))
	}
	erased, err := w.eraseSegments(ctx, gate.twins)
	w.result.erased(erased)
	if err != nil {
		return err
	}
	if err := abortUploads(ctx, w.run); err != nil {
		return err
	}
	sources, err := remainder(ctx, w.run, erased.retained)
	if err != nil {
		return err
	}
	for _, l := range sources {
		if l.Left() {
			w.result.Left = append(w.result.Left, l.Remains())
		}
	}
	w.result.SourceEmpty = len(w.result.Left) == 0
	if w.result.SourceEmpty { // a plan that goes on writes histories
		if err := destination.Suspend(ctx, w.run); err != nil {
			return err
		}
	}
	w.result.Erased = true
	// The last act: what the certificate says is there is listed once more.
	w.run.Progress.Begin("listing the destination again", w.run.Totals().Entries, 0)
	f, err := w.listDestination(ctx, closing)
	if err != nil {
		return err
	}
	w.result.showed(f)
	spoiled := f.shown.Spoiled
	w.result.Found = w.run.Totals().Entries - f.shown.Recorded - spoiled
	if err := w.run.SaveClosing(ctx, w.run.Now(), sources, f.listed(w.run.Plan)); err != nil {
		return err
	}
	if err := w.certify(ctx); err != nil {
		return err
	}
	if w.result.SourceEmpty || w.result.leftOut(w.run.Plan) { // otherwise the plan goes on
		if err := w.reservation.End(ctx); err != nil {
			return err
		}
	}
	unsigned := w.sign(ctx)
	w.tell(ctx)
	outcome := w.result.outcome(w.run.Plan, spoiled, w.run.Totals().Entries)
	if outcome == nil || unsigned == nil {
		return cmp.Or(outcome, unsigned)
	}
	return errors.Join(outcome, unsigned)
}

// outcome says what an erase that has come to its end came to: spoiled of so many entries are
// not at the destination as they were written.
func (r *Result) outcome(p *plan.Plan, spoiled, entries int64) error {
	if spoiled > 0 {
		return fmt.Errorf("%w: %d of %d entries, found after the source was erased: %w", ErrSpoiledLate, spoiled, entries,
			ErrVerification)
	}
	if n := r.Erasures[string(receipt.Unerased)]; n > 0 {
		return phase.Failed(r.unerased, "%s could not be erased", phase.Entries(n))
	}
	if r.leftOut(p) {
		return ErrLeftOut
	}
	if !r.SourceEmpty && r.keptAlone() {
		return ErrKept
	}
	if !r.SourceEmpty {
		return ErrNotEmpty
	}
	return nil
}

// keptAlone tells whether nothing is left but what the services keep of what was deleted.
func (r *Result) keptAlone() bool {
	return !slices.ContainsFunc(r.Left, func(l certificate.Left) bool { return l.Entries+l.Uploads+l.Unlistable > 0 })
}

// erased is what became of the source.
type erased struct {
	summary  segment.Summary
	retained map[string]segment.Retained // what locks keep, by source location
	problems Problems
}

// eraseSegments erases the source, segment by segment. What one has shown of its move the
// next need not try again.
func (w *work) eraseSegments(ctx context.Context, twins []int64) (all erased, err error) {
	w.run.Progress.Begin("erasing", w.run.Totals().Entries, 0)
	// Where an earlier run has certified that something was left, no deletion's
	// acknowledgement counts: all are asked for again.
	again, err := w.run.Certified(ctx)
	if err != nil {
		return all, err
	}
	all.retained = make(map[string]segment.Retained)
	deps := &segment.Deps{Run: w.run}
	trials := make([]segment.Trial, len(w.run.Plan.Moves))
	for _, s := range w.run.Pass.Segments {
		summary, err := w.eraseSegment(ctx, deps, s, &trials[s.Move], again, twins[s.Move])
		all.summary.Merge(summary)
		m := w.run.Plan.Moves[s.Move]
		if gone := (*segment.SpoiledError)(nil); errors.As(err, &gone) {
			f, lookErr := listDestination(ctx, w.run, closing) // which names them
			all.problems.Append(f.problems)
			err = fmt.Errorf("%w: after the first deletions in %s, %w; the rest of the source was not touched: %w",
				ErrSpoiledLate, m.From(), err, ErrVerification)
			err = errors.Join(err, lookErr)
		}
		if err == nil {
			err = all.take(ctx, w.run, s, summary)
		}
		if err != nil {
			return all, fmt.Errorf("erase segment %d: %w", s.Number, err)
		}
	}
	return all, nil
}

// take takes what became of one segment, and names what is left of it.
func (e *erased) take(ctx context.Context, run *phase.Run, s manifest.Segment, summary segment.Summary) error {
	at := run.Plan.Moves[s.Move].From().String()
	kept := e.retained[at]
	kept.Merge(summary.Retained)
	e.retained[at] = kept
	if summary.Left == 0 || len(e.problems) >= phase.MaxProblems {
		return nil
	}
	return segment.EachLeft(ctx, run, s, func(x *receipt.Erasure) bool {
		e.problems.Add(Problem{Location: at, Key: x.Key, VersionID: x.VersionID, What: string(x.Outcome), Reason: x.Reason})
		return len(e.problems) < phase.MaxProblems
	})
}

// eraseSegment erases one, behind the trial of its move if that is the first of which
// anything is left.
func (w *work) eraseSegment(
	ctx context.Context, deps *segment.Deps, s manifest.Segment, trial *segment.Trial, again bool, twins int64,
) (segment.Summary, error) {
	if trial.Entries == 0 {
		left, err := segment.Unerased(ctx, w.run, s, again)
		if err != nil {
			return segment.Summary{}, err
		}
		if left > 0 {
			if *trial, err = w.probes.Try(ctx, s.Move, twins); err != nil {
				return segment.Summary{}, err
			}
		}
	}
	task := segment.NewTask(w.run, w.result.Started, w.reservation.Token, s)
	task.Trial, task.Trial.Again = *trial, again
	summary, err := segment.Erase(ctx, deps, task)
	*trial = summary.Trial
	return summary, err
}

// whyLeft says why so many entries are left, of which locks keep some.
func whyLeft(r segment.Retained, entries, unlistable int64) string {
	var parts []string
	if unlistable > 0 {
		parts = append(parts, plan.UnlistableReason(unlistable))
	}
	if r.Entries > 0 {
		text := fmt.Sprintf("%d retained", r.Entries)
		if !r.Until.IsZero() {
			text += ", the last until " + r.Until.Format(time.RFC3339)
		}
		if r.Hold {
			text += ", some under a legal or event hold until it is lifted"
		}
		parts = append(parts, text)
	}
	if entries > r.Entries || r.Entries+unlistable == 0 {
		parts = append(parts, "written since the last listing, or not erased; see the erasures in the state")
	}
	return strings.Join(parts, "; ")
}

// kept counts what the source's service keeps of what was deleted.
func kept(ctx context.Context, run *phase.Run, m plan.Move, left *record.Listed) error {
	var all objectstore.Kept
	for d, err := range objectstore.KeptOf(ctx, run.Source(m), m.Bucket, m.Prefix) {
		if err != nil {
			return fmt.Errorf("list what was deleted in %s and is kept: %w", m.From(), err)
		}
		all.Add(d)
	}
	if all.Entries == 0 {
		return nil
	}
	left.Kept, left.KeptBytes, left.KeptUntil = all.Entries, all.Bytes, all.Until()
	until := "until a time that it does not tell of all"
	if left.KeptUntil != nil {
		until = "the last until " + left.KeptUntil.Format(time.RFC3339)
	}
	text := fmt.Sprintf("%s that were deleted (%d bytes) are kept by the service, %s", phase.Entries(left.Kept),
		left.KeptBytes, until)
	if left.Reason != "" {
		text = left.Reason + "; " + text
	}
	left.Reason = text
	return nil
}

// abortUploads aborts the unfinished uploads that the plan knows.
func abortUploads(ctx context.Context, run *phase.Run) error {
	return run.EachUpload(ctx, func(u plan.Upload) error {
		m := run.Plan.Moves[u.Move]
		if err := run.Source(m).AbortUpload(ctx, m.Bucket, string(u.Key), u.UploadID); err != nil {
			return fmt.Errorf("abort an unfinished upload in %s: %w", m.From(), err)
		}
		return nil
	})
}

// remainder lists every source once more and says what is there.
func remainder(
	ctx context.Context, run *phase.Run, retained map[string]segment.Retained,
) (all []record.Listed, err error) {
	run.Progress.Begin("listing what is left", 0, 0)
	for _, m := range run.Plan.Moves {
		var left record.Listed
		var tally manifest.Tally
		versions := objectstore.Listable(run.Source(m).Versions(ctx, m.Bucket, m.Prefix, ""),
			func(objectstore.Version) { left.Unlistable++ })
		for v, err := range versions {
			if err != nil {
				return nil, fmt.Errorf("list %s: %w", m.From(), err)
			}
			if objectstore.IsMarkerOf(v.VersionID) {
				continue // what it is shown above is counted
			}
			e := manifest.FromVersion(v)
			tally.Add(&e)
		}
		uploads := objectstore.Listable(run.Source(m).Uploads(ctx, m.Bucket, m.Prefix),
			func(objectstore.Upload) { left.Unlistable++ })
		for _, err := range uploads {
			if err != nil {
				return nil, fmt.Errorf("list unfinished uploads of %s: %w", m.From(), err)
			}
			left.Uploads++
		}
		left = left.Of(m.From().String(), m.Source.Country, &tally)
		if left.Left() {
			left.Reason = whyLeft(retained[left.Location], left.Entries+left.Uploads, left.Unlistable)
		}
		if err := kept(ctx, run, m, &left); err != nil {
			return nil, err
		}
		all = append(all, left)
	}
	return all, nil
}
