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
	to      string // as it was given
	several bool
	scope   plan.Scope // as it was given
	stays   stays
}

// stays are places of the customer's that were to be moved, and have no destination.
type stays struct {
	Schema   string      `json:"schema"`
	Customer string      `json:"customer"`
	Stays    []plan.Stay `json:"stays"`
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
	t := &targets{app: a, to: to, scope: scope, several: len(named) > 1}
	if !t.several {
		w, err := a.open(ctx)
		if err != nil {
			return nil, err
		}
		w.scope = scope
		t.all = []target{{w, to}}
		return t, nil
	}
	if slices.Contains(named, "") {
		return nil, &usageError{err: fmt.Errorf("--to %q: a destination is missing beside a comma", to),
			remedy: "name each destination, with a comma between"}
	}
	if len(a.reportTo) > 0 {
		return nil, &usageError{err: errors.New("--report is of one destination, and --to names several"),
			remedy: "leave --report out, or give one command for each destination"}
	}
	providers, err := t.providers(ctx, named)
	if err != nil {
		return nil, err
	}
	for i, provider := range providers {
		if provider == "" {
			a.reporter().Note(fmt.Sprintf("%s: nothing of its provider's is to be moved", named[i]))
			continue
		}
		w, err := a.open(ctx)
		if err != nil {
			return nil, err
		}
		w.scope = scope
		w.scope.Provider = provider
		t.all = append(t.all, target{w, named[i]})
	}
	a.together = &together{documents: []any{}}
	return t, nil
}

// each does the same for each destination, one after the other. What fails for one does not keep the others from it.
func (t *targets) each(ctx context.Context, do func(context.Context, target) error) error {
	var errs []error
	for _, one := range t.all {
		if ctx.Err() != nil {
			errs = append(errs, t.at(one.to, context.Cause(ctx)))
			break
		}
		if t.several {
			t.reporter().Note("to " + one.to)
		}
		if err := do(ctx, one); err != nil {
			errs = append(errs, t.at(one.to, err))
		}
	}
	if t.several && len(t.all) == 0 && len(t.stays.Stays) > 0 {
		errs = append(errs, &refusedError{err: fmt.Errorf("%w: --to names no destination of a provider with data of %s that "+
			"is to be moved", plan.ErrNothing, t.stays.Customer), remedy: "residency inventory shows where it is"})
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
	if t.together == nil {
		return failed
	}
	results := *t.together
	t.together = nil
	var err error
	switch left := t.stays.Stays; t.output {
	case "json":
		if len(left) > 0 {
			results.documents = append(results.documents, t.stays)
		}
		err = render.JSON(t.Out, results.documents)
	case "csv":
		err = render.CSV(t.Out, planColumns(), results.rows)
	default:
		if len(left) > 0 {
			fmt.Fprintln(t.Out)
		}
		for _, s := range left {
			t.paragraph("left where it is: %s (%s): %s", s.Location, cmp.Or(s.Country, s.Region), s.Why)
		}
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

// providers are those of the destinations, which has to be another one for each; empty where nothing of its
// provider's is to be moved. What stays has no destination.
func (t *targets) providers(ctx context.Context, named []string) ([]string, error) {
	w, err := t.openStores(ctx)
	if err != nil {
		return nil, err
	}
	customer, err := t.oneCustomer(w)
	if err != nil {
		return nil, err
	}
	request := t.request(w, customer, nil)
	request.Locate = true
	inv, err := inventory.Scan(ctx, request)
	if err != nil {
		return nil, err
	}
	all := make([]string, len(named))
	taken := make(map[string]string)
	for i, one := range named {
		d, err := w.resolve(one)
		if err != nil {
			return nil, err
		}
		provider := d.Place.Provider
		if other := taken[provider]; other != "" {
			return nil, &usageError{err: fmt.Errorf("--to: %s and %s are both of provider %s", other, one, provider),
				remedy: "give one command for each, with --source for what is to go there"}
		}
		taken[provider] = one
		if slices.ContainsFunc(inv.Places, func(p inventory.Place) bool {
			_, moves := t.scope.Moves(p, "")
			return moves && p.Customer == customer && p.Provider == provider && p.Region != d.Place.Code
		}) {
			all[i] = provider
		}
	}
	t.stays = stays{Schema: "residency/stays/1", Customer: customer, Stays: []plan.Stay{}}
	for _, p := range inv.Places {
		if _, moves := t.scope.Moves(p, ""); moves && p.Customer == customer && taken[p.Provider] == "" {
			s := plan.Stay{Location: p.Location().String(), Region: p.Region, Country: p.Country,
				Why: "--to names no destination of provider " + p.Provider}
			t.stays.Stays = append(t.stays.Stays, s)
			t.reporter().Note(fmt.Sprintf("%s (%s) stays: %s", s.Location, cmp.Or(s.Country, s.Region), s.Why))
		}
	}
	return all, nil
}
