package record

import (
	"context"

	"github.com/residency/residency/migrate/cost"
	"github.com/residency/residency/migrate/state"
)

const (
	// CostFile keeps what a plan was expected to cost, and what its runs have sent.
	CostFile   = "cost.json"
	costSchema = "residency/cost/1"
)

// Cost is what a plan was expected to cost when it was first run, and what runs that came to
// an end have sent until then.
type Cost struct {
	Schema   string         `json:"schema"`
	Plan     string         `json:"plan_sha256"`
	Work     cost.Work      `json:"work"` // that the estimate is of
	Estimate *cost.Estimate `json:"estimate"`
	Begun    int64          `json:"runs_begun"`
	Counted  int64          `json:"runs_counted"`
	Requests []cost.Count   `json:"requests"`
}

// Cost reads it; nil if no run of the plan has written it down.
func (r *Record) Cost(ctx context.Context) (*Cost, error) {
	c := new(Cost)
	found, err := r.ReadFile(ctx, CostFile, costSchema, c, &c.Schema, &c.Plan)
	if !found || err != nil {
		return nil, err
	}
	return c, nil
}

// SaveCost keeps it.
func (r *Record) SaveCost(ctx context.Context, c *Cost) error {
	c.Schema, c.Plan = costSchema, r.Plan.Digest
	return state.PutJSON(ctx, r.Home, r.Name(CostFile), c)
}
