package page

import (
	"cmp"
	"slices"
	"time"

	"github.com/residency/residency/inventory"
	"github.com/residency/residency/regions"
)

const lawTitle = "Who runs it, and which law reaches it"

// law lists the laws that reach data and the safeguards against that, in groups that are
// never merged.
func (by Made) law(s *section, exposures, safeguards []inventory.Exposure) {
	s.say("Where the bytes are and whose law reaches those who run the service are two questions. The lists below name " +
		"laws by rule, each with its source and its date. They are no legal conclusion, and they are not complete.")
	all := slices.Concat(exposures, safeguards)
	for _, group := range []struct{ id, name, title, none string }{
		{"law-applies", regions.GroupLaw, "Law that applies where the data is",
			"The catalog names none, which is no evidence that there is none."},
		{"law-access", regions.GroupAccess, "Compelled access from abroad",
			"The catalog names none, which is no evidence that there is none."},
		{"law-safeguards", regions.GroupSafeguard, "Safeguards against that", "The catalog names none."},
	} {
		s.add(block{Heading: group.title})
		t := &table{ID: group.id, Caption: group.title, Quiet: true,
			Columns: columns("Law", "Reaches it through", "State", "What it says", "Source and date")}
		for _, e := range all {
			// A plan of an earlier version has no groups.
			if cmp.Or(e.Group, regions.GroupLaw) == group.name {
				by.claim(t, e)
			}
		}
		if len(t.Rows) == 0 {
			s.say("%s", group.none)
			continue
		}
		s.add(block{Table: t})
	}
}

func (by Made) claim(t *table, e inventory.Exposure) {
	through := say("the place: %s", by.place(orUnknown(e.Through)))
	if e.Axis == regions.AxisOperator {
		through = say("the operator: %s", name(orUnknown(e.Through)))
	}
	if n := len(e.Locations); n > 0 {
		through = joined("; ", through, say("%s", plural(int64(n), "place")))
	}
	state := orUnknown(e.State)
	if e.Since != "" {
		state += " since " + day(e.Since)
	}
	law := e.Law
	if law == "unknown" {
		law = "Not known"
	}
	whose := text(nil)
	if e.Country != "" {
		whose = say("law of %s", by.place(e.Country))
	}
	t.row(joined("; ", say("%s", law), whose), through, state, e.Detail,
		joined("; ", say("%s", link(orUnknown(e.Source))), say("as of %s", orUnknown(e.AsOf)),
			say("%s", orUnknown(e.Confidence))))
}

// place is a country, or a set of them such as the EU.
func (by Made) place(code string) string {
	if _, ok := by.Catalog.Country(code); ok || code == "" {
		return by.inText(code)
	}
	if len(by.Catalog.SetMembers(code)) > 0 {
		return "the " + code
	}
	return code
}

// stale says that a catalog is old: what it says of law may have changed since.
func (by Made) stale(s *section, asOf string) {
	month, err := time.Parse("2006-01", asOf)
	if err == nil && by.At.After(month.AddDate(0, regions.FreshMonths, 0)) {
		s.say("%s", strong("When this report was made, that catalog had not been checked for more than six months."))
	}
}

// reach says how many laws can compel access from abroad. Section 3 is the law's.
func (by Made) reach(exposures []inventory.Exposure) string {
	var whose []string
	n, unknown := int64(0), false
	for _, e := range exposures {
		if e.Group != regions.GroupAccess {
			continue
		}
		if e.State == "unknown" {
			unknown = true
			continue
		}
		n++
		if !slices.Contains(whose, e.Country) {
			whose = append(whose, e.Country)
		}
	}
	switch {
	case n > 0:
		names := make([]string, len(whose))
		for i, code := range whose {
			names[i] = by.place(code)
		}
		return "Section 3 names " + plural(n, "law") + " that can compel access from abroad, of " + list(names) + "."
	case unknown:
		return "Whether a law can compel access from abroad is not known."
	}
	return "Section 3 names no law that compels access from abroad, which is no evidence that there is none."
}
