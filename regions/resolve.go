package regions

import (
	"fmt"
	"slices"
	"strings"
)

// Resolution is the one place that a query means.
type Resolution struct {
	Place        Place   // its country is filled in
	Region       Region  // the row of the place's own provider; zero if the catalog has none
	Alternatives []Place // the area's other regions, with their countries; none in the US
	Area         bool    // the query named an area, and Place was chosen from it
}

// Resolve finds the destination that query means among the offered places. A
// query is a region code (eu-west-1), an area (eu-west: the lowest-numbered
// region of that area), or either after a provider's name and a colon. Case
// does not matter.
//
// Anything that is, or by its code ought to be, in the United States is
// ErrUS, whether offered or not and whatever the configuration says of it.
// Every other refusal wraps one of the other sentinels of this package and says
// what to do next. On success the place's country is known and not the US.
func (c *Catalog) Resolve(query string, offered []Place) (Resolution, error) {
	res, err := c.resolve(strings.TrimSpace(query), distinct(offered))
	if err != nil {
		return Resolution{}, fmt.Errorf("destination %q: %w", query, err)
	}
	return res, nil
}

func (c *Catalog) resolve(query string, offered []Place) (Resolution, error) {
	provider, code, qualified := strings.Cut(query, ":")
	if !qualified {
		provider, code = "", query
	}
	if code == "" || qualified && provider == "" {
		return Resolution{}, fmt.Errorf("%w: name a region or provider:region; %s", ErrUnknownRegion, c.suggest("", offered))
	}
	if c.namesUS(code) {
		return Resolution{}, fmt.Errorf("%w; choose a region elsewhere; %s", ErrUS, c.suggest("", offered))
	}
	eligible := offered
	if qualified {
		eligible = slices.DeleteFunc(slices.Clone(offered), func(p Place) bool { return p.Provider != provider })
	}
	if exact := withCode(eligible, code); len(exact) > 0 {
		return c.resolveExact(exact)
	}
	if rows := c.rows(code); len(rows) > 0 {
		return Resolution{}, c.notOffered(query, rows, offered)
	}
	if members := inArea(eligible, code); len(members) > 0 {
		return c.resolveArea(code, members)
	}
	if rows := c.areaRows(code); len(rows) > 0 {
		return Resolution{}, c.notOffered(query, rows, offered)
	}
	if qualified && len(eligible) == 0 {
		return Resolution{}, fmt.Errorf("%w: no provider %q is configured; %s", ErrUnknownRegion, provider,
			c.suggest(code, offered))
	}
	return Resolution{}, fmt.Errorf("%w: neither the catalog nor the configuration has it; %s", ErrUnknownRegion,
		c.suggest(code, offered))
}

// resolveExact decides on the places that have the code asked for.
func (c *Catalog) resolveExact(exact []Place) (Resolution, error) {
	if len(exact) > 1 {
		return Resolution{}, fmt.Errorf("%w: %s offer it; write provider:region", ErrAmbiguous, names(exact))
	}
	p, err := c.admit(exact[0])
	if err != nil {
		return Resolution{}, err
	}
	return c.resolution(p), nil
}

// resolveArea chooses among the places of one area.
func (c *Catalog) resolveArea(area string, members []Place) (Resolution, error) {
	slices.SortFunc(members, byNumber)
	first, err := c.admit(members[0])
	if err != nil {
		return Resolution{}, fmt.Errorf("%s, the first of %s: %w", members[0].name(), area, err)
	}
	var others []Place
	for _, p := range members[1:] {
		if p.Provider != first.Provider || fold(p.Code) == fold(first.Code) {
			return Resolution{}, fmt.Errorf("%w: %s offer it; write provider:region", ErrAmbiguous, names(members))
		}
		if p, err := c.admit(p); err == nil {
			others = append(others, p)
		}
	}
	res := c.resolution(first)
	res.Area, res.Alternatives = true, others
	return res, nil
}

// admit returns the place with its country, or why it is no destination.
func (c *Catalog) admit(p Place) (Place, error) {
	if c.namesUS(p.Code) {
		return Place{}, ErrUS
	}
	if region, ok := c.standsFor(p); ok {
		return Place{}, fmt.Errorf("%w: %s is not a region but a name for %s; name that", ErrUnknownRegion, p.name(), region)
	}
	country, err := c.placeCountry(p)
	if err != nil {
		return Place{}, err
	}
	if err := Admissible(country); err != nil {
		return Place{}, fmt.Errorf("%w: %s is in %s", err, p.name(), country)
	}
	p.Country = country
	return p, nil
}

// standsFor tells whether a place of a provider in the catalog is an old
// location name or a pseudo region, and which region is behind it.
func (c *Catalog) standsFor(p Place) (string, bool) {
	if region, ok := c.aliases[key{p.Kind, p.Code}]; ok {
		return region, true
	}
	row := c.index[keyOf(p.Kind, p.Code)]
	return row.Members, row.Kind == KindPseudo
}

func (c *Catalog) resolution(p Place) Resolution {
	row := c.index[keyOf(p.Kind, p.Code)]
	return Resolution{Place: p, Region: row}
}

// notOffered refuses a query by which the catalog knows these rows.
func (c *Catalog) notOffered(query string, rows []Region, offered []Place) error {
	provider, code, qualified := strings.Cut(query, ":")
	who := "provider " + provider
	if !qualified {
		code, who = query, "any configured provider"
	}
	if err := c.apart(rows, offered); err != nil {
		return err
	}
	var known []string
	for _, r := range rows {
		if r.Kind == KindPseudo || r.Country == "" {
			return fmt.Errorf("%w; %s", spread(r), c.suggest(code, offered))
		}
		known = append(known, fmt.Sprintf("%s %s (%s)", r.Provider, r.Code, r.Country))
	}
	return fmt.Errorf("%w: the catalog has %s, but it is not offered by %s; %s",
		ErrNotOffered, strings.Join(known, ", "), who, c.suggest(code, offered))
}

// apart refuses what is in another partition than all that its service's providers
// offer; nil if it is not so.
func (c *Catalog) apart(rows []Region, offered []Place) error {
	row := rows[0]
	for _, r := range rows {
		if r.Provider != row.Provider || r.Partition != row.Partition || r.Partition == "" {
			return nil
		}
	}
	var reach []string // provider and partition
	for _, p := range offered {
		at, known := c.index[keyOf(p.Kind, p.Code)]
		switch {
		case p.Kind != row.Provider:
			continue
		case !known, at.Partition == row.Partition:
			return nil
		}
		reach = append(reach, fmt.Sprintf("provider %s in %s", p.Provider, at.Partition))
	}
	if len(reach) == 0 {
		return nil
	}
	slices.Sort(reach)
	return fmt.Errorf("%w: %s %s (%s) is in %s, and %s: no credentials are of both, and no service copies between them",
		ErrPartition, row.Provider, row.Code, row.Country, row.Partition, strings.Join(slices.Compact(reach), ", "))
}
