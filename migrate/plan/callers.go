package plan

import (
	"context"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/cost"
)

// The stages of which it is told who carried them out.
const (
	stagePlan   = "plan"
	StageCopy   = "copy"
	StageVerify = "verify"
	StageErase  = "erase"
)

// Sent is what was sent to each region until now. Stores that do not count are left out.
func (s Stores) Sent(ends []Region) []cost.Count {
	all := []cost.Count{}
	for _, end := range ends {
		if store, ok := s(end.Provider, end.Code).(objectstore.SentCounter); ok {
			n := store.Sent()
			all = append(all, cost.Count{At: end.String(), Put: n.Put, Get: n.Get, Delete: n.Delete, Received: n.Received})
		}
	}
	return all
}

// Callers tells as whom each region is spoken to. Stores that know nothing of callers
// are left out.
func (s Stores) Callers(ctx context.Context, stage string, ends []Region) []certificate.Caller {
	var callers []certificate.Caller
	for _, end := range ends {
		if store, ok := s(end.Provider, end.Code).(objectstore.Identifier); ok {
			callers = append(callers, certificate.Caller{Stage: stage, At: end.String(), Caller: store.Caller(ctx)})
		}
	}
	return callers
}
