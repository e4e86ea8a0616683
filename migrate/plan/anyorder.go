package plan

import (
	"fmt"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
)

const ruleAnyOrder = "listing-order"

// AnyOrder is what a certificate says of sources that were listed in an order of their own.
const AnyOrder = "the service lists in an order of its own: each listing was sorted here, and is taken to be " +
	"complete because a second one told as many entries and the same ones"

// order says where a proof rests on listings that are sorted here. Copies are proven along
// the destination's listing, segment by segment, which has to be in byte order.
func (p *planner) order() {
	to := p.plan.Destination
	if objectstore.CapabilitiesOf(p.Stores(to.Provider, to.Code)).AnyOrder {
		p.block(Issue{Rule: ruleAnyOrder, Location: to.String(), Text: "the configuration says that the service " +
			"lists in an order of its own (ordering: any); copies can be proven only where listings are in byte order",
			Remedy: "choose a destination on another service"})
	}
	for _, m := range p.plan.Moves {
		if m.AnyOrder {
			p.warn(Issue{Rule: ruleAnyOrder, Location: m.From().String(), Text: "a weaker proof: " + AnyOrder +
				". What both have passed over is not seen, neither now nor after the erase",
				Remedy: "hold the counts of this plan against what you know of the location"})
		}
	}
}

// Ordered refuses a plan of which a source is listed otherwise than when it was made.
func (p *Plan) Ordered(stores func(provider, region string) objectstore.Store) error {
	var differ []string
	for _, m := range p.Moves {
		if objectstore.CapabilitiesOf(stores(m.Source.Provider, m.Source.Code)).AnyOrder != m.AnyOrder {
			differ = append(differ, m.From().String())
		}
	}
	if objectstore.CapabilitiesOf(stores(p.Destination.Provider, p.Destination.Code)).AnyOrder {
		differ = append(differ, p.Destination.String())
	}
	if len(differ) == 0 {
		return nil
	}
	return fmt.Errorf("the configuration in force says otherwise than plan %s about the order in which %s lists "+
		"(ordering); nothing was changed", p.ID, strings.Join(differ, ", "))
}
