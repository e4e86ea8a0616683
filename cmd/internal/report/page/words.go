package page

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/residency/residency/cmd/internal/render"
	"github.com/residency/residency/regions"
)

func count(n int64) string { return render.Count(n) }

// rounded is a number that has to be short.
func rounded(n int64) string {
	switch {
	case n < 100_000:
		return count(n)
	case n < 1_000_000:
		return fmt.Sprintf("%dk", n/1000)
	case n < 1_000_000_000:
		return fmt.Sprintf("%.1fM", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1fG", float64(n)/1e9)
}

// plural is a number of things.
func plural(n int64, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return count(n) + " " + noun
}

func is(n int64) string {
	if n == 1 {
		return "is"
	}
	return "are"
}

func entries(n int64) string {
	if n == 1 {
		return "1 entry"
	}
	return count(n) + " entries"
}

func size(n int64) string { return render.Bytes(n) }

func instant(t time.Time) string {
	if t.IsZero() {
		return "at a time that was not recorded"
	}
	return t.UTC().Format("2 January 2006, 15:04 UTC")
}

// day is a date as a sentence has it, if it is a whole one.
func day(date string) string {
	if t, err := time.Parse(time.DateOnly, date); err == nil {
		return t.Format("2 January 2006")
	}
	return date
}

func orUnknown(s string) string { return cmp.Or(s, "not known") }

// country is one by name and code.
func (by Made) country(code string) string {
	if c, ok := by.Catalog.Country(code); ok {
		return c.Name + " (" + code + ")"
	}
	return orUnknown(code)
}

// inText is one as it stands in a sentence.
func (by Made) inText(code string) string {
	if code == "" {
		return "a country that is not known"
	}
	text := by.country(code)
	for _, begin := range []string{"United ", "Netherlands", "Philippines", "Bahamas", "Maldives", "Gambia"} {
		if strings.HasPrefix(text, begin) {
			return "the " + text
		}
	}
	return text
}

// countries lists some, the unknown one last; many it counts, and section 2 has them.
func (by Made) countries(codes []string) string {
	codes = slices.Clone(codes)
	slices.SortFunc(codes, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b))
	})
	codes = slices.Compact(codes)
	if len(codes) > many {
		known := slices.DeleteFunc(slices.Clone(codes), func(code string) bool { return code == "" })
		text := count(int64(len(known))) + " countries"
		if len(known) < len(codes) {
			text += " and one that is not known"
		}
		return text + " (section 2)"
	}
	var names []string
	for _, code := range codes {
		names = append(names, by.inText(code))
	}
	return list(names)
}

// union is the EU or the EEA, if a country is in it. One that is not known may be in them.
func (by Made) union(code string) string {
	if _, ok := by.Catalog.Country(code); !ok {
		return "not known"
	}
	for _, set := range []string{"EU", "EEA"} {
		if slices.Contains(by.Catalog.SetMembers(set), code) {
			return set
		}
	}
	return "neither"
}

// byName are the codes of countries in the order of their names, the unknown one first.
func byName[V any](by Made, m map[string]V) []string {
	codes := render.Names(m)
	slices.SortStableFunc(codes, func(a, b string) int {
		if a == "" || b == "" {
			return cmp.Compare(a, b)
		}
		return cmp.Compare(by.country(a), by.country(b))
	})
	return codes
}

// shell is a name as one word of a command that people paste.
func shell(name string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("-_./:,+=@%", r)
	}
	if name != "" && strings.TrimFunc(name, plain) == "" {
		return name
	}
	return "'" + strings.ReplaceAll(name, "'", `'\''`) + "'"
}

// list writes "a, b and c".
func list(words []string) string {
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return strings.Join(words, "")
}

// operator is who runs a region, and where that one is at home.
func (by Made) operator(name, country string) string {
	if name == "" && country == "" {
		return "not known"
	}
	return fmt.Sprintf("%s, at home in %s", cmp.Or(name, "an operator whose name is not known"), by.inText(country))
}

func isUS(code string) bool { return regions.IsUS(code) }
