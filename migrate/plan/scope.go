package plan

import (
	"cmp"
	"fmt"
	"slices"

	"github.com/residency/residency/inventory"
	"github.com/residency/residency/regions"
)

// Scope says which of a customer's places are to be moved. Its zero value is what has
// to: what is outside of the policy, in the United States, or nobody knows where.
type Scope struct {
	All      bool     // also what satisfies the policy
	Sources  []string // only these locations, in order; none: wherever
	Provider string   // only what lies there; empty: with any
}

// Equal tells whether two are the same.
func (s Scope) Equal(o Scope) bool {
	return s.All == o.All && s.Provider == o.Provider && slices.Equal(s.Sources, o.Sources)
}

// Scope is what the plan was asked to move.
func (p *Plan) Scope() Scope { return Scope{All: p.All, Sources: p.Sources, Provider: p.OfProvider} }

// Covers tells whether a place is one that the scope says anything of.
func (s Scope) Covers(place inventory.Place) bool {
	return s.Provider == "" || place.Provider == s.Provider
}

// Moves tells whether a place is to be moved, and why, or why not.
func (s Scope) Moves(place inventory.Place, policy string) (why string, moves bool) {
	satisfies := "satisfies the policy"
	if policy != "" {
		satisfies = fmt.Sprintf("satisfies the policy (%s)", policy)
	}
	switch {
	case !s.Covers(place):
		return "of another provider", false
	case len(s.Sources) > 0 && !slices.Contains(s.Sources, place.Location().String()):
		return NotNamed, false
	case regions.IsUS(place.Country):
		return "in the United States", true
	case place.Verdict == inventory.Outside:
		return fmt.Sprintf("outside of the policy (%s)", policy), true
	case place.Verdict == inventory.Unknown:
		return "its country is not known", true
	case place.Verdict != inventory.Within:
		return "", true
	case s.All:
		return satisfies + ", and all was asked for", true
	}
	return satisfies, false
}

// NotNamed is why a place stays that Sources leaves out.
const NotNamed = "not among the sources that were named"

// Stay is a place of the customer's that a plan leaves where it is.
type Stay struct {
	Location string `json:"location"`
	Region   string `json:"region"`
	Country  string `json:"country"`
	Why      string `json:"why"`
}

// unclear names what could not be looked at, and what may be the customer's or should be
// there.
func (p *planner) unclear() {
	for _, c := range p.Inventory.Coverage {
		if c.Kind != "" && c.Open() {
			p.warn(Issue{Rule: "not-looked-at", Location: c.Provider, Text: c.Reason + ", and stay where they are",
				Remedy: c.Remedy})
			continue
		}
		if c.Named {
			p.warn(Issue{Rule: "not-listed", Location: c.Provider + " " + c.Region,
				Text:   "its buckets could not be listed; what the configuration names is moved, and others stay: " + c.Reason,
				Remedy: cmp.Or(c.Remedy, "grant access to the list to see whether other buckets are this customer's by their tag")})
			continue
		}
		if c.Open() {
			where := c.Provider + " " + c.Region
			if c.Bucket != "" {
				where = c.Provider + ":" + c.Bucket
			}
			p.block(Issue{Rule: "not-looked-at", Location: where, Region: c.Region,
				Text:   "could not be checked and may hold data of this customer: " + c.Reason,
				Remedy: cmp.Or(c.Remedy, "grant access, or remove the region from the configuration")})
		}
	}
	for _, f := range p.Inventory.Findings {
		switch f.Rule {
		case inventory.NearRule:
			p.block(Issue{Rule: f.Rule, Location: f.Location, Region: f.Region, Text: "may be this customer's: " + f.Text})
		case inventory.MissingRule:
			p.warn(Issue{Rule: f.Rule, Location: f.Location, Region: f.Region, Text: f.Text})
		}
	}
}

// staying says of the places that could have been moved why they are not.
func (p *planner) staying() (all []string) {
	for _, s := range p.plan.Stays {
		if len(p.Scope.Sources) == 0 || slices.Contains(p.Scope.Sources, s.Location) {
			all = append(all, s.Location+" "+s.Why)
		}
	}
	return all
}
