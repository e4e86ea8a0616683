package migrate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/state"
)

// pass is one complete list of what is to be at the destination. The first is
// the plan's own manifest; a later one is what a listing of the source came to
// when others had written to it since. Each stands for itself: its manifest has
// all entries, its receipts those that earlier passes have proven.
type pass struct {
	Schema string     `json:"schema"`
	Plan   string     `json:"plan_sha256"`
	Number int        `json:"pass"` // from 1
	At     time.Time  `json:"at"`
	Fenced bool       `json:"fenced"`            // writes to the source were denied when it was listed
	Erased bool       `json:"erasing"`           // the source was being erased: what is gone was erased by us
	Undone bool       `json:"undone,omitempty"`  // aborted: it does not count
	New    int64      `json:"new"`               // entries that the pass before did not have
	Gone   int64      `json:"gone"`              // entries of the pass before that the source has no more
	Stale  []listFile `json:"stale,omitempty"`   // lists of what the destination must lose
	Upload *Uploads   `json:"uploads,omitempty"` // unfinished uploads to be aborted

	Segments []manifest.Segment `json:"segments"`
	Moves    []Totals           `json:"totals"` // by move
}

const passSchema = "residency/pass/1"

// listFile describes a list in the state.
type listFile struct {
	Name    string `json:"name"`
	Entries int    `json:"entries"`
	Digest  string `json:"sha256"`
}

func (p *pass) totals() (sum Totals) {
	for _, t := range p.Moves {
		sum.add(t)
	}
	return sum
}

// dir is where a pass's files lie, under the plan's directory.
func (p *pass) dir() string {
	if p.Number == 1 {
		return ""
	}
	return fmt.Sprintf("pass-%d/", p.Number)
}

const passFile = "pass.json"

// firstPass is the plan's own manifest.
func firstPass(p *Plan) *pass {
	first := &pass{Schema: passSchema, Plan: p.Digest, Number: 1, At: p.Created, Segments: p.Segments, Upload: p.Uploads}
	for _, m := range p.Moves {
		first.Moves = append(first.Moves, m.Totals)
	}
	return first
}

// loadPasses returns all passes that were made, in order.
func loadPasses(ctx context.Context, home state.Home, p *Plan) ([]*pass, error) {
	passes := []*pass{firstPass(p)}
	for n := 2; ; n++ {
		next := &pass{Number: n}
		name := p.ID + "/" + next.dir() + passFile
		err := getJSON(ctx, home, name, next)
		if errors.Is(err, state.ErrNotFound) || err == nil && next.Undone {
			return passes, nil
		}
		if err != nil {
			return nil, err
		}
		if err := next.check(p, n); err != nil {
			return nil, fmt.Errorf("%w: %s: %w", state.ErrDamaged, name, err)
		}
		passes = append(passes, next)
	}
}

// check holds what was read against the plan it is of.
func (p *pass) check(plan *Plan, number int) error {
	switch {
	case p.Schema != passSchema:
		return fmt.Errorf("schema %q, want %q", p.Schema, passSchema)
	case p.Plan != plan.Digest:
		return errors.New("it belongs to another plan")
	case p.Number != number:
		return fmt.Errorf("it says that it is pass %d", p.Number)
	case len(p.Moves) != len(plan.Moves):
		return fmt.Errorf("totals of %d moves, the plan has %d", len(p.Moves), len(plan.Moves))
	}
	if err := checkSegments(plan, p.Segments); err != nil {
		return err
	}
	return countSegments(p.Segments, func(move int) Totals { return p.Moves[move] }, len(p.Moves))
}

// checkSegments refuses segments that are not numbered in order or name no move.
func checkSegments(p *Plan, segments []manifest.Segment) error {
	var before *manifest.Segment
	for i, s := range segments {
		if s.Move < 0 || s.Move >= len(p.Moves) || s.Number != i+1 || before != nil && s.Move < before.Move {
			return fmt.Errorf("segment %d names no move, or is out of order", s.Number)
		}
		if before != nil && before.Move != s.Move {
			before = nil
		}
		if err := checkSegment(p.Moves[s.Move], s, before); err != nil {
			return fmt.Errorf("segment %d: %w", s.Number, err)
		}
		before = &segments[i]
	}
	return nil
}

// open makes a work of the plan as far as it has come.
func (r *Runner) open(ctx context.Context, p *Plan) (*work, error) {
	passes, err := loadPasses(ctx, r.Home, p)
	if err != nil {
		return nil, err
	}
	return &work{Runner: r, plan: p, passes: passes, pass: passes[len(passes)-1], result: newResult(p), codec: new(state.Codec), retained: make(map[string]retention), twins: make(map[int]int64)}, nil
}

// file names one of a segment's files in this pass.
func (w *work) file(s manifest.Segment, kind string) string {
	return w.name(w.pass.dir() + s.File(kind))
}

// totals counts the entries of this pass.
func (w *work) totals() Totals { return w.pass.totals() }

// listSource yields the histories of one move's source. Leases are no customer's
// data: another run's may come and go.
func (w *work) listSource(ctx context.Context, m Move) histories {
	return objectstore.Histories(apart(w.versions(ctx, m, ""), func(objectstore.Version) {}))
}

// listDestination yields the histories of one move's destination.
func (w *work) listDestination(ctx context.Context, m Move) histories {
	return objectstore.Histories(listable(w.destination().Versions(ctx, m.Destination, m.Prefix, "")))
}
