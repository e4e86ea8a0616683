package simulation

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/residency/residency/migrate/audit"
	"github.com/residency/residency/migrate/state"
)

// certified: after success the certificate is borne out by the evidence, as it would be after
// a loss of power.
func (w *operator) certified() {
	if w.plan == nil || w.durable(w.plan.ID+"/certificate.json") == nil {
		return // the source was kept
	}
	if slices.ContainsFunc(w.crew, func(p *process) bool { return p.operator == w && p.err != nil }) {
		return // it may have begun again what the other had certified: the next run certifies that
	}
	r, err := audit.Verify(context.Background(), evidenceDir{operator: w}, audit.Trust{})
	if err != nil || !r.Valid || !r.Recomputed || !r.Said.SourceEmpty {
		w.oracle.violate("end", "the certificate is not borne out by its evidence: %v, %+v", err, r)
	}
}

// evidenceDir is the plan's directory as it would be after a loss of power.
type evidenceDir struct {
	state.Home // of which nothing is used but what is here
	operator   *operator
}

func (s evidenceDir) Get(_ context.Context, name string) ([]byte, error) {
	_, rest, _ := strings.Cut(name, "/")
	data := s.operator.durable(s.operator.plan.ID + "/" + rest)
	if data == nil {
		return nil, fmt.Errorf("%s: %w", rest, state.ErrNotFound)
	}
	return data, nil
}
