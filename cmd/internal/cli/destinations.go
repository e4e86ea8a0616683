package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/residency/residency/cmd/internal/render"
	"github.com/residency/residency/inventory"
	"github.com/residency/residency/migrate/plan"
)

// target is a destination that --to names, with what is to go there.
type target struct {
	*session
	to string
}

// targets are the destinations of a command. Of several each is given the data of its own provider.
type targets struct {
	*app
	all     []target
	several bool
	scope   plan.Scope // as it was given
	stay    []string   // what is said of what has no destination
}

// together is what several destinations have for one result.
type together struct {
	documents []any
	rows      [][]string
}

// targets opens a session for each destination that is named.
func (a *app) targets(ctx context.Context, to string, flags scopeFlags) (*targets, error) {
	scope, err := flags.read()
	if err != nil {
		return nil, err
	}
	named := strings.Split(to, ",")
	t := &targets{app: a, scope: scope, several: len(named) > 1}
	if !t.several {
		w, err := a.open(ctx)
		if err != nil {
			return nil, err
		}
		w.scope = scope
		t.all = []target{{w, to}}
		return t, nil
	}
	if len(a.reportTo) > 0 {
		return nil, &usageError{err: errors.New("--report is of one destination, and --to names several"),
			remedy: "leave --report out, or give one command for each destination"}
	}
	a.together = &together{documents: []any{}}
	own, stay, err := a.ownSources(ctx, named, scope)
	if err != nil {
		return nil, err
	}
	t.stay = stay
	for i, one := range named {
		if len(own[i]) == 0 {
			a.reporter().Note(fmt.Sprintf("%s: nothing of its provider's is to be moved", one))
			continue
		}
		w, err := a.open(ctx)
		if err != nil {
			return nil, err
		}
		w.scope = plan.Scope{All: scope.All, Sources: own[i]}
		t.all = append(t.all, target{w, one})
	}
	return t, nil
}

// each does the same for each destination, one after the other. What fails for one does not keep the others from it.
func (t *targets) each(ctx context.Context, do func(context.Context, target) error) error {
	var errs []error
	for _, one := range t.all {
		if t.several {
			t.reporter().Note(fmt.Sprintf("to %s: %s", one.to, strings.Join(one.scope.Sources, ", ")))
		}
		if err := do(ctx, one); err != nil {
			errs = append(errs, t.at(one.to, err))
		}
		if ctx.Err() != nil {
			break
		}
	}
	return join(errs)
}

// at names the destination that an error is of, where there are several.
func (t *targets) at(to string, err error) error {
	if !t.several {
		return err
	}
	return fmt.Errorf("to %s: %w", to, err)
}

// end writes the result of several destinations, with the error that they ended with.
func (t *targets) end(failed error) error {
	for _, text := range t.stay { // what was said in the beginning is far above by now
		t.reporter().Note(text)
	}
	if t.together == nil {
		return failed
	}
	results := *t.together
	t.together = nil
	var err error
	switch t.output {
	case "json":
		err = render.JSON(t.Out, results.documents)
	case "csv":
		err = render.CSV(t.Out, planColumns(), results.rows)
	}
	return join([]error{failed, err})
}

// join is errors.Join, with an error that is the only one as it is.
func join(errs []error) error {
	errs = slices.DeleteFunc(errs, func(err error) bool { return err == nil })
	if len(errs) == 1 {
		return errs[0]
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
			return nil, nil, &usageError{err: fmt.Errorf("--to: %s and %s are both of provider %s", other, one,
				d.Place.Provider), remedy: "give one command for each, with --source for what is to go there"}
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
