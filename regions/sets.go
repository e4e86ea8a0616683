package regions

import "slices"

// Sets that the code itself refers to.
const (
	setConcern  = "US-DSP-concern"
	setAdequate = "adequate"
	set14Eyes   = "14-eyes"
	// setNot14Eyes has the countries of whose law something is known, and no such ring.
	setNot14Eyes = "not-14-eyes"
	setEEA       = "EEA"
)

// set is a named group of countries.
type set struct {
	name    string
	members []string
}

// deriveSets adds the sets that follow from others. A country without a law
// row is in none that depends on its law.
func (c *Catalog) deriveSets() {
	var notUS, notEyes []string
	for code, country := range c.countries {
		if IsUS(code) {
			continue
		}
		notUS = append(notUS, code)
		if c.hasLaw(country.ISO) && !c.inSet(set14Eyes, country.ISO) {
			notEyes = append(notEyes, code)
		}
	}
	c.addSet("not-US", notUS)
	c.addSet(setNot14Eyes, notEyes)
	c.addSet("EEA+adequate", slices.Concat(c.sets[fold(setEEA)].members, c.sets[fold(setAdequate)].members))
	for k, s := range c.sets {
		slices.Sort(s.members)
		c.sets[k] = set{s.name, slices.Compact(s.members)}
	}
}

func (c *Catalog) addSet(name string, members []string) { c.sets[fold(name)] = set{name, members} }

func (c *Catalog) inSet(name, code string) bool {
	return slices.Contains(c.sets[fold(name)].members, code)
}

// Sets returns the names of the sets that a country is in, sorted: EU, EEA,
// adequate (a decision under GDPR art. 45 exists, perhaps of limited scope),
// EEA+adequate, not-US, 14-eyes, US-DSP-concern. A country of which too little is known
// is left out of a set rather than put into it. A policy can also name not-14-eyes, which
// is not listed: it would read like a grade.
func (c *Catalog) Sets(code string) []string {
	var names []string
	for _, s := range c.sets {
		if s.name != setNot14Eyes && slices.Contains(s.members, iso(code)) {
			names = append(names, s.name)
		}
	}
	slices.Sort(names)
	return names
}

// RegionSets returns the sets in which all is that is in a region: of one that spans
// several countries, those that they share.
func (c *Catalog) RegionSets(r Region) []string {
	if r.Within != "" {
		var names []string
		for _, s := range c.sets {
			if s.name != setNot14Eyes && c.covers(s.name, r.Within) {
				names = append(names, s.name)
			}
		}
		slices.Sort(names)
		return names
	}
	shared := c.Sets(r.Country)
	for i, country := range r.Countries {
		sets := c.Sets(country)
		if i == 0 {
			shared = sets
		}
		shared = slices.DeleteFunc(shared, func(s string) bool { return !slices.Contains(sets, s) })
	}
	return shared
}

// Spread returns the countries in which data in a region may be that is not in one known
// country, sorted: all that it spans, or the members of the set that it is within. It is nil
// where the provider does not say as much.
func (c *Catalog) Spread(r Region) []string {
	if r.Country != "" {
		return nil
	}
	if r.Within != "" {
		return c.SetMembers(r.Within)
	}
	all := slices.Clone(r.Countries)
	slices.Sort(all)
	return slices.Compact(all)
}

// SetMembers returns the countries of a set, sorted, or nil if there is no
// such set. Case does not matter.
func (c *Catalog) SetMembers(name string) []string {
	return slices.Clone(c.sets[fold(name)].members)
}

// setNames returns the names of all sets, sorted.
func (c *Catalog) setNames() []string {
	names := make([]string, 0, len(c.sets))
	for _, s := range c.sets {
		names = append(names, s.name)
	}
	slices.Sort(names)
	return names
}
