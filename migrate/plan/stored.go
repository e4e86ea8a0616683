package plan

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/residency/residency/migrate/state"
)

// Save writes the plan last of all its files: a plan that is there is whole.
func (p *Plan) Save(ctx context.Context, home state.Home) error {
	data, err := json.MarshalIndent(p, "", "  ")
	if err != nil {
		return fmt.Errorf("encode plan: %w", err)
	}
	if err := home.PutIfAbsent(ctx, p.ID+"/plan.json", append(data, '\n')); err != nil && !errors.Is(err,
		state.ErrExists) {
		return fmt.Errorf("save plan: %w", err)
	}
	return nil
}

// Load reads a plan by its ID, or as ByDigest does, and holds it against its own
// digest.
func Load(ctx context.Context, home state.Home, name string) (*Plan, error) {
	plans, err := List(ctx, home)
	if err != nil {
		return nil, err
	}
	if slices.Contains(plans, name) {
		return load(ctx, home, name)
	}
	return byDigest(ctx, home, plans, name)
}

// ByDigest finds the one stored plan that has a digest, or whose digest begins with
// at least 12 digits. ErrNoPlan if there is none. ErrAmbiguous if digits that are
// not a whole digest begin, or may begin, those of several: one that cannot be
// read counts.
func ByDigest(ctx context.Context, home state.Home, digits string) (*Plan, error) {
	plans, err := List(ctx, home)
	if err != nil {
		return nil, err
	}
	return byDigest(ctx, home, plans, digits)
}

func byDigest(ctx context.Context, home state.Home, plans []string, digits string) (*Plan, error) {
	var found *Plan
	var meant []string
	var damaged error
	for _, id := range plans {
		if len(digits) < MinApproval || shortDigest(id) != strings.ToLower(digits[:MinApproval]) {
			continue
		}
		switch p, err := load(ctx, home, id); {
		case errors.Is(err, state.ErrDamaged):
			meant, damaged = append(meant, fmt.Sprintf("%s (%v)", id, err)), err
		case err != nil:
			return nil, err
		case p.Approves(digits):
			found, meant = p, append(meant, fmt.Sprintf("%s (digest %s)", id, p.Digest))
		}
	}
	switch {
	case len(meant) > 1 && len(digits) < 2*sha256.Size:
		return nil, fmt.Errorf("%w: %q can mean %s", ErrAmbiguous, digits, strings.Join(meant, ", "))
	case found != nil:
		return found, nil
	case damaged != nil:
		return nil, damaged
	}
	return nil, fmt.Errorf("%w: %q; the state in %s has %s", ErrNoPlan, digits, home, listed(plans))
}

func listed(plans []string) string {
	if len(plans) == 0 {
		return "no plans"
	}
	return strings.Join(plans, ", ")
}

func shortDigest(id string) string { return id[max(0, len(id)-MinApproval):] }

// List returns the IDs of all plans in the state.
func List(ctx context.Context, home state.Home) ([]string, error) {
	names, err := home.List(ctx, "")
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, name := range names {
		if id, ok := strings.CutSuffix(name, "/plan.json"); ok && !strings.Contains(id, "/") {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

func load(ctx context.Context, home state.Home, id string) (*Plan, error) {
	data, err := home.Get(ctx, id+"/plan.json")
	if err != nil {
		return nil, err
	}
	return parsePlan(id, data)
}

// Parse reads a plan whose ID is the one that it says, as its directory's may have been
// changed.
func Parse(data []byte) (*Plan, error) {
	var named struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(data, &named); err != nil {
		return nil, fmt.Errorf("%w: plan: %w", state.ErrDamaged, err)
	}
	return parsePlan(named.ID, data)
}

// parsePlan reads a plan and holds it against its digest, its ID and reason.
func parsePlan(id string, data []byte) (*Plan, error) {
	var p Plan
	if err := state.DecodeJSON(data, &p); err != nil {
		return nil, fmt.Errorf("%w: plan %s: %w", state.ErrDamaged, id, err)
	}
	if p.Schema != Schema {
		return nil, fmt.Errorf("%w: plan %s has schema %q, want %q", state.ErrDamaged, id, p.Schema, Schema)
	}
	digest, err := p.digest()
	if err != nil {
		return nil, err
	}
	if digest != p.Digest || p.ID != id || !strings.HasSuffix(id, digest[:MinApproval]) {
		return nil, fmt.Errorf("%w: plan %s was changed: its content has digest %s", state.ErrDamaged, id, digest)
	}
	if err := p.check(); err != nil {
		return nil, fmt.Errorf("%w: plan %s: %w", state.ErrDamaged, id, err)
	}
	if err := p.checkHeld(); err != nil {
		return nil, err
	}
	return &p, nil
}
