package regions

import (
	"io/fs"
	"slices"
	"strings"
)

func (c *Catalog) readSets(fsys fs.FS) error {
	records, err := readTable(fsys, "data/sets.csv", 2, "set", "iso")
	if err != nil {
		return err
	}
	for _, r := range records {
		name, code := r.get("set"), r.get("iso")
		if _, ok := c.countries[code]; !ok {
			return r.errorf("unknown country %q", code)
		}
		s := c.sets[fold(name)]
		if s.name != "" && s.name != name {
			return r.errorf("set %q is also spelled %q", name, s.name)
		}
		if slices.Contains(s.members, code) {
			return r.errorf("duplicate member %s of %s", code, name)
		}
		c.used(r)
		c.sets[fold(name)] = set{name, append(s.members, code)}
	}
	return nil
}

func (c *Catalog) readOperators(fsys fs.FS) error {
	records, err := readTable(fsys, "data/operators.csv", 2, "provider", "partition", "code", "id", "name", "country",
		"parent", "contested", "note")
	if err != nil {
		return err
	}
	for _, r := range records {
		op := Operator{
			ID: r.get("id"), Name: r.get("name"), Country: r.get("country"), Parent: r.get("parent"),
			Note: r.get("note"), Contested: r.get("contested") == "yes", Source: r.get("source"), AsOf: r.asOf,
		}
		if op.ID == "" || op.Name == "" {
			return r.errorf("operator without id or name")
		}
		if s := r.get("contested"); s != "yes" && s != "no" {
			return r.errorf("contested %q: want yes or no", s)
		}
		for _, code := range []string{op.Country, op.Parent} {
			if _, ok := c.countries[code]; !ok && code != "" {
				return r.errorf("unknown country %q", code)
			}
		}
		k := operatorKey{r.get("provider"), r.get("partition"), fold(r.get("code"))}
		if _, ok := c.operators[k]; ok {
			return r.errorf("duplicate operator of %s %s %s", k.provider, k.partition, k.code)
		}
		if !slices.ContainsFunc(c.regions, func(x Region) bool {
			return x.Provider == k.provider && x.Partition == k.partition && (k.code == "" || fold(x.Code) == k.code)
		}) {
			return r.errorf("operator of %s %s %s, which data/regions.csv does not have", k.provider, k.partition, k.code)
		}
		c.used(r)
		c.operators[k] = op
	}
	return nil
}

func (c *Catalog) readReach(fsys fs.FS) error {
	records, err := readTable(fsys, "data/reach.csv", 6, "axis", "applies", "law", "country", "detail", "confidence")
	if err != nil {
		return err
	}
	for _, r := range records {
		axis, applies := r.get("axis"), r.get("applies")
		if axis != AxisLocation && axis != AxisOperator {
			return r.errorf("axis %q: want %s or %s", axis, AxisLocation, AxisOperator)
		}
		if !c.isCountryOrSet(applies) {
			return r.errorf("applies to %q, which is neither a country nor a set", applies)
		}
		if !c.isCountryOrSet(r.get("country")) {
			return r.errorf("law of %q, which is neither a country nor a set", r.get("country"))
		}
		c.used(r)
		c.reach = append(c.reach, reach{applies, Exposure{
			Axis: axis, Law: r.get("law"), Country: r.get("country"), Detail: r.get("detail"),
			Source: r.get("source"), AsOf: r.asOf, Confidence: r.get("confidence"),
		}})
	}
	slices.SortStableFunc(c.reach, func(a, b reach) int { return strings.Compare(a.law.Axis, b.law.Axis) })
	return nil
}

func (c *Catalog) isCountryOrSet(s string) bool {
	_, isCountry := c.countries[s]
	_, isSet := c.sets[fold(s)]
	return isCountry || isSet
}
