package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"

	"github.com/residency/residency/cmd/internal/config"
	"github.com/residency/residency/regions"
	"github.com/residency/residency/regions/prices"
)

// readPrices is the built-in table under the user's own prices, if the configuration has any.
func readPrices(c *config.Config, catalog *regions.Catalog) (*prices.Table, int, error) {
	table, err := prices.Load()
	path := c.PricesPath()
	if err != nil || path == "" {
		return table, 0, err
	}
	data, err := readUpTo(path, prices.MaxSize+1)
	if err != nil {
		return nil, 0, &usageError{err: fmt.Errorf("read the prices that the configuration names: %w", err)}
	}
	var known []prices.Provider
	for _, name := range sortedKeys(c.Providers) {
		known = append(known, prices.Provider{Name: name, Has: has(c.Providers[name], catalog)})
	}
	own, err := prices.Parse(path, data, known...)
	if err != nil {
		return nil, 0, &usageError{err: err, remedy: "residency help cost describes such a file"}
	}
	return table.With(own), len(own), nil
}

// has tells which regions a provider has: those that are configured, and those of its kind in the
// catalog. Of one that has neither that is not known.
func has(p config.Provider, catalog *regions.Catalog) func(region string) bool {
	cataloged := slices.ContainsFunc(catalog.All(), func(r regions.Region) bool { return r.Provider == p.Cloud() })
	if len(p.Regions) == 0 && !cataloged {
		return nil
	}
	return func(code string) bool {
		if _, ok := p.Regions[code]; ok {
			return true
		}
		r, ok := catalog.Lookup(p.Cloud(), code)
		return ok && r.Code == code // and not another way to write it, which no region is called by
	}
}

// readUpTo reads a file as far as it can be one of prices.
func readUpTo(path string, most int64) (data []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return io.ReadAll(io.LimitReader(f, most))
}
