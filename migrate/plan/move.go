package plan

import (
	"cmp"
	"context"
	"fmt"

	"github.com/residency/residency/inventory"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/remedy"
)

// move is a place on its way, as far as its names say.
func (p *planner) move(ctx context.Context, place inventory.Place) Move {
	m := Move{
		Source: p.Stores.Located(ctx, Region{Provider: place.Provider, Code: place.Region, Country: place.Country,
			Operator: place.Operator, OperatorCountry: place.OperatorIn}),
		Bucket: place.Bucket, Prefix: place.Prefix, Versioning: place.Versioning,
		Destination: p.BucketName(place.Location(), place.Region), Way: Streamed, SecondCopies: secondCopies(place),
	}
	if name, ok := p.Map[m.From().String()]; ok {
		m.Destination = name
	}
	source, destination := p.Stores(place.Provider, place.Region), p.Stores(p.Destination.Provider, p.Destination.Code)
	is := objectstore.CapabilitiesOf(source)
	m.AnyOrder, m.NoRedirects = is.AnyOrder, is.NoRedirects
	switch {
	case p.Stream || !objectstore.CanCopy(source, destination):
	case objectstore.CapabilitiesOf(destination).CopiesSome:
		m.Way = Mixed
	default:
		m.Way, m.Redirects = ServerSide, p.AskRedirects && !m.NoRedirects
	}
	if to := p.Destination; objectstore.OneAddress(m.Source.Endpoint, to.Endpoint) && m.Source.Country != "" &&
		m.Source.Country != to.Country && !objectstore.CapabilitiesOf(destination).LocatesBuckets {
		p.block(Issue{Rule: "one-address", Location: m.From().String(),
			Text: fmt.Sprintf("%s (%s) and %s (%s) are one address, %s: who answers there stands in one country, and "+
				"nothing would leave it", m.Source, m.Source.Country, to, to.Country, to.Endpoint),
			Remedy: "correct the endpoints, or the countries, in the configuration"})
	}
	if err := objectstore.CheckBucketOf(destination, m.Destination); err != nil {
		p.block(Issue{Rule: "bucket-name", Location: m.From().String(),
			Text:   "the destination's name cannot be used: " + err.Error(),
			Remedy: cmp.Or(remedy.For(err), "set destination.bucket or destination.map in the configuration")})
	}
	if len(place.Others) > 0 {
		p.block(Issue{Rule: "shared-bucket", Location: m.From().String(),
			Text: fmt.Sprintf("the location also holds other customers' data, under %d prefixes of the configuration",
				len(place.Others)),
			Remedy: "name this customer's own prefixes in the configuration"})
	}
	return m
}

// clashes finds moves whose keys could meet at the destination.
func (p *planner) clashes(moves []Move) {
	for i, a := range moves {
		for _, b := range moves[:i] {
			if a.From().Overlaps(b.From()) {
				p.block(Issue{Rule: ruleClash, Location: a.From().String(), Region: a.Source.Code,
					Text: fmt.Sprintf("is in %s and in %s: one plan cannot tell two buckets of one name and one provider apart",
						a.Source, b.Source),
					Remedy: "give each of the two regions a provider of its own in the configuration, and move one after the other"})
			}
			if p.plan.To(a).Overlaps(p.plan.To(b)) {
				p.block(Issue{Rule: ruleClash, Location: a.From().String(), Region: a.Source.Code,
					Text:   fmt.Sprintf("would share %s with %s", p.plan.To(a), b.From()),
					Remedy: "set destination.bucket or destination.map in the configuration so that each has its own"})
			}
		}
	}
}
