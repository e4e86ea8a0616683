package migrate

import (
	"context"
	"fmt"
	"slices"

	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/state"
)

// What the destination held when the plan was made is not ours to take away
// later. It is kept beside the manifest, segment by segment, outside of the
// digest: it says nothing about the source.

const heldSchema = "residency/held/1"

// heldLine says how many entries of a key, from the oldest, were there.
type heldLine struct {
	Key     manifest.Key `json:"key"`
	Entries int          `json:"entries"`
}

// storeHeld writes what was found of a segment's keys.
func (p *planner) storeHeld(ctx context.Context, s manifest.Segment) error {
	if len(p.held) == 0 {
		return nil
	}
	data, err := state.Encode(state.Header{Schema: heldSchema, Segment: s.Number, Move: s.Move, Entries: len(p.held)}, p.held)
	if err != nil {
		return fmt.Errorf("encode what the destination holds: %w", err)
	}
	p.held = p.held[:0]
	p.plan.HeldIn = append(p.plan.HeldIn, s.Number)
	return p.spool.Put(ctx, s.File("held"), data)
}

// heldBefore says what was at the destination when the plan was made, of a
// segment's keys.
type heldBefore struct {
	counts map[manifest.Key]int
	key    manifest.Key
	at     int // in the key's history
}

// mark marks a segment's receipts, one after another.
func (h *heldBefore) mark(r *receipt.Receipt) {
	if r.Key != h.key {
		h.key, h.at = r.Key, 0
	}
	r.Before = r.Before || h.at < h.counts[r.Key]
	h.at++
}

func (w *work) heldBefore(ctx context.Context, s manifest.Segment) (*heldBefore, error) {
	h := &heldBefore{counts: make(map[manifest.Key]int)}
	for _, n := range w.plan.HeldIn {
		planned := w.plan.Segments[n-1]
		if planned.Move != s.Move || planned.LastKey < s.FirstKey || planned.FirstKey > s.LastKey {
			continue
		}
		data, err := w.Home.Get(ctx, w.name(planned.File("held")))
		if err != nil {
			return nil, err
		}
		for line, err := range state.Decode[heldLine](planned.File("held"), heldSchema, data) {
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

// checkHeld refuses numbers that name no segment.
func (p *Plan) checkHeld() error {
	if slices.ContainsFunc(p.HeldIn, func(n int) bool { return n < 1 || n > len(p.Segments) }) {
		return fmt.Errorf("%w: plan %s names a segment that it does not have", state.ErrDamaged, p.ID)
	}
	return nil
}
