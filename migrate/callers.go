package migrate

import (
	"context"

	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/phase"
)

// called adds to the record, and to the result, who carries out stages now.
func (w *work) called(ctx context.Context, stages ...string) error {
	var now []certificate.Caller
	for _, stage := range stages {
		now = append(now, w.run.Stores.Callers(ctx, stage, w.run.Plan.Ends())...)
	}
	if len(now) == 0 {
		return nil
	}
	if err := w.run.AddCallers(ctx, now); err != nil {
		return err
	}
	all, err := w.run.Callers(ctx)
	w.result.Callers = all
	return err
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
