package record

import (
	"context"

	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/state"
)

// HeldBefore says what was at the destination when the plan was made, of a
// segment's keys.
type HeldBefore struct {
	counts map[manifest.Key]int
	key    manifest.Key
	at     int // in the key's history
}

// Mark marks a segment's receipts, one after another.
func (h *HeldBefore) Mark(r *receipt.Receipt) {
	if r.Key != h.key {
		h.key, h.at = r.Key, 0
	}
	r.Before = r.Method != receipt.Recorded && (r.Before || h.at < h.counts[r.Key])
	h.at++
}

// ReadHeldBefore reads it, of a segment's keys.
func ReadHeldBefore(ctx context.Context, r *Record, s manifest.Segment) (*HeldBefore, error) {
	h := &HeldBefore{counts: make(map[manifest.Key]int)}
	for _, n := range r.Plan.HeldIn {
		planned := r.Plan.Segments[n-1]
		if planned.Move != s.Move || planned.LastKey < s.FirstKey || planned.FirstKey > s.LastKey {
			continue
		}
		data, err := r.Home.Get(ctx, r.Name(planned.File("held")))
		if err != nil {
			return nil, err
		}
		for line, err := range state.Decode[plan.HeldLine](planned.File("held"), plan.HeldSchema, data) {
			if err != nil {
				return nil, err
			}
			if line.Key >= s.FirstKey && line.Key <= s.LastKey {
				h.counts[line.Key] = line.Entries
			}
		}
	}
	return h, nil
}
