package record

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/state"
)

// Pass is one complete list of what is to be at the destination. The first is
// the plan's own manifest; a later one is what a listing of the source came to
// when others had written to it since. Each stands for itself: its manifest has
// all entries, its receipts those that earlier passes have proven.
type Pass struct {
	Schema string        `json:"schema"`
	Plan   string        `json:"plan_sha256"`
	Number int           `json:"pass"` // from 1
	At     time.Time     `json:"at"`
	Fenced bool          `json:"fenced"`               // writes to the source were denied when it was listed
	Erased bool          `json:"erasing"`              // the source was being erased: what is gone was erased by us
	Undone bool          `json:"undone,omitempty"`     // aborted: it does not count
	New    int64         `json:"new"`                  // entries that the pass before did not have
	Gone   int64         `json:"gone"`                 // entries of the pass before that the source has no more
	Stale  []ListFile    `json:"stale,omitempty"`      // lists of what the destination must lose
	Kept   int64         `json:"stale_kept,omitempty"` // of that, what the pass before says as well and had not removed
	Upload *plan.Uploads `json:"uploads,omitempty"`    // unfinished uploads to be aborted

	Segments []manifest.Segment `json:"segments"`
	Moves    []plan.Totals      `json:"totals"` // by move
}

// PassSchema is that of a pass's own file.
const PassSchema = "residency/pass/1"

// ListFile describes a list in the state.
type ListFile struct {
	Name    string `json:"name"`
	Entries int    `json:"entries"`
	Digest  string `json:"sha256"`
}

// Totals counts the entries of all moves.
func (p *Pass) Totals() (sum plan.Totals) {
	for _, t := range p.Moves {
		sum.Add(t)
	}
	return sum
}

// Dir is where a pass's files lie, under the plan's directory.
func (p *Pass) Dir() string {
	if p.Number == 1 {
		return ""
	}
	return fmt.Sprintf("pass-%d/", p.Number)
}

// PassFile is where a pass lies, under its directory.
const PassFile = "pass.json"

// firstPass is the plan's own manifest.
func firstPass(p *plan.Plan) *Pass {
	first := &Pass{Schema: PassSchema, Plan: p.Digest, Number: 1, At: p.Created, Segments: p.Segments, Upload: p.Uploads}
	for _, m := range p.Moves {
		first.Moves = append(first.Moves, m.Totals)
	}
	return first
}

// loadPasses returns all passes that were made, in order.
func loadPasses(ctx context.Context, home state.Home, p *plan.Plan) ([]*Pass, error) {
	passes := []*Pass{firstPass(p)}
	for n := 2; ; n++ {
		next := &Pass{Number: n}
		name := p.ID + "/" + next.Dir() + PassFile
		err := state.GetJSON(ctx, home, name, next)
		if errors.Is(err, state.ErrNotFound) || err == nil && next.Undone {
			return passes, nil
		}
		if err != nil {
			return nil, err
		}
		if err := next.Check(p, n); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", state.ErrDamaged, name, err)
		}
		passes = append(passes, next)
	}
}

// Check holds what was read against the plan it is of.
func (p *Pass) Check(of *plan.Plan, number int) error {
	switch {
	case p.Schema != PassSchema:
		return fmt.Errorf("schema %q, want %q", p.Schema, PassSchema)
	case p.Plan != of.Digest:
		return errors.New("it belongs to another plan")
	case p.Number != number:
		return fmt.Errorf("it says that it is pass %d", p.Number)
	case len(p.Moves) != len(of.Moves):
		return fmt.Errorf("totals of %d moves, the plan has %d", len(p.Moves), len(of.Moves))
	}
	if err := plan.CheckSegments(of, p.Segments); err != nil {
		return err
	}
	return plan.CountSegments(p.Segments, func(move int) plan.Totals { return p.Moves[move] }, len(p.Moves))
}
