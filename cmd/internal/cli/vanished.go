package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/state"
)

// vanished looks whether something is left where plans that are certified have moved it,
// before a command says that nothing is to be done. What another plan has since moved on is
// where that one says. n is what JSON output has.
func (a *app) vanished(ctx context.Context, w *session, n nothing, plans ...*plan.Plan) error {
	ids, err := plan.List(ctx, w.home)
	if err != nil {
		return err
	}
	for _, p := range plans {
		missing, err := a.runner(w, 0).Vanished(ctx, p)
		if err != nil {
			return err
		}
		if len(missing) == 0 {
			continue
		}
		on, err := a.movedOn(ctx, w, p, ids)
		if err != nil {
			return err
		}
		if !on {
			n.Missing = append(n.Missing, missing...)
		}
	}
	if len(n.Missing) == 0 {
		return nil
	}
	if a.output == "json" {
		n.Reason = "nothing is at the source, nor where it was moved"
		err = a.nothingToDo(n)
	}
	return errors.Join(err, fmt.Errorf("%w: %s", migrate.ErrVanished, strings.Join(n.Missing, "; ")))
}

// movedOn tells whether another plan of the customer has taken away what a plan moved.
func (a *app) movedOn(ctx context.Context, w *session, p *plan.Plan, ids []string) (bool, error) {
	for _, id := range ids {
		if id == p.ID || !strings.HasPrefix(id, p.Customer+"-") {
			continue
		}
		o, err := plan.Load(ctx, w.home, id)
		if errors.Is(err, state.ErrDamaged) {
			continue // which is said where plans are looked for
		}
		if err != nil {
			return false, err
		}
		took := slices.ContainsFunc(o.Moves, func(later plan.Move) bool {
			return slices.ContainsFunc(p.Moves, func(m plan.Move) bool { return later.From().Overlaps(p.To(m)) })
		})
		if !took {
			continue
		}
		status, err := a.runner(w, 0).Status(ctx, o)
		if err != nil {
			return false, err
		}
		if status.Stage == migrate.Certified {
			return true, nil
		}
	}
	return false, nil
}
