package cli

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/residency/residency/cmd/internal/config"
	"github.com/residency/residency/regions/prices"
)

// readPrices is the built-in table under the user's own prices, if the configuration has any.
func readPrices(c *config.Config) (*prices.Table, int, error) {
	table, err := prices.Load()
	path := c.PricesPath()
	if err != nil || path == "" {
		return table, 0, err
	}
	data, err := readUpTo(path, prices.MaxSize+1)
	if err != nil {
		return nil, 0, &usageError{err: fmt.Errorf("read the prices that the configuration names: %w", err)}
	}
	own, err := prices.Parse(path, data, sortedKeys(c.Providers)...)
	if err != nil {
		return nil, 0, &usageError{err: err, remedy: "residency help cost describes such a file"}
	}
	return table.With(own), len(own), nil
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
