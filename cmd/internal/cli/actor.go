package cli

import (
	"context"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/residency/residency/cmd/internal/actor"
	"github.com/residency/residency/cmd/internal/metadata"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/regions"
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

// streamer is who runs this program, with where the machine stands if the plan has bytes
// pass through it.
func (a *app) streamer(ctx context.Context, w *session, p *plan.Plan) certificate.Actor {
	if p.Streams() {
		a.locateMachine(ctx, w)
	}
	return a.actor(w)
}

// locateMachine has the metadata services of clouds asked, once, where this machine stands.
func (a *app) locateMachine(ctx context.Context, w *session) {
	if a.located {
		return
	}
	a.located = true
	found := metadata.Ask(ctx, metadata.Environment(a.getenv))
	here := metadata.Standing(a.actor(w), found, func(provider, code string) string {
		r, ok := w.catalog.Lookup(provider, code)
		if !ok || r.Kind != regions.KindRegion {
			return ""
		}
		return r.Country
	})
	a.who = &here
	if declared := w.config.Runner.Country; declared != "" && here.Country != declared {
		a.warning(fmt.Sprintf("runner: {country: %s} is declared, and this machine is in %s", declared, standing(here)))
	}
}

// checkMetadata refuses a value that would be taken for another than it is.
func (a *app) checkMetadata() error {
	if v := a.getenv(metadata.Variable); v != "" && !metadata.Off(a.getenv) {
		return &usageError{err: fmt.Errorf("%s=%q: want off, or nothing", metadata.Variable, v)}
	}
	return nil
}

// standing is where a machine stands, and on whose word.
func standing(m certificate.Actor) string {
	if m.Country == "" {
		return "a country that is " + m.Basis + " (runner: {country: …} in the configuration declares it)"
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
