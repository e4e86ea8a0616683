package regions

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

const (
	maxSuggestions = 12
	maxTypos       = 2 // edits between a code and what was probably meant
)

// suggest says which offered places could be meant instead: those that differ
// from code by a typing mistake, or else those there are. Places that would be
// refused are left out.
func (c *Catalog) suggest(code string, offered []Place) string {
	type candidate struct {
		text string
		far  int
	}
	var all []candidate
	for _, p := range offered {
		p, err := c.admit(p)
		if err != nil {
			continue
		}
		all = append(all, candidate{fmt.Sprintf("%s (%s)", p.name(), p.Country), distance(fold(code), fold(p.Code))})
	}
	if len(all) == 0 {
		return "the configuration offers no region outside the US whose country is known"
	}
	slices.SortFunc(all, func(a, b candidate) int { return cmp.Or(cmp.Compare(a.far, b.far), cmp.Compare(a.text, b.text)) })
	words := "offered are "
	if all[0].far <= maxTypos {
		words = "did you mean "
		all = slices.DeleteFunc(all, func(x candidate) bool { return x.far > maxTypos })
	}
	more := ""
	if n := len(all) - maxSuggestions; n > 0 {
		all, more = all[:maxSuggestions], fmt.Sprintf(" and %d more", n)
	}
	texts := make([]string, len(all))
	for i, x := range all {
		texts[i] = x.text
	}
	return words + strings.Join(texts, ", ") + more
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
