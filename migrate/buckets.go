package migrate

import (
	"context"

	"github.com/residency/residency/migrate/destination"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/plan"
)

// sameEnds holds who answers, at either end, against the plan.
func (w *work) sameEnds(ctx context.Context) error {
	for _, planned := range w.run.Plan.Ends() {
		now := w.run.Stores.Located(ctx, planned)
		if now.Endpoint != planned.Endpoint {
			return phase.Changed("the endpoint of %s was %s, and is %s", planned, named(planned.Endpoint), named(now.Endpoint))
		}
		// To know the account later than at planning only makes requests stricter.
		if planned.Account != "" && now.Account != planned.Account {
			return phase.Changed("the account of %s was %s, and is %s", planned, planned.Account, named(now.Account))
		}
	}
	return w.owned(ctx)
}

func named(s string) string {
	if s == "" {
		return "not known"
	}
	return s
}

// unchanged holds both ends, and the destination's buckets, against the plan,
// and returns which of those are the plan's own.
func (w *work) unchanged(ctx context.Context) (*plan.BucketRecord, error) {
	if err := w.sameEnds(ctx); err != nil {
		return nil, err
	}
	return destination.Unchanged(ctx, w.run)
}
