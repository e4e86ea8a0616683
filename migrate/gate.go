package migrate

import (
	"context"
	"errors"
	"fmt"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/remedy"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/destination"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/probe"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/record"
)

// found is what a fresh listing of the destination shows, of all moves.
type found struct {
	shown    phase.Shown
	moves    []phase.Shown // one by one
	twins    []int64       // by move: copies that have their original's version ID
	problems Problems
	doubts   doubts // what is no longer proven by that
	lost     []lostCopy
}

// listDestination lists the destination afresh and holds it against the receipts. Newer
// entries, on top of ours or beside them, are somebody's work, not a fault, where there are
// versions: they are counted. What the listing does not tell is asked about, as deep as is said.
func listDestination(ctx context.Context, run *phase.Run, d depth) (f found, err error) {
	return listBehind(ctx, run, d, func(context.Context, int) (string, func() error, error) {
		return "", func() error { return nil }, nil
	})
}

// listDestination is as the function, and refuses listings that are older than what this run
// writes just before each.
func (w *work) listDestination(ctx context.Context, d depth) (found, error) {
	return listBehind(ctx, w.run, d, w.probes.Beacon)
}

func listBehind(
	ctx context.Context, run *phase.Run, d depth,
	beacon func(ctx context.Context, move int) (key string, drop func() error, err error),
) (f found, err error) {
	f.twins = make([]int64, len(run.Plan.Moves))
	for i, m := range run.Plan.Moves {
		place := run.Plan.To(m).String()
		asking := newInquiry(run, i, d)
		key, drop, err := beacon(ctx, i)
		if err != nil {
			return f, err
		}
		shown, err := phase.ListDestination(ctx, run, i, phase.Look{Looked: &run.Progress.Entries, Inquiry: asking,
			Beacon: key,
			Lost: func(r *receipt.Receipt, nth int, why string) {
				f.lose(i, r)
				f.doubts.add(run.Pass.SegmentOf(i, string(r.Key)), r.Key, nth)
				f.problems.Add(Problem{Location: place, Key: r.Key, VersionID: r.DestinationVersionID, What: "spoiled",
					Reason: why})
			}})
		if err = errors.Join(err, drop()); err == nil {
			err = asking.keep(ctx)
		}
		if err != nil {
			return f, err
		}
		f.shown.Merge(shown)
		f.moves = append(f.moves, shown)
		f.twins[i] = shown.Twins
	}
	return f, nil
}

// listed is what the listings of the destination showed, for the record.
func (f *found) listed(p *plan.Plan) []record.Listed {
	all := make([]record.Listed, len(p.Moves))
	for i, m := range p.Moves {
		s := &f.moves[i]
		all[i] = record.Listed{Newer: s.Newer, Covered: s.Covered, Own: s.Own, Classes: s.Classes}.Of(p.To(m).String(),
			p.Destination.Country,
			&s.Tally)
	}
	return all
}

// gate decides whether anything may be erased (law L2). It returns what it found at the
// destination.
func (w *work) gate(ctx context.Context, erasing bool) (f found, err error) {
	if err := w.result.verified(); err != nil {
		return f, err
	}
	now := objectstore.WithSince(ctx, w.run.Now()) // what was set while it copied, too
	if _, err := w.unchanged(now); err != nil {
		return f, err
	}
	if err := byItself(now, w.run, true); err != nil {
		return f, err
	}
	if err := destination.SameEncryption(ctx, w.run); err != nil {
		return f, err
	}
	total := w.run.Totals().Entries
	if w.result.Entries != total || w.result.Verdicts[string(receipt.Verified)] != total {
		return f, fmt.Errorf("%w: %d of %d entries have a verified receipt", ErrVerification,
			w.result.Verdicts[string(receipt.Verified)], total)
	}
	w.run.Progress.Begin("listing the destination again", total, 0)
	if f, err = w.listDestination(ctx, beforeErasing); err != nil {
		return f, err
	}
	w.result.showed(f)
	spoiled := f.shown.Spoiled
	if spoiled > 0 && !erasing {
		if err := f.doubts.withdraw(ctx, w.run); err != nil {
			return f, err
		}
	}
	if spoiled > 0 {
		text := phase.Entries(spoiled) + "; this run erased nothing"
		if erasing {
			return f, w.spoiledLate(ctx, &f, text)
		}
		return f, w.spoiled(ctx, &f, text)
	}
	// What a listing of this run showed that the plan does not know counts, even
	// if the next one should not show it: one of the two is wrong.
	drift := w.unsettled
	if drift.None() {
		if drift, err = w.sourceCheck.ListSteadily(ctx, erasing); err != nil {
			return f, err
		}
	}
	if !drift.None() {
		for _, at := range drift.Locations {
			w.result.Left = append(w.result.Left, certificate.Left{Location: at, Reason: "changed since the plan: " +
				drift.String()})
		}
		if drift.Reserved > 0 {
			return f, remedy.Wrap(fmt.Errorf("%w: it changed since the plan (%s), and %w; nothing was erased",
				ErrNotEmpty, drift, ErrReserved), remedy.For(ErrReserved))
		}
		return f, fmt.Errorf("%w: it changed since the plan (%s); nothing was erased", ErrNotEmpty, drift)
	}
	for i := range w.run.Plan.Moves {
		if err := probe.Unreplicated(ctx, w.run, i, f.twins[i]); err != nil {
			return f, err
		}
	}
	return f, w.tagging.showTags(ctx)
}
