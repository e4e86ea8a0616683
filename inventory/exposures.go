package inventory

import "github.com/residency/residency/regions"

// Exposures lists the laws that reach data in a country under an operator,
// without saying of which places.
func Exposures(catalog *regions.Catalog, country string, operator regions.Operator) []Exposure {
	list := []Exposure{}
	for _, e := range catalog.Exposures(country, operator) {
		through := country
		if e.Axis == regions.AxisOperator {
			through = operator.Name
		}
		list = append(list, Exposure{
			Axis: e.Axis, Law: e.Law, Country: e.Country, Through: through, Detail: e.Detail,
			Source: e.Source, AsOf: e.AsOf, Confidence: e.Confidence,
		})
	}
	return list
}
