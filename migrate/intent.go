package migrate

import (
	"context"
	"errors"
	"fmt"

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
func (w *work) begun(ctx context.Context, s manifest.Segment) (int, error) {
	if w.unsaid {
		return s.Entries, nil
	}
	var x intent
	name := w.pass.dir() + intentFile(s)
	err := getJSON(ctx, w.Home, w.name(name), &x)
	if errors.Is(err, state.ErrNotFound) {
		return 0, nil
	}
	if err == nil {
		err = w.belongs(name, x.Schema, intentSchema, x.Plan)
	}
	if err == nil && (x.Segment != s.Number || x.Entries < 0 || x.Entries > s.Entries) {
		err = fmt.Errorf("%w: %s says %d entries of segment %d", state.ErrDamaged, name, x.Entries, x.Segment)
	}
	return x.Entries, err
}

// intend writes down that the erase of a segment's first entries begins.
func (w *work) intend(ctx context.Context, s manifest.Segment, entries int) error {
	err := putJSON(ctx, w.Home, w.name(w.pass.dir()+intentFile(s)), intent{
		Schema: intentSchema, Plan: w.plan.Digest, Segment: s.Number, Entries: entries, At: w.Now().UTC().Format(gateTime),
	})
	if err != nil {
		return err
	}
	return w.renew(ctx, w.plan.Moves[s.Move].Destination)
}
