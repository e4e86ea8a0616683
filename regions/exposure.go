package regions

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"
)

// Axes of exposure. They are never merged: data in Dublin under an American
// operator has Ireland on one and the United States on the other.
const (
	AxisLocation  = "location"
	AxisOperator  = "operator"
	AxisTransit   = "transit"
	AxisKeyHolder = "key holder"
)

// Exposure is one law that can reach data, and why.
type Exposure struct {
	Axis       string
	Law        string
	Country    string // whose law it is: a country, or a set such as EU; empty means not known
	Detail     string
	Source     string
	AsOf       time.Time
	Confidence string
}

// reach is a law that applies to all places in, or operators from, a country
// or set.
type reach struct {
	applies string
	law     Exposure
}

// lawUnknown is the Law of an exposure that says what is not known.
const lawUnknown = "unknown"

// Exposures lists the laws that reach data in a country, on the location axis,
// and the laws that reach its operator wherever the data is, on the operator
// axis. What is not known has an entry of its own: neither axis is ever empty.
// The list is not a verdict, and it is not complete.
func (c *Catalog) Exposures(country string, op Operator) []Exposure {
	return append(c.locationExposures(home(country)), c.operatorExposures(op)...)
}

// home is the country whose law holds in a country code's territory.
func home(country string) string {
	if IsUS(country) {
		return "US"
	}
	return iso(country)
}

func (c *Catalog) locationExposures(code string) []Exposure {
	country, ok := c.countries[code]
	if !ok {
		return []Exposure{{
			Axis: AxisLocation, Law: lawUnknown, Detail: "the country is not known, so no law can be named",
			Source: "no row", AsOf: c.asOf, Confidence: lawUnknown,
		}}
	}
	if country.Statute == "" {
		return append([]Exposure{{
			Axis: AxisLocation, Law: lawUnknown, Country: code, Detail: "the catalog has no row for the law of " + country.Name,
			Source: country.Source, AsOf: country.AsOf, Confidence: lawUnknown,
		}}, c.reaching(AxisLocation, code)...)
	}
	var out []Exposure
	add := func(law, detail string) {
		out = append(out, Exposure{
			Axis: AxisLocation, Law: law, Country: code, Detail: detail,
			Source: country.Source, AsOf: country.AsOf, Confidence: country.Confidence,
		})
	}
	add(country.Statute, "data protection law of "+country.Name)
	if s := country.Localisation; s != "none" && s != "none general" {
		add("localisation and export rules", s)
	}
	if s := country.CloudActAgreement; !strings.HasPrefix(s, "no") && code != "US" {
		add("CLOUD Act agreement with the US", s)
	}
	if s := country.MLA; !strings.HasPrefix(s, "none") && code != "US" {
		add("mutual legal assistance with the US", s)
	}
	if isRing(country.Eyes) {
		add("intelligence sharing", "member of the "+country.Eyes+" Eyes, as reported")
	}
	return append(out, c.reaching(AxisLocation, code)...)
}

func (c *Catalog) operatorExposures(op Operator) []Exposure {
	code := home(op.Country)
	country, ok := c.countries[code]
	if !ok {
		return []Exposure{{
			Axis: AxisOperator, Law: lawUnknown, Detail: "the operator or its home country is not known, so no law can be named",
			Source: cmp.Or(op.Source, "no row"), AsOf: cmp.Or(op.AsOf, c.asOf), Confidence: lawUnknown,
		}}
	}
	out := c.reaching(AxisOperator, code)
	if len(out) == 0 {
		out = []Exposure{{
			Axis: AxisOperator, Law: lawUnknown, Country: code,
			Detail: fmt.Sprintf("the catalog names no law of %s that follows its operators abroad, which is no evidence that there is none", country.Name),
			Source: cmp.Or(op.Source, "no row"), AsOf: cmp.Or(op.AsOf, c.asOf), Confidence: lawUnknown,
		}}
	}
	if op.Parent == "" || home(op.Parent) == code {
		return out
	}
	for _, e := range c.reaching(AxisOperator, home(op.Parent)) {
		e.Detail = "through the operator's owner: " + e.Detail
		if op.Contested {
			e.Confidence = "contested whether the owner's law reaches this operator; " + e.Confidence
		}
		out = append(out, e)
	}
	return out
}

// reaching returns the laws of one axis that apply to a country.
func (c *Catalog) reaching(axis, code string) []Exposure {
	var out []Exposure
	for _, r := range c.reach {
		if r.law.Axis == axis && (r.applies == code || c.inSet(r.applies, code)) {
			out = append(out, r.law)
		}
	}
	return slices.Clip(out)
}
