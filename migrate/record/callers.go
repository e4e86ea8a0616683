package record

import (
	"context"
	"slices"

	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/state"
)

const (
	// CallersFile keeps as whom the runs of a plan spoke to its ends.
	CallersFile   = "callers.json"
	callersSchema = "residency/callers/1"
)

type callers struct {
	Schema  string               `json:"schema"`
	Plan    string               `json:"plan_sha256"`
	Callers []certificate.Caller `json:"callers"`
}

func (r *Record) readCallers(ctx context.Context) (*callers, error) {
	c := &callers{Schema: callersSchema, Plan: r.Plan.Digest}
	_, err := r.ReadFile(ctx, CallersFile, callersSchema, c, &c.Schema, &c.Plan)
	return c, err
}

// Callers are all of whom it is known, whoever planned first.
func (r *Record) Callers(ctx context.Context) ([]certificate.Caller, error) {
	c, err := r.readCallers(ctx)
	return slices.Concat([]certificate.Caller{}, r.Plan.Callers, c.Callers), err
}

// AddCallers keeps who carries out stages now, unless it is known.
func (r *Record) AddCallers(ctx context.Context, now []certificate.Caller) error {
	c, err := r.readCallers(ctx)
	if err != nil {
		return err
	}
	before := len(c.Callers)
	for _, one := range now {
		if !slices.Contains(c.Callers, one) {
			c.Callers = append(c.Callers, one)
		}
	}
	if len(c.Callers) == before {
		return nil
	}
	return state.PutJSON(ctx, r.Home, r.Name(CallersFile), c)
}
