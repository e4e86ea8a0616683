package regions

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/residency/residency/regions/nearest"
)

const maxSuggestions = 12

// suggest says which offered places could be meant instead: those nearest to
// code if it looks like a typing mistake, or else those there are. Places that
// would be refused are left out. An empty code is nobody's mistake.
func (c *Catalog) suggest(code string, offered []Place) string {
	var places []Place
	of := make(map[string]int) // by provider
	for _, p := range offered {
		if p, err := c.admit(p); err == nil {
			places = append(places, p)
			of[p.Provider]++
		}
	}
	// Those of a provider with few come first: they were named one by one.
	slices.SortStableFunc(places, func(x, y Place) int {
		return cmp.Or(cmp.Compare(of[x.Provider], of[y.Provider]), cmp.Compare(x.name(), y.name()))
	})
	var all, names, near []string
	for _, p := range places {
		all = append(all, fmt.Sprintf("%s (%s)", p.name(), p.Country))
		names = append(names, p.Code, area(p.Code))
	}
	meant := nearest.Names(code, names)
	for i, text := range all {
		if slices.Contains(meant, names[2*i]) || slices.Contains(meant, names[2*i+1]) {
			near = append(near, text)
		}
	}
	switch {
	case len(near) > 0:
		return "did you mean " + list(near)
	case len(all) > 0:
		return "offered are " + list(all)
	}
	return "the configuration offers no region outside the US whose country is known"
}

// area is a region's code without its number.
func area(code string) string { return strings.TrimRight(strings.TrimRight(code, "0123456789"), "-") }

// list joins texts, and says how many it leaves out.
func list(texts []string) string {
	more := ""
	if n := len(texts) - maxSuggestions; n > 0 {
		texts, more = texts[:maxSuggestions], fmt.Sprintf(" and %d more", n)
	}
	return strings.Join(texts, ", ") + more
}

// names lists places as a user writes them.
func names(places []Place) string {
	texts := make([]string, len(places))
	for i, p := range places {
		texts[i] = p.name()
	}
	return strings.Join(texts, ", ")
}
