package regions

import (
	"io/fs"
	"slices"
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
		"parent", "contested", "supplier", "supplier_name", "note")
	if err != nil {
		return err
	}
	for _, r := range records {
		op := Operator{
			ID: r.get("id"), Name: r.get("name"), Country: r.get("country"), Parent: r.get("parent"),
			Supplier: r.get("supplier"), SupplierName: r.get("supplier_name"), Note: r.get("note"),
			Contested: r.get("contested") == "yes", Source: r.get("source"), AsOf: r.asOf,
		}
		if op.ID == "" || op.Name == "" {
			return r.errorf("operator without id or name")
		}
		if s := r.get("contested"); s != "yes" && s != "no" {
			return r.errorf("contested %q: want yes or no", s)
		}
		if (op.Supplier == "") != (op.SupplierName == "") {
			return r.errorf("a supplier has a country and a name")
		}
		for _, code := range []string{op.Country, op.Parent, op.Supplier} {
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
