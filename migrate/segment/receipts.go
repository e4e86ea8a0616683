package segment

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/record"
	"github.com/residency/residency/migrate/state"
)

// Known loads a segment's entries with the receipts that there are, and the basis of what
// a journal may say beyond them.
func Known(
	ctx context.Context, run *phase.Run, started time.Time, s manifest.Segment,
) (r record.Joined, basis string, err error) {
	if r.Entries, err = run.Entries(ctx, s); err != nil {
		return r, "", err
	}
	data, err := run.Home.Get(ctx, run.File(s, "receipts"))
	switch {
	case errors.Is(err, state.ErrNotFound):
		return r, basisOf(run, started, s.Digest, ""), nil
	case err != nil:
		return r, "", err
	}
	r.Receipts, err = receipt.Decode(run.Codec, s, r.Entries, data)
	return r, basisOf(run, started, s.Digest, state.Digest(data)), err
}

// basisOf ties a journal's line to what it goes on from. Once a segment has other
// receipts, or the plan was aborted and begun anew, the line is void, also one
// that comes late from a run that stood still.
func basisOf(run *phase.Run, started time.Time, of, receipts string) string {
	return state.Digest(fmt.Appendf(nil, "%s %d %d %d %s %s",
		run.Plan.Digest, started.UnixNano(), run.Pass.Number, run.Pass.At.UnixNano(), of, receipts))
}

// keep stores a segment's receipts, and counts them.
func keep(
	ctx context.Context, run *phase.Run, s manifest.Segment, receipts iter.Seq2[*receipt.Receipt, error],
) (counted Summary, err error) {
	before, err := record.ReadHeldBefore(ctx, run.Record, s)
	if err != nil {
		return counted, err
	}
	file, err := receipt.WriteReceipts(run.Codec, s)
	if err != nil {
		return counted, err
	}
	way := run.Plan.Moves[s.Move].Way
	for r, err := range receipts {
		if err != nil {
			return counted, err
		}
		before.Mark(r)
		counted.Count(r, plan.Passed(way, r))
		if err := file.Add(r); err != nil {
			return counted, err
		}
	}
	data, err := file.Close()
	if err != nil {
		return counted, err
	}
	return counted, run.Home.Put(ctx, run.File(s, "receipts"), data)
}

// Missing returns the segments that have no receipts, or some that are not
// verified; those are tried again.
func Missing(ctx context.Context, run *phase.Run) ([]manifest.Segment, error) {
	var missing []manifest.Segment
	for _, s := range run.Pass.Segments {
		data, err := run.Home.Get(ctx, run.File(s, "receipts"))
		if errors.Is(err, state.ErrNotFound) {
			missing = append(missing, s)
			continue
		}
		if err != nil {
			return nil, err
		}
		h, err := state.DecodeHeaderBy(run.Codec, s.File("receipts"), receipt.Schema, data)
		if err != nil {
			return nil, err
		}
		if h.Entries != s.Entries || h.Counts[string(receipt.Verified)] != s.Entries {
			missing = append(missing, s)
		}
	}
	return missing, nil
}

// Counted reads a segment's receipts and counts them. Those that are not verified are
// given to bad.
func Counted(
	ctx context.Context, run *phase.Run, s manifest.Segment, bad func(*receipt.Receipt),
) (counted Summary, err error) {
	t, err := run.Open(ctx, s, record.WithReceipts)
	if err != nil {
		return counted, err
	}
	defer t.Close()
	way := run.Plan.Moves[s.Move].Way
	for x := t.Next(); x != nil; x = t.Next() {
		counted.Count(&x.Receipt, plan.Passed(way, &x.Receipt))
		if x.Receipt.Verdict != receipt.Verified {
			bad(&x.Receipt)
		}
	}
	return counted, t.Err
}
