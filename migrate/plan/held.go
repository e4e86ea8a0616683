package plan

import (
	"context"
	"fmt"
	"slices"

	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/state"
)

// What the destination held when the plan was made is not ours to take away
// later. It is kept beside the manifest, segment by segment, outside of the
// digest: it says nothing about the source.

// HeldSchema is that of the files of what the destination held.
const HeldSchema = "residency/held/1"

// HeldLine says how many entries of a key, from the oldest, were there.
type HeldLine struct {
	Key     manifest.Key `json:"key"`
	Entries int          `json:"entries"`
}

// storeHeld writes what was found of a segment's keys.
func (p *planner) storeHeld(ctx context.Context, s manifest.Segment) error {
	if len(p.held) == 0 {
		return nil
	}
	data, err := state.Encode(state.Header{Schema: HeldSchema, Segment: s.Number, Move: s.Move, Entries: len(p.held)},
		p.held)
	if err != nil {
		return fmt.Errorf("encode what the destination holds: %w", err)
	}
	p.held = p.held[:0]
	p.plan.HeldIn = append(p.plan.HeldIn, s.Number)
	return p.spool.Put(ctx, s.File("held"), data)
}

// checkHeld refuses numbers that name no segment.
func (p *Plan) checkHeld() error {
	if slices.ContainsFunc(p.HeldIn, func(n int) bool { return n < 1 || n > len(p.Segments) }) {
		return fmt.Errorf("%w: plan %s names a segment that it does not have", state.ErrDamaged, p.ID)
	}
	return nil
}
