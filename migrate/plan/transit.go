package plan

import (
	"fmt"
	"slices"

	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/regions"
)

// Streams tells whether bytes pass, or may pass, through the machine that runs the plan. Where the
// service copies some versions by itself, only a copy shows that it has copied all of them.
func (p *Plan) Streams() bool {
	return slices.ContainsFunc(p.Moves, func(m Move) bool { return m.Way != ServerSide && m.Totals.Versions > 0 })
}

// Passes tells whether some bytes are known to pass through the machine that runs the plan.
func (p *Plan) Passes() bool {
	return slices.ContainsFunc(p.Moves, func(m Move) bool {
		return m.Way == Streamed && m.Totals.Versions > 0 || m.Through.Versions > 0
	})
}

// Transit tells why a machine must not stream, if these are countries that nothing may pass
// through: it stands in one, or it is not known where. Empty: it may.
func Transit(m certificate.Actor, excluded []string) string {
	if len(excluded) == 0 {
		return ""
	}
	if m.Country == "" {
		return fmt.Sprintf("bytes would pass through this machine (%s), whose country is %s", m.Host, m.Basis)
	}
	for _, country := range excluded {
		if m.Country == country || regions.IsUS(country) && regions.IsUS(m.Country) {
			return fmt.Sprintf("bytes would pass through this machine (%s), which is in %s (%s)", m.Host, m.Country, m.Basis)
		}
	}
	return ""
}

// TransitRemedy is what to do then.
const TransitRemedy = "run it on a machine elsewhere, and declare where that is in the configuration " +
	"(runner: {country: DE}); or choose a destination that the service copies to by itself"

// transit blocks a plan whose bytes would pass through where none may.
func (p *planner) transit() {
	if p.Planner == nil || !p.plan.Streams() {
		return
	}
	if p.Locate != nil {
		p.Locate(p.Planner)
	}
	if why := Transit(*p.Planner, p.NoTransit); why != "" {
		p.block(Issue{Rule: "transit", Text: why, Remedy: TransitRemedy})
	}
}
