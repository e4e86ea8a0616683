package regions

import (
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
	var all, codes, near []string
	for _, p := range offered {
		p, err := c.admit(p)
		if err != nil {
			continue
		}
		all = append(all, fmt.Sprintf("%s (%s)", p.name(), p.Country))
		codes = append(codes, p.Code)
	}
	meant := nearest.Names(code, codes)
	for i, text := range all {
		if slices.Contains(meant, codes[i]) {
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

// list joins texts in order, and says how many it leaves out.
func list(texts []string) string {
	slices.Sort(texts)
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
