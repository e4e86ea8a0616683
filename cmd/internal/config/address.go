package config

import (
	"cmp"
	"errors"
	"fmt"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/kind"
	"github.com/residency/residency/regions"
)

// standing is a region at its address.
type standing struct {
	provider, region, country string
	endpoint, path            string // as written, and where
	locates                   bool   // the service says of each bucket in which region it is
}

// addresses refuses one address in two countries: who answers there stands in one, and data
// that moves from itself to itself moves nowhere. A service that locates its buckets, or what
// stands in for one, has all of its regions at one address.
func (k *checker) addresses(c *Config) error {
	var all []standing
	for _, name := range sorted(c.Providers) {
		p := c.Providers[name]
		is, _ := kind.Of(p.Type)
		for _, code := range sorted(p.Regions) {
			r := p.Regions[code]
			s := standing{provider: name, region: code, endpoint: cmp.Or(r.Endpoint, p.Endpoint), locates: is.Global,
				path: fmt.Sprintf("$.providers.%s.regions.'%s'.endpoint", name, code)}
			if r.Endpoint == "" {
				s.path = "$.providers." + name + ".endpoint"
			}
			s.country, _ = k.catalog.PlaceCountry(regions.Place{Provider: name, Kind: p.Cloud(), Code: code, Country: r.Country,
				Configured: true}) // the provider's check has looked
			if s.endpoint == "" {
				continue // the service's own, of which it says itself where what is
			}
			for _, o := range all {
				if s.country == o.country || s.locates && o.locates || !objectstore.OneAddress(s.endpoint, o.endpoint) {
					continue
				}
				return k.twoCountries(s, o)
			}
			all = append(all, s)
		}
	}
	return nil
}

func (k *checker) twoCountries(s, o standing) error {
	line, column := 0, 0
	if e := (*Error)(nil); errors.As(k.at(o.path, ""), &e) {
		line, column = e.Line, e.Column
	}
	return k.at(s.path, "endpoint %q of %s:%s (%s) is the address of %s:%s (%s; line %d, column %d): who answers "+
		"there stands in one country; correct the endpoint, or the country", s.endpoint, s.provider, s.region, s.country,
		o.provider, o.region, o.country, line, column)
}
