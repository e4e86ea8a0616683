package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/residency/residency/inventory"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/regions"
)

// facts names what the source's service does with what is erased there, and what it does not
// prove of where that is.
func (p *planner) facts(place inventory.Place, m Move) {
	at := m.From().String()
	for _, f := range place.Facts {
		if f.Unproven {
			p.plan.EraseBlockers = append(p.plan.EraseBlockers, Issue{Rule: f.Rule, Location: at, Text: f.Text,
				Remedy: "give the credentials access to what tells the region, or copy with --keep-source"})
		}
		if f.Keeps > 0 || f.Forever {
			p.warn(Issue{Rule: f.Rule, Location: at,
				Text: f.Text + "; what is erased stays there that long, and the certificate says so",
				Remedy: "turn it off before the first deletion if nothing is to stay: a later change does not touch what is " +
					"deleted already"})
		}
	}
}

// facts looks where else the service keeps what is written to a move's destination.
func (p *destinationReader) facts(ctx context.Context, m *Move) error {
	factual, ok := p.Stores(p.Destination.Provider, p.Destination.Code).(objectstore.Factual)
	if !ok {
		return nil
	}
	to := p.plan.To(*m).String()
	facts, err := factual.Facts(ctx, m.Destination)
	switch {
	case errors.Is(err, objectstore.ErrNotFound):
		return nil // it is made by this plan, and is looked at again then
	case errors.Is(err, objectstore.ErrDenied):
		p.block(Issue{Rule: "destination-not-read", Location: to,
			Text: "where else its service keeps copies could not be read: " + err.Error(), Remedy: "grant access to read it"})
	case err != nil:
		return fmt.Errorf("look at %s: %w", to, err)
	}
	p.plan.Blockers = append(p.plan.Blockers, Elsewhere(facts, p.Destination, to, p.Country)...)
	return nil
}

// Elsewhere are the blockers of a destination whose service keeps what is written to it in
// other regions too, or does not prove where it is: what is no destination by itself is none
// in this way.
func Elsewhere(facts []objectstore.Fact, to Region, location string, country func(provider, code string) string) (
	blockers []Issue,
) {
	for _, f := range facts {
		var refused []string
		for _, code := range f.Regions {
			in := ""
			if country != nil {
				in = country(to.Provider, code)
			}
			if code == to.Code || regions.Admissible(in) == nil {
				continue
			}
			if in == "" {
				in = "country unknown"
			}
			refused = append(refused, fmt.Sprintf("%s (%s)", code, in))
		}
		slices.Sort(refused)
		if len(refused) > 0 {
			blockers = append(blockers, Issue{Rule: f.Rule, Location: location,
				Text:   f.Text + "; data may not be moved to " + strings.Join(slices.Compact(refused), ", "),
				Remedy: "choose a destination that keeps no copies there, or change its redundancy"})
		}
		if f.Unproven {
			blockers = append(blockers, Issue{Rule: f.Rule, Location: location, Text: f.Text,
				Remedy: "give the credentials access to what tells the region"})
		}
	}
	return blockers
}
