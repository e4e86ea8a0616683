package regions

import (
	"embed"
	"fmt"
	"io/fs"
)

//go:embed data/*.csv
var files embed.FS

// Load returns the catalog that is built into the program.
func Load() (*Catalog, error) { return Parse(files) }

// Parse reads a catalog from the CSV files under data in fsys. It is strict:
// an unknown country, a duplicate, a missing source or date, or a row that
// contradicts another is an error that names the file and line.
func Parse(fsys fs.FS) (*Catalog, error) {
	c := &Catalog{
		countries: make(map[string]Country),
		sets:      make(map[string]set),
		index:     make(map[key]Region),
		aliases:   make(map[key]string),
		operators: make(map[operatorKey]Operator),
	}
	// In this order: each table may refer to those before it.
	for _, read := range []func(fs.FS) error{
		c.readCountries, c.readSets, c.readRegions, c.readOperators, c.readClaims,
	} {
		if err := read(fsys); err != nil {
			return nil, fmt.Errorf("read catalog: %w", err)
		}
	}
	c.deriveSets()
	sum, err := digest(fsys)
	if err != nil {
		return nil, fmt.Errorf("read catalog: %w", err)
	}
	c.sha256 = sum
	return c, nil
}

// used notes that a row is part of the catalog, for its age.
func (c *Catalog) used(r record) {
	if c.asOf.IsZero() || r.asOf.Before(c.asOf) {
		c.asOf = r.asOf
	}
}

func (c *Catalog) readCountries(fsys fs.FS) error {
	records, err := readTable(fsys, "data/countries.csv", 2, "iso", "name")
	if err != nil {
		return err
	}
	for _, r := range records {
		code := r.get("iso")
		if !isoShaped(code) {
			return r.errorf("iso %q: want two letters A to Z", code)
		}
		if _, ok := c.countries[code]; ok {
			return r.errorf("duplicate country %s", code)
		}
		c.used(r)
		c.countries[code] = Country{ISO: code, Name: r.get("name"), Source: r.get("source"), AsOf: r.asOf}
	}
	return nil
}

// isoShaped tells whether s looks like an ISO 3166-1 alpha-2 code.
func isoShaped(s string) bool {
	return len(s) == 2 && 'A' <= s[0] && s[0] <= 'Z' && 'A' <= s[1] && s[1] <= 'Z'
}
