package migrate

import (
	"context"
	"strings"

	"github.com/residency/residency/migrate/plan"
)

// GiveBack takes away what a certified plan still reserves at its destinations:
// its last run was killed after the certificate and before it could. While a lease
// of that run lasts it is a state.ErrLeased: the run may go on, and give it back.
func (r *Runner) GiveBack(ctx context.Context, p *plan.Plan) error {
	_, err := r.leased(ctx, p, func(ctx context.Context) (*Result, error) {
		w, err := r.openToWrite(ctx, p)
		if err != nil {
			return nil, err
		}
		if err := w.reservation.Load(ctx); err != nil {
			return nil, err
		}
		marks, err := w.reservation.Marks(ctx)
		if err != nil {
			return nil, err
		}
		reserves := len(marks) > 0
		for _, m := range p.Moves {
			who, err := plan.Claimant(ctx, w.run.Destination(), m, w.run.Now())
			if err != nil {
				return nil, err
			}
			reserves = reserves || strings.HasPrefix(who, w.reservation.Holder())
		}
		if !reserves {
			return nil, nil
		}
		return nil, w.reservation.Hold(ctx, w.reservation.End)
	})
	return err
}
