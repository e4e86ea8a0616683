package migrate

import (
	"context"
	"fmt"
	"slices"

	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/record"
	"github.com/residency/residency/migrate/reserve"
)

// abandoned aborts unfinished uploads of the pass's keys at the destination. A
// copy aborts those that it finds before it begins; what a run that died had
// sent can still arrive afterwards.
func abandoned(ctx context.Context, run *phase.Run, r *reserve.Reservation) error {
	marks, err := r.Marks(ctx)
	if err != nil {
		return err
	}
	for i, m := range run.Plan.Moves {
		for u, err := range plan.Listable(run.Destination().Uploads(ctx, m.Destination, m.Prefix)) {
			if err != nil {
				return fmt.Errorf("list unfinished uploads of %s: %w", run.Plan.To(m), err)
			}
			if u.UploadID == marks[m.Destination] {
				continue // whose key a customer's object may have
			}
			ours, err := hasKey(ctx, run.Record, i, u.Key)
			if err != nil {
				return err
			}
			if !ours {
				continue
			}
			if err := run.Destination().AbortUpload(ctx, m.Destination, u.Key, u.UploadID); err != nil {
				return fmt.Errorf("abort an unfinished upload in %s: %w", run.Plan.To(m), err)
			}
		}
	}
	return nil
}

// hasKey tells whether a move of the pass has a key.
func hasKey(ctx context.Context, r *record.Record, move int, key string) (bool, error) {
	i := r.Pass.SegmentOf(move, key)
	if i < 0 {
		return false, nil
	}
	entries, err := r.Entries(ctx, r.Pass.Segments[i])
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(entries, func(e manifest.Entry) bool { return string(e.Key) == key }), nil
}
