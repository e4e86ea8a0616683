package regions

import (
	"slices"
	"time"
)

// Catalog is the built-in knowledge about regions, countries and operators.
// Get one from Load. It never changes, so goroutines may share it.
type Catalog struct {
	regions   []Region // every row, sorted by provider and code
	providers []string
	index     map[key]Region // by folded code, without aliases
	aliases   map[key]string // exact: "EU" is an old name of AWS, "eu" is not
	countries map[string]Country
	sets      map[string]set // by folded name
	operators map[operatorKey]Operator
	claims    []Claim
	asOf      time.Time
	sha256    string
}

type key struct{ provider, code string }

func keyOf(provider, code string) key { return key{provider, fold(code)} }

// operatorKey finds an operator; code is empty for all of the partition.
type operatorKey struct{ provider, partition, code string }

// FreshMonths is how long law and region data may go unchecked.
const FreshMonths = 6

// AsOf is the date of the catalog's oldest row.
func (c *Catalog) AsOf() time.Time { return c.asOf }

// SHA256 tells this catalog from all others, in hex: it is that of the lines which sha256sum
// prints of the files data/*.csv.
func (c *Catalog) SHA256() string { return c.sha256 }

// AsOfMonth is AsOf as precise as the rows tell.
func (c *Catalog) AsOfMonth() string { return c.asOf.Format("2006-01") }

// Stale tells whether some row had gone unchecked for more than six months at
// the time now.
func (c *Catalog) Stale(now time.Time) bool { return now.After(c.asOf.AddDate(0, FreshMonths, 0)) }

// All returns every row, aliases and multi-regions included, sorted by
// provider and code.
func (c *Catalog) All() []Region { return slices.Clone(c.regions) }

// Lookup returns the row of a provider's region code, in any case. For aws it
// understands the location names that S3 reports for old buckets: "EU" is
// eu-west-1 and the empty name is us-east-1.
func (c *Catalog) Lookup(provider, code string) (Region, bool) {
	if target, ok := c.aliases[key{provider, code}]; ok {
		code = target
	}
	r, ok := c.index[keyOf(provider, code)]
	return r, ok
}

// LookupAny returns what Lookup finds for the code at each provider, sorted by
// provider.
func (c *Catalog) LookupAny(code string) []Region {
	var found []Region
	for _, p := range c.providers {
		if r, ok := c.Lookup(p, code); ok {
			found = append(found, r)
		}
	}
	return found
}

// rows is LookupAny without the old location names, which name existing
// buckets' places but are not places to go to.
func (c *Catalog) rows(code string) []Region {
	var found []Region
	for _, p := range c.providers {
		if r, ok := c.index[keyOf(p, code)]; ok {
			found = append(found, r)
		}
	}
	return found
}

// Country returns what is known of a country by its ISO 3166-1 alpha-2 code.
func (c *Catalog) Country(code string) (Country, bool) {
	country, ok := c.countries[iso(code)]
	if !ok {
		return Country{}, false
	}
	country.Sets = c.Sets(country.ISO)
	country.DSPConcern = c.inSet(setConcern, country.ISO)
	return country, true
}

// Operator returns who runs a region. It reports false where that is not
// known; the Operator then has no country, but may say in its note and source
// what was looked for.
func (c *Catalog) Operator(r Region) (Operator, bool) {
	op, ok := c.operators[operatorKey{r.Provider, r.Partition, fold(r.Code)}]
	if !ok {
		op = c.operators[operatorKey{r.Provider, r.Partition, ""}]
	}
	return op, op.Country != ""
}
