package record

import (
	"context"
	"fmt"
	"time"

	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/state"
)

// intent says that the erase of a segment's first entries was begun. It is
// written before the first of them is asked for, and stays: what is absent or
// changed at the source is held against it before anybody else is taken to have
// done that. The segment's erasures say what became of the entries.
type intent struct {
	Schema  string `json:"schema"`
	Plan    string `json:"plan_sha256"`
	Segment int    `json:"segment"`
	Entries int    `json:"entries"` // so many, from the first
	At      string `json:"at"`
}

const intentSchema = "residency/intent/1"

func intentFile(s manifest.Segment) string { return fmt.Sprintf("intents/%06d.json", s.Number) }

// begun returns how many of a segment's entries were begun to be erased, from
// the first.
func (r *Record) begun(ctx context.Context, s manifest.Segment) (int, error) {
	if r.unsaid {
		return s.Entries, nil
	}
	var x intent
	name := r.Pass.Dir() + intentFile(s)
	found, err := r.ReadFile(ctx, name, intentSchema, &x, &x.Schema, &x.Plan)
	if found && (x.Segment != s.Number || x.Entries < 0 || x.Entries > s.Entries) {
		err = fmt.Errorf("%w: %s says %d entries of segment %d", state.ErrDamaged, name, x.Entries, x.Segment)
	}
	return x.Entries, err
}

// Intend writes down that the erase of a segment's first entries begins.
func (r *Record) Intend(ctx context.Context, s manifest.Segment, entries int, now time.Time) error {
	return state.PutJSON(ctx, r.Home, r.Name(r.Pass.Dir()+intentFile(s)), intent{
		Schema: intentSchema, Plan: r.Plan.Digest, Segment: s.Number, Entries: entries, At: now.UTC().Format(gateTime),
	})
}
