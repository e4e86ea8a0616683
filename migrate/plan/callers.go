package plan

import (
	"context"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/certificate"
)

// The stages of which it is told who carried them out.
const (
	stagePlan   = "plan"
	StageCopy   = "copy"
	StageVerify = "verify"
	StageErase  = "erase"
)

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
