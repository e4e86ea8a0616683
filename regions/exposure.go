package regions

import (
	"cmp"
	"fmt"
	"slices"
)

// Axes of exposure. They are never merged: data in Dublin under an American
// operator has Ireland on one and the United States on the other.
const (
	AxisLocation  = "location"
	AxisOperator  = "operator"
	AxisTransit   = "transit"
	AxisKeyHolder = "key holder"
)

// Exposure is one law that can reach data, or a safeguard, and why.
type Exposure struct {
	Axis       string
	Group      string // one of the Group constants
	Law        string
	Country    string // whose law it is: a country, or a set such as EU; empty means not known
	State      string // in force, lapsed, contested or unknown
	Since      Date
	Detail     string
	Source     string
	AsOf       Date // of what the source says
	Confidence string
}

// lawUnknown is the Law of an exposure that says what is not known.
const lawUnknown = "unknown"

// Exposures lists the laws that reach data in a country, on the location axis,
// and the laws that reach its operator wherever the data is, on the operator
// axis. What is not known has an entry of its own: neither axis is ever empty.
// The list is not a verdict, and it is not complete.
func (c *Catalog) Exposures(country string, op Operator) []Exposure {
	return append(c.locationExposures(home(country)), c.operatorExposures(op, home(country))...)
}

// RegionExposures is Exposures of a region of the catalog. Of one that spans several
// countries it lists what reaches each of them, and of one whose country its provider
// does not tell what holds in all that it can be.
func (c *Catalog) RegionExposures(r Region, op Operator) []Exposure {
	if r.Country != "" {
		return c.Exposures(r.Country, op)
	}
	var out []Exposure
	if r.Within != "" {
		out = c.unknownLaw("", fmt.Sprintf("somewhere in the %s: which state's law applies besides is not known", r.Within),
			r.Source, Date(c.AsOfMonth()))
		for _, claim := range c.claims {
			if claim.Axis == AxisLocation && c.covers(claim.Applies, r.Within) && claim.effective() {
				out = append(out, exposure(claim))
			}
		}
	}
	for _, country := range r.Countries {
		for _, e := range c.locationExposures(country) {
			if !slices.Contains(out, e) {
				out = append(out, e)
			}
		}
	}
	if len(out) == 0 {
		out = c.locationExposures("")
	}
	return append(out, c.operatorExposures(op, "")...)
}

// covers tells whether all members of a set are in another.
func (c *Catalog) covers(outer, inner string) bool {
	members := c.sets[fold(inner)].members
	return len(members) > 0 && !slices.ContainsFunc(members, func(m string) bool { return !c.inSet(outer, m) })
}

// home is the country whose law holds in a country code's territory.
func home(country string) string {
	if IsUS(country) {
		return "US"
	}
	return iso(country)
}

func exposure(claim Claim) Exposure {
	return Exposure{
		Axis: claim.Axis, Group: claim.Group, Law: claim.Law, Country: claim.Country, State: claim.State,
		Since: claim.Since, Detail: claim.Detail, Source: claim.Source, AsOf: claim.AsOf, Confidence: claim.Confidence,
	}
}

func (c *Catalog) unknownLaw(country, detail, source string, asOf Date) []Exposure {
	return []Exposure{{
		Axis: AxisLocation, Group: GroupLaw, Law: lawUnknown, Country: country, State: unknown, Detail: detail,
		Source: source, AsOf: asOf, Confidence: unknown,
	}}
}

func (c *Catalog) locationExposures(code string) []Exposure {
	country, ok := c.countries[code]
	if !ok {
		return c.unknownLaw("", "the country is not known, so no law can be named", "no row", Date(c.AsOfMonth()))
	}
	var out []Exposure
	if !c.hasLaw(code) {
		out = c.unknownLaw(code, "the catalog has no row for the law of "+country.Name, country.Source,
			Date(country.AsOf.Format("2006-01")))
	}
	return append(out, c.reaching(AxisLocation, code)...)
}

// hasLaw tells whether the catalog says anything of a country's own law.
func (c *Catalog) hasLaw(code string) bool {
	return slices.ContainsFunc(c.claims, func(x Claim) bool {
		return x.Axis == AxisLocation && x.Applies == code && x.Group == GroupLaw
	})
}

func (c *Catalog) operatorExposures(op Operator, place string) []Exposure {
	code := home(op.Country)
	country, ok := c.countries[code]
	if !ok {
		return []Exposure{{
			Axis: AxisOperator, Group: GroupAccess, Law: lawUnknown, State: unknown,
			Detail: "the operator or its home country is not known, so no law can be named",
			Source: cmp.Or(op.Source, "no row"), AsOf: op.date(c), Confidence: unknown,
		}}
	}
	out := c.reaching(AxisOperator, code)
	if len(out) == 0 {
		out = []Exposure{{
			Axis: AxisOperator, Group: GroupAccess, Law: lawUnknown, Country: code, State: unknown,
			Detail: fmt.Sprintf("the catalog names no law of %s that follows its operators abroad, which is no evidence that "+
				"there is none", country.Name),
			Source: cmp.Or(op.Source, "no row"), AsOf: op.date(c), Confidence: unknown,
		}}
	}
	for i := range out {
		if out[i].Country == place {
			out[i].Group = GroupLaw // it does not come from abroad
		}
	}
	out = append(out, c.through(op.Parent, code, "the operator's owner", op.Contested)...)
	return append(out, c.through(op.Supplier, code, "its supplier "+op.SupplierName, true)...)
}

// through lists the laws that may reach an operator through somebody from another
// country.
func (c *Catalog) through(country, own, whom string, contested bool) []Exposure {
	if country == "" || home(country) == own {
		return nil
	}
	list := c.reaching(AxisOperator, home(country))
	for i := range list {
		list[i].Detail = "through " + whom + ": " + list[i].Detail
		if contested {
			if list[i].State == InForce {
				list[i].State, list[i].Since = Contested, ""
			}
			list[i].Detail = "contested whether it reaches this operator; " + list[i].Detail
		}
	}
	return list
}

func (o Operator) date(c *Catalog) Date {
	if o.AsOf.IsZero() {
		return Date(c.AsOfMonth())
	}
	return Date(o.AsOf.Format("2006-01"))
}

// reaching returns the laws of one axis that reach a country today.
func (c *Catalog) reaching(axis, code string) []Exposure {
	var out []Exposure
	for _, claim := range c.Claims(axis, code) {
		if claim.effective() {
			out = append(out, exposure(claim))
		}
	}
	return slices.Clip(out)
}
