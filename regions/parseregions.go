package regions

import (
	"io/fs"
	"slices"
	"strings"
)

func (c *Catalog) readRegions(fsys fs.FS) error {
	records, err := readTable(fsys, "data/regions.csv", 3, "provider", "code", "name", "place", "country", "partition",
		"kind", "geography", "paired_region", "pair_country", "opt_in", "status", "members", "verified")
	if err != nil {
		return err
	}
	seen := make(map[key]bool)
	for _, r := range records {
		region := Region{
			Provider: r.get("provider"), Code: r.get("code"), Name: r.get("name"), Place: r.get("place"),
			Partition: r.get("partition"), Kind: r.get("kind"), Geography: r.get("geography"),
			PairedRegion: r.get("paired_region"), PairCountry: r.get("pair_country"), OptIn: r.get("opt_in"),
			Status: r.get("status"), Members: r.get("members"), Source: r.get("source"),
			Verified: r.get("verified"), AsOf: r.asOf,
		}
		k := keyOf(region.Provider, region.Code)
		if seen[k] {
			return r.errorf("duplicate region %s %s", region.Provider, region.Code)
		}
		seen[k] = true
		if err := c.setCountries(r, &region); err != nil {
			return err
		}
		c.used(r)
		c.regions = append(c.regions, region)
		if region.Kind == KindAlias {
			// The row of the old empty location has a code in brackets.
			alias := strings.TrimPrefix(region.Code, "(empty)")
			c.aliases[key{region.Provider, alias}] = region.Members
		} else {
			c.index[k] = region
		}
		if !slices.Contains(c.providers, region.Provider) {
			c.providers = append(c.providers, region.Provider)
		}
	}
	slices.Sort(c.providers)
	slices.SortFunc(c.regions, compareRegions)
	return c.checkReferences(records)
}

// setCountries fills in the country and checks it against the kind of row.
func (c *Catalog) setCountries(r record, region *Region) error {
	country, pair := r.get("country"), region.PairCountry
	switch region.Kind {
	case KindRegion, KindAlias, KindPseudo:
		if _, ok := c.countries[country]; !ok {
			return r.errorf("%s %s: unknown country %q", region.Kind, region.Code, country)
		}
	case KindMultiRegion, KindDualRegion, KindZone, KindLocalZone:
		if _, ok := c.countries[country]; !ok && isoShaped(country) {
			return r.errorf("%s %s: unknown country %q", region.Kind, region.Code, country)
		}
	default:
		return r.errorf("unknown kind %q", region.Kind)
	}
	if _, ok := c.countries[country]; ok {
		region.Country = country
	} else {
		region.CountryNote = country
		c.spans(region)
	}
	if _, ok := c.countries[pair]; !ok && pair != "" {
		return r.errorf("%s: unknown country %q of the paired region", region.Code, pair)
	}
	return nil
}

// spans reads from the note how far a region's country is known: FI+NL is in both, and
// EU* somewhere in a set.
func (c *Catalog) spans(region *Region) {
	if name, some := strings.CutSuffix(region.CountryNote, "*"); some && len(c.sets[fold(name)].members) > 0 {
		region.Within = c.sets[fold(name)].name
		return
	}
	var all []string
	for _, code := range strings.Split(region.CountryNote, "+") {
		if _, ok := c.countries[code]; !ok {
			return
		}
		all = append(all, code)
	}
	region.Countries = all
}

// checkReferences makes sure that pairs and aliases name regions of the table,
// and say the same country as those do.
func (c *Catalog) checkReferences(records []record) error {
	for _, r := range records {
		provider, target, country := r.get("provider"), r.get("paired_region"), r.get("pair_country")
		if k := r.get("kind"); k == KindAlias || k == KindPseudo {
			target, country = r.get("members"), r.get("country")
		}
		if target == "" && country == "" {
			continue
		}
		if row, ok := c.index[keyOf(provider, target)]; !ok || row.Country != country {
			return r.errorf("%s: no region %q of %s in %q", r.get("code"), target, provider, country)
		}
	}
	return nil
}

func compareRegions(a, b Region) int {
	if d := strings.Compare(a.Provider, b.Provider); d != 0 {
		return d
	}
	return strings.Compare(a.Code, b.Code)
}
