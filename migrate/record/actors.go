package record

import (
	"context"
	"slices"

	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/state"
)

const (
	// ActorsFile keeps who approved a plan and carried it out.
	ActorsFile   = "actors.json"
	actorsSchema = "residency/actors/1"
)

type actors struct {
	Schema string              `json:"schema"`
	Plan   string              `json:"plan_sha256"`
	Actors []certificate.Actor `json:"actors"`
}

func (r *Record) readActors(ctx context.Context) (*actors, error) {
	a := &actors{Schema: actorsSchema, Plan: r.Plan.Digest}
	_, err := r.ReadFile(ctx, ActorsFile, actorsSchema, a, &a.Schema, &a.Plan)
	return a, err
}

// Actors are all who are known, whoever planned first.
func (r *Record) Actors(ctx context.Context) ([]certificate.Actor, error) {
	a, err := r.readActors(ctx)
	all := []certificate.Actor{}
	if r.Plan.Planner != nil {
		all = append(all, *r.Plan.Planner)
	}
	return append(all, a.Actors...), err
}

// AddActors keeps who carries out steps now, unless that is known.
func (r *Record) AddActors(ctx context.Context, now []certificate.Actor) error {
	a, err := r.readActors(ctx)
	if err != nil {
		return err
	}
	before := len(a.Actors)
	for _, one := range now {
		if !slices.ContainsFunc(a.Actors, one.Same) {
			a.Actors = append(a.Actors, one)
		}
	}
	if len(a.Actors) == before {
		return nil
	}
	return state.PutJSON(ctx, r.Home, r.Name(ActorsFile), a)
}
