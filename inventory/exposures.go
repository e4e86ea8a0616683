package inventory

import "github.com/residency/residency/regions"

// Exposures lists the laws that reach data in a country under an operator, and the
// safeguards against that, without saying of which places.
func Exposures(catalog *regions.Catalog, country string, operator regions.Operator) (reach, safeguards []Exposure) {
	reach, safeguards = []Exposure{}, []Exposure{}
	for _, e := range catalog.Exposures(country, operator) {
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
