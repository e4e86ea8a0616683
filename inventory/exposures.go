package inventory

import (
	"cmp"
	"strings"

	"github.com/residency/residency/regions"
)

// Exposures lists the laws that reach data in a country under an operator, and the
// safeguards against that, without saying of which places.
func Exposures(catalog *regions.Catalog, country string, operator regions.Operator) (reach, safeguards []Exposure) {
	return sorted(catalog.Exposures(country, operator), country, operator)
}

// spreadExposures is Exposures of a region that spans countries, or whose country its provider does not tell.
func spreadExposures(
	catalog *regions.Catalog, r regions.Region, operator regions.Operator,
) (reach, safeguards []Exposure) {
	return sorted(catalog.RegionExposures(r, operator), cmp.Or(r.Within, strings.Join(r.Countries, ", ")), operator)
}

// sorted tells what reaches data in a country from what safeguards it.
func sorted(all []regions.Exposure, country string, operator regions.Operator) (reach, safeguards []Exposure) {
	reach, safeguards = []Exposure{}, []Exposure{}
	for _, e := range all {
		x := exposure(e, country, operator)
		if e.Group == regions.GroupSafeguard {
			safeguards = append(safeguards, x)
		} else {
			reach = append(reach, x)
		}
	}
	return reach, safeguards
}

func exposure(e regions.Exposure, country string, operator regions.Operator) Exposure {
	through := country
	if e.Axis == regions.AxisOperator {
		through = operator.Name
	}
	return Exposure{Locations: []string{},
		Axis: e.Axis, Group: e.Group, Law: e.Law, Country: e.Country, Through: through, State: e.State,
		Since: string(e.Since), Detail: e.Detail, Source: e.Source, AsOf: string(e.AsOf), Confidence: e.Confidence,
	}
}
