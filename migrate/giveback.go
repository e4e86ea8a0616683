package migrate

import (
	"context"
	"strings"
)

// GiveBack takes away what a certified plan still reserves at its destinations:
// its last run was killed after the certificate and before it could. While a lease
// of that run lasts it is a state.ErrLeased: the run may go on, and give it back.
func (r *Runner) GiveBack(ctx context.Context, p *Plan) error {
	_, err := r.leased(ctx, p, func(ctx context.Context) (*Result, error) {
		w, err := r.open(ctx, p)
		if err != nil {
			return nil, err
		}
		if err := w.loadReservation(ctx); err != nil {
			return nil, err
		}
		reserves := len(w.reservation.Marks) > 0
		for _, m := range p.Moves {
			who, err := claimant(ctx, w.destination(), m, w.Now())
			if err != nil {
				return nil, err
			}
			reserves = reserves || strings.HasPrefix(who, holder(p.ID)+w.reservation.ID)
		}
		if !reserves {
			return nil, nil
		}
		return nil, w.reserved(ctx, w.unreserve)
	})
	return err
}
