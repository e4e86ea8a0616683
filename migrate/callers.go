package migrate

import (
	"context"
	"errors"
	"slices"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/state"
)

const (
	callersFile   = "callers.json"
	callersSchema = "residency/callers/1"
)

// The stages of which it is told who carried them out.
const (
	stagePlan   = "plan"
	stageCopy   = "copy"
	stageVerify = "verify"
	stageErase  = "erase"
)

// callerRecord keeps as whom the runs of a plan spoke to its ends.
type callerRecord struct {
	Schema  string               `json:"schema"`
	Plan    string               `json:"plan_sha256"`
	Callers []certificate.Caller `json:"callers"`
}

// callers tells as whom each region is spoken to. Stores that know nothing of callers
// are left out.
func (s Stores) callers(ctx context.Context, stage string, ends []Region) []certificate.Caller {
	var callers []certificate.Caller
	for _, end := range ends {
		if store, ok := s(end.Provider, end.Code).(objectstore.Identifier); ok {
			callers = append(callers, certificate.Caller{Stage: stage, At: end.String(), Caller: store.Caller(ctx)})
		}
	}
	return callers
}

// called adds to the record, and to the result, who carries out stages now.
func (w *work) called(ctx context.Context, stages ...string) error {
	var now []certificate.Caller
	for _, stage := range stages {
		now = append(now, w.Stores.callers(ctx, stage, w.plan.Ends())...)
	}
	if len(now) == 0 {
		return nil
	}
	record := callerRecord{Schema: callersSchema, Plan: w.plan.Digest}
	err := getJSON(ctx, w.Home, w.name(callersFile), &record)
	if err == nil {
		err = w.belongs(callersFile, record.Schema, callersSchema, record.Plan)
	}
	if err != nil && !errors.Is(err, state.ErrNotFound) {
		return err
	}
	before := len(record.Callers)
	for _, c := range now {
		if !slices.Contains(record.Callers, c) {
			record.Callers = append(record.Callers, c)
		}
	}
	w.result.Callers = slices.Concat(w.plan.Callers, record.Callers)
	if len(record.Callers) == before {
		return nil
	}
	return putJSON(ctx, w.Home, w.name(callersFile), record)
}
