package regions

import (
	"errors"
	"fmt"
)

// Why a destination is refused. Resolve wraps exactly one of these.
var (
	// ErrUS: the destination is in the United States or a US territory.
	ErrUS = errors.New("the United States is never a destination")
	// ErrUnknownRegion: nothing is known by that name, or it is a location that
	// is not in one known country.
	ErrUnknownRegion = errors.New("unknown region")
	// ErrNotOffered: the catalog knows it, but no configured provider has it.
	ErrNotOffered = errors.New("region not offered")
	// ErrPartition: the catalog knows it, in another partition than what is configured.
	ErrPartition = errors.New("in another partition")
	// ErrUnknownPlace: a provider has it, but in which country is not known.
	ErrUnknownPlace = errors.New("country not known")
	// ErrAmbiguous: more than one provider has it.
	ErrAmbiguous = errors.New("ambiguous region")
)

// kindS3 is the provider type of S3-compatible services, whose region codes
// are their operators' own choice.
const kindS3 = "s3"

// Place is one region that the user's configuration offers.
type Place struct {
	Provider   string // the provider's name in the configuration
	Kind       string // the provider's type: aws, s3
	Code       string
	Country    string // where configuration says it is; empty: the catalog tells
	Configured bool   // the configuration names the region itself
}

// PlaceCountry returns the country that a place is in. For a provider of the
// catalog that is the catalog's answer, and a configuration that contradicts it
// leaves the country unknown. For an S3-compatible service it is the
// configuration's answer, or else that of the AWS region of the same code, or
// else of another provider's. The error, ErrUnknownPlace or ErrUnknownRegion,
// says why there is no answer.
func (c *Catalog) PlaceCountry(p Place) (string, error) {
	if r, ok := c.Lookup(p.Kind, p.Code); ok {
		p.Code = r.Code // an old location name stands for its region
	}
	return c.placeCountry(p)
}

func (c *Catalog) placeCountry(p Place) (string, error) {
	configured := iso(p.Country)
	if _, ok := c.countries[configured]; !ok && configured != "" {
		return "", fmt.Errorf("%w: the configuration puts %s in %q, which is not an ISO 3166-1 country code",
			ErrUnknownPlace, p.name(), p.Country)
	}
	row, known := c.placeRow(p)
	switch {
	case p.Kind != kindS3 && known && row.Country == "":
		return "", spread(row)
	case p.Kind != kindS3 && known && configured != "" && configured != row.Country:
		return "", fmt.Errorf("%w: the configuration puts %s in %s, the catalog in %s; correct the configuration",
			ErrUnknownPlace, p.name(), configured, row.Country)
	case configured != "":
		return configured, nil
	case !known:
		return "", fmt.Errorf("%w: no catalog says where %s is; give its country in the configuration", ErrUnknownPlace,
			p.name())
	case row.Country == "":
		return "", spread(row)
	}
	return row.Country, nil
}

// placeRow finds the catalog row that speaks for a place.
func (c *Catalog) placeRow(p Place) (Region, bool) {
	if p.Kind != kindS3 {
		r, ok := c.index[keyOf(p.Kind, p.Code)]
		return r, ok
	}
	if r, ok := c.index[keyOf("aws", p.Code)]; ok {
		return r, ok
	}
	if rows := c.rows(p.Code); len(rows) == 1 {
		return rows[0], true
	}
	return Region{}, false
}

// spread is the refusal of a location that is not in one known country.
func spread(r Region) error {
	return fmt.Errorf("%w: %s %s is a %s (%s) and not in one known country; name a single region",
		ErrUnknownRegion, r.Provider, r.Code, r.Kind, r.Name)
}

// Admissible refuses a country as a destination: ErrUS, or ErrUnknownPlace where
// it is not one country. It is the rule that every migration is held to, whoever
// has resolved its destination.
func Admissible(country string) error {
	switch {
	case IsUS(country):
		return ErrUS
	case !(Policy{}).knows(iso(country)):
		return fmt.Errorf("%w: %q", ErrUnknownPlace, country)
	}
	return nil
}

// name is how a user writes the place.
func (p Place) name() string { return p.Provider + ":" + p.Code }
