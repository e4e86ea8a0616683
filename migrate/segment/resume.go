package segment

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/residency/residency/migrate/journal"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/record"
	"github.com/residency/residency/migrate/state"
)

// Between the beginning of a segment and its file of receipts, a journal has what
// is known of it. A run that finds one makes receipts of it first, so that
// nothing else has to know of journals.

// Left is what earlier runs left besides receipts.
type Left struct {
	parts   []string // of their journals
	uploads []journal.Upload
}

// Resume makes receipts of what the journals of runs that were killed say. What it
// returns of them is to be removed when its uploads are in another journal.
func Resume(ctx context.Context, run *phase.Run, started time.Time) (l Left, err error) {
	if l.parts, err = run.Home.List(ctx, journalDir(run)); err != nil || len(l.parts) == 0 {
		return l, err
	}
	f := folding{run: run, started: started, open: make(map[int]*folded)}
	var uploads []journal.Upload
	for line, err := range journal.Read(ctx, run.Home, run.Codec, run.Plan.Digest, l.parts) {
		if err != nil {
			return l, err
		}
		switch {
		case line.Upload == nil:
			err = f.take(ctx, line)
		case line.Basis == basisOf(run, started, "", ""):
			uploads = append(uploads, *line.Upload)
		}
		if err != nil {
			return l, err
		}
	}
	if err := f.store(ctx); err != nil {
		return l, err
	}
	for _, u := range uploads {
		if under, err := f.underWay(ctx, u); err != nil {
			return l, err
		} else if under {
			l.uploads = append(l.uploads, u)
		}
	}
	return l, nil
}

// folding holds the few segments that were under way.
type folding struct {
	run     *phase.Run
	started time.Time
	open    map[int]*folded // by number
}

// folded is one of them.
type folded struct {
	record.Joined
	basis string
	taken int // lines of journals
}

func (f *folding) segment(ctx context.Context, number int) (*folded, error) {
	if s := f.open[number]; s != nil {
		return s, nil
	}
	r, basis, err := Known(ctx, f.run, f.started, f.run.Pass.Segments[number-1])
	if err != nil {
		return nil, err
	}
	if r.Receipts == nil {
		for i := range r.Entries {
			r.Receipts = append(r.Receipts, receipt.Pending(&r.Entries[i]))
		}
	}
	f.open[number] = &folded{Joined: r, basis: basis}
	return f.open[number], nil
}

// take takes a verdict, unless it is void.
func (f *folding) take(ctx context.Context, line *journal.Line) error {
	if line.Segment > len(f.run.Pass.Segments) {
		return nil // of a pass that was aborted
	}
	s, err := f.segment(ctx, line.Segment)
	if err != nil || line.Basis != s.basis {
		return err
	}
	if line.Entry >= len(s.Entries) {
		return fmt.Errorf("%w: the journal names entry %d of segment %d, which has %d",
			state.ErrDamaged, line.Entry, line.Segment, len(s.Entries))
	}
	if err := line.Receipt.Of(&s.Entries[line.Entry]); err != nil {
		return fmt.Errorf("%w: the journal's receipt for entry %d of segment %d: %w",
			state.ErrDamaged, line.Entry, line.Segment, err)
	}
	s.Receipts[line.Entry] = *line.Receipt
	s.taken++
	return nil
}

// store writes the receipts of the segments of which something was taken.
func (f *folding) store(ctx context.Context) error {
	var entries int
	for _, number := range slices.Sorted(maps.Keys(f.open)) {
		s := f.open[number]
		if s.taken == 0 {
			continue
		}
		entries += s.taken
		receipts := func(yield func(*receipt.Receipt, error) bool) {
			for i := range s.Receipts {
				if !yield(&s.Receipts[i], nil) {
					return
				}
			}
		}
		if _, err := keep(ctx, f.run, f.run.Pass.Segments[number-1], receipts); err != nil {
			return err
		}
	}
	if entries > 0 {
		f.run.Notef("the previous run was cut off; already done of its unfinished segments: %s",
			phase.Entries(int64(entries)))
	}
	return nil
}

// underWay tells whether an upload is of an entry that is not settled.
func (f *folding) underWay(ctx context.Context, u journal.Upload) (bool, error) {
	i := f.run.Pass.SegmentOf(u.Move, string(u.Key))
	if i < 0 {
		return false, nil
	}
	s, err := f.segment(ctx, i+1)
	if err != nil {
		return false, err
	}
	at := slices.IndexFunc(s.Entries, func(e manifest.Entry) bool { return e.Key == u.Key && e.VersionID == u.VersionID })
	return at >= 0 && s.Receipts[at].Verdict == receipt.Failed, nil
}
