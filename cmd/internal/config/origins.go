package config

import (
	"cmp"
	"slices"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/kind"
	"github.com/residency/residency/regions"
)

// Origin names the service that answers for a region of the provider, as
// objectstore.Origin does.
func (p Provider) Origin(catalog *regions.Catalog, region string) string {
	if endpoint := cmp.Or(p.Regions[region].Endpoint, p.Endpoint); endpoint != "" {
		return objectstore.Origin(endpoint)
	}
	known, _ := catalog.Lookup(p.Cloud(), region)
	is, _ := kind.Of(p.Type)
	return is.Origin(known.Partition)
}

// Shares finds a service that two providers both reach, in whatever region: what
// one calls a bucket there is the other's bucket of that name. Empty if they are
// not known to share one.
func (p Provider) Shares(catalog *regions.Catalog, o Provider) string {
	theirs := o.origins(catalog)
	for _, origin := range p.origins(catalog) {
		if slices.Contains(theirs, origin) {
			return origin
		}
	}
	return ""
}

func (p Provider) origins(catalog *regions.Catalog) []string {
	if len(p.Regions) == 0 {
		return []string{p.Origin(catalog, "")}
	}
	var all []string
	for _, region := range sorted(p.Regions) {
		all = append(all, p.Origin(catalog, region))
	}
	return all
}
