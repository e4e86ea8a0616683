package migrate

import (
	"context"
	"slices"

	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/state"
)

const (
	callersFile   = "callers.json"
	callersSchema = "residency/callers/1"
)

// callerRecord keeps as whom the runs of a plan spoke to its ends.
type callerRecord struct {
	Schema  string               `json:"schema"`
	Plan    string               `json:"plan_sha256"`
	Callers []certificate.Caller `json:"callers"`
}

// called adds to the record, and to the result, who carries out stages now.
func (w *work) called(ctx context.Context, stages ...string) error {
	var now []certificate.Caller
	for _, stage := range stages {
		now = append(now, w.run.Stores.Callers(ctx, stage, w.run.Plan.Ends())...)
	}
	if len(now) == 0 {
		return nil
	}
	record := callerRecord{Schema: callersSchema, Plan: w.run.Plan.Digest}
	if _, err := w.run.ReadFile(ctx, callersFile, callersSchema, &record, &record.Schema, &record.Plan); err != nil {
		return err
	}
	before := len(record.Callers)
	for _, c := range now {
		if !slices.Contains(record.Callers, c) {
			record.Callers = append(record.Callers, c)
		}
	}
	w.result.Callers = slices.Concat(w.run.Plan.Callers, record.Callers)
	if len(record.Callers) == before {
		return nil
	}
	return state.PutJSON(ctx, w.run.Home, w.run.Name(callersFile), record)
}

// owned refuses a run whose configuration demands owners to be checked where they
// are not.
func (w *work) owned(ctx context.Context) error {
	w.result.OwnerChecks = w.run.Stores.OwnerChecks(ctx, w.run.Plan.Ends())
	for _, c := range w.result.OwnerChecks {
		if c.Required && c.Account == "" {
			return phase.Changed("owner_check is required at %s, and the owner of the buckets was %s", c.At, c.OwnerCheck)
		}
	}
	return nil
}
