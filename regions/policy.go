package regions

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// ErrPolicy reports an entry of a policy that names nothing the catalog knows.
var ErrPolicy = errors.New("unknown jurisdiction")

// Policy says which places may hold data. The zero Policy allows any country
// but the United States. A Policy never changes.
type Policy struct {
	entries   []string          // as given, canonical spelling
	countries map[string]bool   // from countries and sets
	codes     map[string]string // folded region code to the country it is in
	known     map[string]bool   // countries of the catalog
}

// NewPolicy makes a policy of sets (EU, EEA, EEA+adequate, ...), countries (DE)
// and region codes of the catalog (eu-west-1), in any case. Where a name is
// more than one of these, it is the set first and then the country. No entries
// mean anywhere but the United States. An entry that is none of these is an
// error that wraps ErrPolicy.
func NewPolicy(cat *Catalog, allowed []string) (Policy, error) {
	p := Policy{countries: make(map[string]bool), codes: make(map[string]string), known: make(map[string]bool)}
	for code := range cat.countries {
		p.known[code] = true
	}
	for _, entry := range allowed {
		name, err := p.add(cat, strings.TrimSpace(entry))
		if err != nil {
			return Policy{}, err
		}
		if !slices.Contains(p.entries, name) {
			p.entries = append(p.entries, name)
		}
	}
	return p, nil
}

// add allows what an entry names and returns its canonical spelling.
func (p *Policy) add(cat *Catalog, entry string) (string, error) {
	if s, ok := cat.sets[fold(entry)]; ok {
		for _, code := range s.members {
			p.countries[code] = true
		}
		return s.name, nil
	}
	if country, ok := cat.countries[iso(entry)]; ok {
		p.countries[country.ISO] = true
		return country.ISO, nil
	}
	if rows := cat.rows(entry); len(rows) > 0 {
		r := rows[0]
		if r.Kind != KindRegion {
			return "", fmt.Errorf("%w: %q is a %s of %s and not in one known country; name its countries",
				ErrPolicy, entry, r.Kind, r.Provider)
		}
		p.codes[fold(entry)] = r.Country
		return r.Code, nil
	}
	return "", fmt.Errorf("%w: %q is neither a set (%s) nor an ISO 3166-1 country nor a region code of the catalog",
		ErrPolicy, entry, strings.Join(cat.setNames(), ", "))
}

// Allows tells whether data may be in the region code that is in country. An
// empty or unknown country is never allowed. The United States and its
// territories are allowed only where the policy names them, and even then only
// as a place where data may be: Resolve refuses them as a destination.
//
// A region code in the policy stands for the catalog's region of that code: a
// server elsewhere that borrows the code is not allowed by it.
func (p Policy) Allows(code, country string) bool {
	country = iso(country)
	if !p.knows(country) {
		return false
	}
	if len(p.entries) == 0 {
		return !IsUS(country)
	}
	return p.countries[country] || IsUS(country) && p.countries["US"] || p.codes[fold(code)] == country
}

// knows tells whether country is one. The zero Policy has no catalog to ask;
// it accepts what has the shape of a code and is not reserved for private use.
func (p Policy) knows(country string) bool {
	if p.known != nil {
		return p.known[country]
	}
	private := country == "AA" || country == "ZZ" || strings.HasPrefix(country, "X") ||
		strings.HasPrefix(country, "Q") && country >= "QM"
	return isoShaped(country) && !private
}

// String lists the entries, or says what the empty policy means.
func (p Policy) String() string {
	if len(p.entries) == 0 {
		return "anywhere but the US"
	}
	return strings.Join(p.entries, ", ")
}
