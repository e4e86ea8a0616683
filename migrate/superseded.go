package migrate

import (
	"context"
	"errors"

	"github.com/residency/residency/migrate/changes"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/record"
	"github.com/residency/residency/migrate/state"
)

// superseded refuses to remove copies at somebody's word where a plan of this state has
// passed its gate since the plan was made, of the same source to the same buckets: it
// erased originals in reliance on those copies. A plan that cannot be read any more says
// nothing.
func (r *Runner) superseded(ctx context.Context, p *plan.Plan) error {
	ids, err := plan.List(ctx, r.Home)
	if err != nil {
		return err
	}
	for _, id := range ids {
		if id == p.ID {
			continue
		}
		o, err := plan.Load(ctx, r.Home, id)
		if errors.Is(err, state.ErrDamaged) {
			continue
		}
		if err != nil {
			return err
		}
		if !p.SharesSource(o) || !p.SharesDestination(o) {
			continue
		}
		of, err := record.Of(ctx, r.Home, o)
		if err != nil {
			return err
		}
		g, err := of.Gate(ctx)
		if err != nil {
			return err
		}
		if g != nil && g.After(p.Created) {
			return &changes.UnexplainedError{By: o.ID}
		}
	}
	return nil
}
