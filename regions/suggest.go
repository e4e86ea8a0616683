package regions

import (
	"fmt"
	"slices"
	"strings"
)

const (
	maxSuggestions = 12
	maxTypos       = 2  // edits between a code and what was probably meant
	maxCode        = 64 // bytes; longer than any region code, it is no typing mistake
)

// suggest says which offered places could be meant instead: those nearest to
// code if it looks like a typing mistake, or else those there are. Places that
// would be refused are left out. An empty code is nobody's mistake.
func (c *Catalog) suggest(code string, offered []Place) string {
	var all, near []string
	nearest := maxTypos
	for _, p := range offered {
		p, err := c.admit(p)
		if err != nil {
			continue
		}
		text := fmt.Sprintf("%s (%s)", p.name(), p.Country)
		all = append(all, text)
		if code == "" || max(len(code), len(p.Code)) > maxCode {
			continue
		}
		if d := distance(fold(code), fold(p.Code)); d <= nearest {
			if d < nearest {
				near, nearest = nil, d
			}
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

// distance is the number of bytes to insert, delete or replace between a and b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
