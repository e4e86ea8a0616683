package cli

import (
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/residency/residency/inventory"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/plan"
)

// scopeFlags say which of a customer's places are moved.
type scopeFlags struct {
	all     bool
	sources []string
}

func (s *scopeFlags) addTo(c *cobra.Command) {
	c.Flags().BoolVar(&s.all, "all", false, "also move what satisfies the policy and is outside of the United States")
	c.Flags().StringArrayVar(&s.sources, "source", nil,
		"move only this `location`, provider:bucket or provider:bucket/prefix as inventory shows it (repeatable)")
}

func (s *scopeFlags) read() (plan.Scope, error) {
	scope := plan.Scope{All: s.all}
	for _, text := range s.sources {
		at, err := objectstore.ParseLocation(text)
		if err != nil {
			return scope, &usageError{err: fmt.Errorf("--source: %w", err)}
		}
		scope.Sources = append(scope.Sources, at.String())
	}
	slices.Sort(scope.Sources)
	scope.Sources = slices.Compact(scope.Sources)
	return scope, nil
}

// scopeWords are the flags of a scope.
func scopeWords(scope plan.Scope) (words []string) {
	if scope.All {
		words = append(words, "--all")
	}
	for _, at := range scope.Sources {
		words = append(words, "--source", at)
	}
	return words
}

// checkSources refuses named sources that are no places of the customer's.
func (w *session) checkSources(customer string, inv *inventory.Inventory) error {
	var places []string
	for _, p := range inv.Places {
		if p.Customer == customer {
			places = append(places, p.Location().String())
		}
	}
	for _, at := range w.scope.Sources {
		if !slices.Contains(places, at) {
			return &usageError{err: fmt.Errorf("--source: customer %s has no place %s%s", customer, at, meant(at, places)),
				remedy: "residency inventory --customer " + customer + " shows the places"}
		}
	}
	return nil
}

// printScope says of each place of the customer's why it moves, or why it stays.
func (a *app) printScope(p *plan.Plan) {
	type group struct {
		verb, why string
		places    []string
	}
	var groups []*group
	add := func(verb, why, at string) {
		i := slices.IndexFunc(groups, func(g *group) bool { return g.verb == verb && g.why == why })
		if i < 0 {
			i = len(groups)
			groups = append(groups, &group{verb: verb, why: why})
		}
		groups[i].places = append(groups[i].places, at)
	}
	for _, m := range p.Moves {
		if m.Why != "" {
			add("moves", m.Why, m.From().String())
		}
	}
	for _, s := range p.Stays {
		add("stays", s.Why, s.Location)
	}
	if len(groups) > 0 {
		fmt.Fprintln(a.Out)
	}
	for _, g := range groups {
		a.fact(g.verb, "%s: %s", g.why, strings.Join(g.places, ", "))
	}
}
