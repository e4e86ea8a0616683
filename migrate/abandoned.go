package migrate

import (
	"context"
	"fmt"
	"slices"

	"github.com/residency/residency/migrate/manifest"
)

// abandoned aborts unfinished uploads of the pass's keys at the destination. A
// copy aborts those that it finds before it begins; what a run that died had
// sent can still arrive afterwards.
func (w *work) abandoned(ctx context.Context) error {
	for i, m := range w.plan.Moves {
		for u, err := range listable(w.destination().Uploads(ctx, m.Destination, m.Prefix)) {
			if err != nil {
				return fmt.Errorf("list unfinished uploads of %s: %w", w.plan.To(m), err)
			}
			if u.UploadID == w.reservation.Marks[m.Destination] {
				continue // whose key a customer's object may have
			}
			ours, err := w.hasKey(ctx, i, u.Key)
			if err != nil {
				return err
			}
			if !ours {
				continue
			}
			if err := w.destination().AbortUpload(ctx, m.Destination, u.Key, u.UploadID); err != nil {
				return fmt.Errorf("abort an unfinished upload in %s: %w", w.plan.To(m), err)
			}
		}
	}
	return nil
}

// hasKey tells whether a move of the pass has a key.
func (w *work) hasKey(ctx context.Context, move int, key string) (bool, error) {
	i := w.segmentOf(move, key)
	if i < 0 {
		return false, nil
	}
	entries, err := w.entries(ctx, w.pass.Segments[i])
	if err != nil {
		return false, err
	}
	return slices.ContainsFunc(entries, func(e manifest.Entry) bool { return string(e.Key) == key }), nil
}

// segmentOf is the index of the segment that has a key if any has, or -1.
func (w *work) segmentOf(move int, key string) int {
	return slices.IndexFunc(w.pass.Segments, func(s manifest.Segment) bool {
		return s.Move == move && string(s.FirstKey) <= key && key <= string(s.LastKey)
	})
}
