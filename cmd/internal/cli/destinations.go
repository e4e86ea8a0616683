package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/residency/residency/inventory"
	"github.com/residency/residency/migrate/plan"
)

// toEach does the same for each destination that is named, one after the other. Of several each
// is given the data of its own provider; what fails for one does not keep the others from it.
func (a *app) toEach(
	ctx context.Context, to string, flags scopeFlags, do func(context.Context, *session, string) error,
) error {
	scope, err := flags.read()
	if err != nil {
		return err
	}
	destinations := strings.Split(to, ",")
	if len(destinations) == 1 {
		w, err := a.open(ctx)
		if err != nil {
			return err
		}
		w.scope = scope
		return do(ctx, w, to)
	}
	if len(a.reportTo) > 0 {
		return &usageError{err: errors.New("--report is of one destination, and --to names several")}
	}
	own, stay, err := a.ownSources(ctx, destinations, scope)
	if err != nil {
		return err
	}
	var errs []error
	for i, one := range destinations {
		if len(own[i]) == 0 {
			a.reporter().Note(fmt.Sprintf("%s: nothing of its provider's is to be moved", one))
			continue
		}
		w, err := a.open(ctx)
		if err != nil {
			return errors.Join(append(errs, err)...)
		}
		w.scope = plan.Scope{All: scope.All, Sources: own[i]}
		a.reporter().Note(fmt.Sprintf("to %s: %s", one, strings.Join(own[i], ", ")))
		if err := do(ctx, w, one); err != nil {
			errs = append(errs, fmt.Errorf("to %s: %w", one, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	for _, text := range stay { // what was said in the beginning is far above by now
		a.reporter().Note(text)
	}
	return errors.Join(errs...)
}

// ownSources are the customer's locations that are to be moved to each destination: those of
// its provider. No provider can have two destinations. stay says which have none.
func (a *app) ownSources(
	ctx context.Context, destinations []string, scope plan.Scope,
) (own [][]string, stay []string, err error) {
	w, err := a.openStores(ctx)
	if err != nil {
		return nil, nil, err
	}
	customer, err := a.oneCustomer(w)
	if err != nil {
		return nil, nil, err
	}
	request := a.request(w, customer, nil)
	request.Locate = true
	inv, err := inventory.Scan(ctx, request)
	if err != nil {
		return nil, nil, err
	}
	own = make([][]string, len(destinations))
	taken := make(map[string]string)
	for i, one := range destinations {
		d, err := w.resolve(one)
		if err != nil {
			return nil, nil, err
		}
		if other := taken[d.Place.Provider]; other != "" {
			return nil, nil, &usageError{err: fmt.Errorf("--to: %s and %s are both of provider %s: one plan each, with --source",
				other, one, d.Place.Provider)}
		}
		taken[d.Place.Provider] = one
		for _, p := range inv.Places {
			if p.Customer != customer || p.Provider != d.Place.Provider || p.Region == d.Place.Code {
				continue
			}
			if _, moves := scope.Moves(p, ""); moves {
				own[i] = append(own[i], p.Location().String())
			}
		}
		slices.Sort(own[i])
		own[i] = slices.Compact(own[i])
	}
	for _, p := range inv.Places {
		if _, moves := scope.Moves(p, ""); moves && p.Customer == customer && taken[p.Provider] == "" {
			stay = append(stay, fmt.Sprintf("%s (%s) stays: --to names no destination of provider %s", p.Location(),
				cmp.Or(p.Country, p.Region), p.Provider))
		}
	}
	for _, text := range stay {
		a.reporter().Note(text)
	}
	return own, stay, nil
}
