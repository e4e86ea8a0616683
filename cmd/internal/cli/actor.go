package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/residency/residency/cmd/internal/actor"
	"github.com/residency/residency/migrate/certificate"
)

// actor is who runs this program, asked once.
func (a *app) actor(w *session) certificate.Actor {
	if a.who == nil {
		here := actor.Here(a.getenv, tool(), w.config.Runner.Country)
		a.who = &here
	}
	return *a.who
}

// planner is who plans.
func (a *app) planner(w *session) *certificate.Actor {
	here := a.actor(w)
	here.Step, here.At = "plan", a.now().UTC()
	return &here
}

// standing is where a machine stands, and on whose word.
func standing(m certificate.Actor) string {
	if m.Country == "" {
		return "a country that is not determined (runner: {country: …} in the configuration declares it)"
	}
	return m.Country + ", " + m.Basis
}

func addTransit(c *cobra.Command, countries *[]string) {
	c.Flags().StringArrayVar(countries, "no-transit", nil,
		"refuse to stream on a machine in this `country`, or where that is not declared: US (repeatable)")
}

// countries refuses what is no country.
func (w *session) countries(codes []string) ([]string, error) {
	for i, code := range codes {
		known, ok := w.catalog.Country(code)
		if !ok {
			return nil, &usageError{err: fmt.Errorf("--no-transit %q: want a country by two letters (ISO 3166-1)", code)}
		}
		codes[i] = strings.ToUpper(known.ISO)
	}
	return codes, nil
}
