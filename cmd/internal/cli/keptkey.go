package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"github.com/residency/residency/cmd/internal/render"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/attest/awskms"
	"github.com/residency/residency/regions"
)

// kept is a key for signatures that a service keeps, and where.
type kept struct {
	key     *awskms.Key
	country string
}

// keptKey opens a key in AWS KMS. One that lies in the United States, or in a region that the catalog does not
// know, is refused before anybody is asked.
func (a *app) keptKey(ctx context.Context, flag, text string) (kept, error) {
	if !awskms.Is(text) {
		return kept{}, &usageError{err: fmt.Errorf("%s %s: want a PEM file, or awskms:///ARN of a key in AWS KMS", flag,
			text)}
	}
	name, err := awskms.Parse(text)
	if err != nil {
		return kept{}, &usageError{err: fmt.Errorf("%s %s: %w", flag, text, err)}
	}
	country, err := keyCountry(name)
	if err != nil {
		return kept{}, &refusedError{err: fmt.Errorf("%s: %w", flag, err),
			remedy: "sign with a key in the country that the data moves to; residency regions lists regions"}
	}
	a.trust()
	key, err := awskms.Open(ctx, name, awskms.Options{Now: a.now})
	if errors.Is(err, awskms.ErrKind) || errors.Is(err, objectstore.ErrNotFound) {
		err = &usageError{err: err}
	}
	if err != nil {
		return kept{}, fmt.Errorf("%s: %w", flag, err)
	}
	return kept{key: key, country: country}, nil
}

// keyCountry is the country of a key's region, by the catalog. The ARN's partition has to be the region's.
func keyCountry(name awskms.Name) (string, error) {
	catalog, err := regions.Load()
	if err != nil {
		return "", err
	}
	const service = "aws"
	row, ok := catalog.Lookup(service, name.Region)
	if !ok || row.Code != name.Region || row.Partition != name.Partition {
		return "", fmt.Errorf("the key is in %s of partition %s: %w", name.Region, name.Partition, regions.ErrUnknownRegion)
	}
	switch err := regions.Admissible(row.Country); {
	case errors.Is(err, regions.ErrUS):
		return "", fmt.Errorf("the key is in %s, in the United States", name.Region)
	case err != nil:
		return "", fmt.Errorf("the key is in %s: %w", name.Region, err)
	}
	return row.Country, nil
}

// warn tells of keys that are kept elsewhere than in the country that the data is in, or that may be.
func (s *signing) warn(a *app, country string) {
	for _, k := range s.kept {
		name := k.key.Name()
		if country != "" && k.country != country {
			a.warning(fmt.Sprintf("the signing key is kept in %s (%s), and the data in %s", k.country, name.Region, country))
		}
		if name.MultiRegion() {
			a.warning("the signing key is a multi-Region key: it may have replicas in other regions, also in the United " +
				"States, and each of them signs as it does")
		}
	}
}

// warning says what somebody should know, and what stops nothing.
func (a *app) warning(text string) {
	a.log.Say(render.Event{Level: slog.LevelWarn, Text: text, Shown: "residency: " + render.Text(text)})
}
