package regions

import (
	"cmp"
	"slices"
	"strings"
)

// splitArea cuts a region code into its area and the number in it, without
// leading zeros: eu-west-1 and europe-west1 are number 1 of eu-west and
// europe-west. A code without a number is in no area.
func splitArea(code string) (area, number string) {
	area = strings.TrimRight(code, "0123456789")
	if area == code {
		return "", ""
	}
	number = strings.TrimLeft(code[len(area):], "0")
	return strings.TrimSuffix(area, "-"), number
}

// byNumber orders the places of one area.
func byNumber(a, b Place) int {
	_, x := splitArea(a.Code)
	_, y := splitArea(b.Code)
	return cmp.Or(cmp.Compare(len(x), len(y)), cmp.Compare(x, y), cmp.Compare(a.Provider, b.Provider),
		cmp.Compare(a.Code, b.Code))
}

// inArea returns the places in the area.
func inArea(places []Place, area string) []Place {
	return slices.DeleteFunc(slices.Clone(places), func(p Place) bool {
		a, _ := splitArea(p.Code)
		return a == "" || fold(a) != fold(area)
	})
}

// withCode returns the places of that code: those spelled like it, or else
// those that differ in case only.
func withCode(places []Place, code string) []Place {
	match := func(same func(string) bool) []Place {
		return slices.DeleteFunc(slices.Clone(places), func(p Place) bool { return !same(p.Code) })
	}
	if exact := match(func(s string) bool { return s == code }); len(exact) > 0 {
		return exact
	}
	return match(func(s string) bool { return fold(s) == fold(code) })
}

// areaRows returns the catalog's regions in the area.
func (c *Catalog) areaRows(area string) []Region {
	return c.regionsWhere(func(r Region) bool {
		a, _ := splitArea(r.Code)
		return a != "" && fold(a) == fold(area)
	})
}

func (c *Catalog) regionsWhere(match func(Region) bool) []Region {
	var rows []Region
	for _, r := range c.regions {
		if r.Kind == KindRegion && match(r) {
			rows = append(rows, r)
		}
	}
	return rows
}

// namesUS tells whether a name says the United States: a US country code, the
// code of a US location at any provider, or an area or other beginning of codes
// (us-east, us-gov) under which the catalog has US regions only. A number that
// the catalog does not have (us-east-9) goes with its area.
func (c *Catalog) namesUS(name string) bool {
	if IsUS(name) || slices.ContainsFunc(c.rows(name), Region.inUS) || c.onlyUS(name) {
		return true
	}
	area, _ := splitArea(name)
	return len(c.rows(name)) == 0 && area != "" && (IsUS(area) || c.onlyUS(area))
}

// onlyUS tells whether the catalog has regions under a beginning of codes, and
// all of them in the US.
func (c *Catalog) onlyUS(beginning string) bool {
	under := append(c.areaRows(beginning), c.regionsWhere(func(r Region) bool {
		return strings.HasPrefix(fold(r.Code), fold(beginning)+"-")
	})...)
	return len(under) > 0 && !slices.ContainsFunc(under, func(r Region) bool { return !r.inUS() })
}

func (r Region) inUS() bool { return IsUS(r.Country) }

// distinct drops repetitions of the same place, so that they are not taken for
// two.
func distinct(places []Place) []Place {
	var out []Place
	for _, p := range places {
		p.Country = iso(p.Country)
		same := func(q Place) bool {
			return q.Provider == p.Provider && q.Kind == p.Kind && q.Code == p.Code && q.Country == p.Country
		}
		if i := slices.IndexFunc(out, same); i >= 0 {
			out[i].Configured = out[i].Configured || p.Configured
			continue
		}
		out = append(out, p)
	}
	return out
}
