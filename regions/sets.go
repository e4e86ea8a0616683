package regions

import "slices"

// Sets that the code itself refers to.
const (
	setConcern  = "US-DSP-concern"
	setAdequate = "adequate"
	set14Eyes   = "14-eyes"
	setEEA      = "EEA"
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
		if country.Eyes != "" && !isRing(country.Eyes) {
			notEyes = append(notEyes, code)
		}
	}
	c.addSet("not-US", notUS)
	c.addSet("not-14-eyes", notEyes)
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
// EEA+adequate, not-US, 14-eyes, not-14-eyes, US-DSP-concern. A country of
// which too little is known is left out of a set rather than put into it.
func (c *Catalog) Sets(code string) []string {
	var names []string
	for _, s := range c.sets {
		if slices.Contains(s.members, iso(code)) {
			names = append(names, s.name)
		}
	}
	slices.Sort(names)
	return names
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
