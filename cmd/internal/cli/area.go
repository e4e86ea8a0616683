package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/residency/residency/regions"
)

// errUndecided is an area of regions under different law, between which nobody has
// decided.
var errUndecided = errors.New("the area has regions inside and outside of the EU")

// destination finds the region that --to names. The policy decides between the regions
// of an area; where it leaves some inside and some outside of the EU, somebody at a
// terminal is asked, and nobody else decides.
func (a *app) destination(ctx context.Context, w *session, to string) (regions.Resolution, error) {
	d, err := w.resolve(to)
	if err != nil || !d.Area {
		return d, err
	}
	all := append([]regions.Place{d.Place}, d.Alternatives...)
	customer := a.customer
	if names := sortedKeys(w.config.Customers); customer == "" && len(names) == 1 {
		customer = names[0]
	}
	candidates := all
	if w.config.HasPolicy(customer) {
		policy := w.policy(customer)
		candidates = slices.DeleteFunc(slices.Clone(all), func(p regions.Place) bool {
			return !policy.Allows(p.Code, p.Country)
		})
	}
	if len(candidates) == 0 {
		return d, nil // which the plan refuses, with what the policy allows
	}
	chosen := candidates[0]
	if w.divided(candidates) {
		if chosen, err = a.ask(ctx, w, to, candidates); err != nil {
			return d, err
		}
	}
	if chosen == d.Place {
		return d, nil
	}
	other, err := w.resolve(chosen.Provider + ":" + chosen.Code)
	if err != nil {
		return d, err
	}
	other.Area = true
	other.Alternatives = slices.DeleteFunc(all, func(p regions.Place) bool { return p == chosen })
	return other, nil
}

// divided tells whether some places are in the EU, and some are not.
func (w *session) divided(places []regions.Place) bool {
	inside := func(p regions.Place) bool { return slices.Contains(w.catalog.Sets(p.Country), "EU") }
	return slices.ContainsFunc(places, inside) &&
		slices.ContainsFunc(places, func(p regions.Place) bool { return !inside(p) })
}

// ask has somebody choose one of the candidates, or refuses to choose for them.
func (a *app) ask(ctx context.Context, w *session, to string, candidates []regions.Place) (regions.Place, error) {
	list := make([]string, len(candidates))
	for i, p := range candidates {
		list[i] = fmt.Sprintf("%s (%s)", p.Code, law(p.Country, w.catalog.Sets(p.Country)))
	}
	undecided := fmt.Errorf("%s: %w: %s", to, errUndecided, strings.Join(list, ", "))
	refused := &refusedError{err: undecided,
		remedy: "name one with --to, or decide with policy.allowed in the configuration"}
	if !a.interactive {
		return regions.Place{}, refused
	}
	fmt.Fprintf(a.Err, "%s has regions inside and outside of the EU:\n", to)
	for _, text := range list {
		fmt.Fprintln(a.Err, "  "+text)
	}
	a.log.Ask("Type the region to move to: ")
	answer, err := a.answer(ctx)
	if err != nil {
		return regions.Place{}, refused
	}
	i := slices.IndexFunc(candidates, func(p regions.Place) bool {
		return strings.EqualFold(p.Code, answer) || strings.EqualFold(p.Provider+":"+p.Code, answer)
	})
	if i < 0 {
		return regions.Place{}, &refusedError{err: fmt.Errorf("%w; the answer was %q", undecided, answer),
			remedy: refused.remedy}
	}
	return candidates[i], nil
}

// answer reads a line from whoever is at the terminal, until the context ends. Then what
// reads goes on, and ends with the process, as the command does.
func (a *app) answer(ctx context.Context) (string, error) {
	if a.answers == nil {
		a.answers = bufio.NewReader(a.In)
	}
	type line struct {
		text string
		err  error
	}
	read := make(chan line, 1)
	go func() {
		text, err := a.answers.ReadString('\n')
		read <- line{text, err}
	}()
	select {
	case l := <-read:
		if errors.Is(l.err, io.EOF) && l.text != "" {
			l.err = nil
		}
		return strings.TrimSpace(l.text), l.err
	case <-ctx.Done():
		return "", context.Cause(ctx)
	}
}
