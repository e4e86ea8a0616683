package page

import (
	"cmp"
	"io"
	"slices"
	"strings"

	"github.com/residency/residency/inventory"
)

// stock is a report of an inventory as it is made.
type stock struct {
	Made
	inv   *inventory.Inventory
	lands []land
}

// Inventory writes the report of an inventory: where data is, and where nobody could look.
func Inventory(w io.Writer, by Made, inv *inventory.Inventory) error {
	lands, err := world()
	if err != nil {
		return err
	}
	r := stock{Made: by, inv: inv, lands: lands}
	whose := say("Where customers' data is")
	if inv.Customer != "" {
		whose = say("Where the data of customer %s is", name(inv.Customer))
	}
	return write(w, by, &document{
		Title: "Residency report: inventory", Heading: whose, Lead: r.lead(), Facts: r.facts(), World: lands,
		Sections: []section{r.looked(), r.where(), r.law(), r.findings(), r.limits(), r.check()},
	})
}

// sum is what is in some places.
type sum struct{ places, entries, bytes, outside, unknown int64 }

func (s *sum) add(p inventory.Place) {
	s.places++
	s.entries += p.Versions + p.Markers
	s.bytes += p.Bytes
	switch p.Verdict {
	case inventory.Within:
	case inventory.Outside:
		s.outside++
	default:
		s.unknown++
	}
}

// holding are the places that hold something, or of which that is not known.
func (r *stock) holding() []inventory.Place {
	return slices.DeleteFunc(slices.Clone(r.inv.Places), func(p inventory.Place) bool { return p.Empty && p.Error == "" })
}

func (r *stock) lead() []text {
	var all, us sum
	var codes []string
	for _, p := range r.holding() {
		all.add(p)
		codes = append(codes, p.Country)
		if isUS(p.Country) {
			us.add(p)
		}
	}
	found := say("No data was found in what could be looked at.")
	if all.places > 0 {
		found = say("%s (%s) were found in %s, in %s.", strong(entries(all.entries)), size(all.bytes),
			plural(all.places, "place"), r.countries(codes))
		if us.places > 0 {
			found = append(found, say(" Of these, %s in %s are in the United States.", strong(entries(us.entries)),
				plural(us.places, "place"))...)
		} else {
			found = append(found, say(" None of these is in the United States.")...)
		}
	}
	nobodys := int64(0)
	for _, p := range r.holding() {
		if p.Customer == "" {
			nobodys++
		}
	}
	if nobodys > 0 {
		found = append(found, say(" %s of these %s nobody's, as far as is known.", plural(nobodys, "place"), is(nobodys))...)
	}
	return []text{found, r.policy(all), r.coverage()}
}

// policy says how what was found stands to the policy, and never more than is known.
func (r *stock) policy(all sum) text {
	switch within := r.inv.Compliance; {
	case within == nil:
		return say("%s The policy allows %s.", strong("Whether all data is within the policy is not known."),
			name(orUnknown(r.inv.Policy)))
	case *within && all.places == 0:
		return say("The policy allows %s. There is nothing that could be outside of it in what was looked at.",
			name(orUnknown(r.inv.Policy)))
	case *within:
		return say("All data that was found is within the policy, which allows %s.", name(orUnknown(r.inv.Policy)))
	}
	outside := plural(all.outside, "place") + " " + is(all.outside) + " outside of the policy."
	open := text(nil)
	if all.unknown > 0 {
		open = say(" Of %s more, that is not known.", plural(all.unknown, "place"))
	}
	return say("%s%s The policy allows %s.", strong(outside), open, name(orUnknown(r.inv.Policy)))
}

func (r *stock) coverage() text {
	if n := int64(r.inv.NotLooked()); n > 0 {
		return say("%s: see section 1. What is there is in no number of this report.",
			strong(plural(n, "place")+" could not be looked at"))
	}
	if !r.inv.Complete {
		return say("%s: see section 1.", strong("Not every place could be looked at"))
	}
	return say("Every configured place could be looked at.")
}

func (r *stock) facts() []fact {
	whose := say("all")
	if r.inv.Customer != "" {
		whose = say("%s", name(r.inv.Customer))
	}
	return []fact{
		{"Customers", whose},
		{"Looked at", say("%s", instant(r.inv.At))},
		{"Policy", say("%s", name(orUnknown(r.inv.Policy)))},
		{"Configuration", say("SHA-256 %s", code(orUnknown(r.inv.Configuration.SHA256)))},
		{"Catalog of law", say("as of %s", orUnknown(r.inv.CatalogAt))},
	}
}

func (r *stock) looked() section {
	s := section{ID: "looked", Title: "What was looked at, and what could not be"}
	if len(r.inv.Coverage) == 0 {
		s.say("%s", strong("Nothing was looked at."))
		return s
	}
	t := &table{ID: "coverage", Caption: "Where was looked, what could not be looked at first",
		Columns: columns("Where", "Looked at", "Why not", "What to do")}
	order := slices.Clone(r.inv.Coverage)
	rank := func(c inventory.Coverage) int {
		return map[bool]int{true: 0, false: 1}[c.Open()]
	}
	slices.SortStableFunc(order, func(a, b inventory.Coverage) int { return cmp.Compare(rank(a), rank(b)) })
	for _, c := range order {
		where := named("", cmp.Or(c.Provider, "not known"))
		if c.Region != "" {
			where = say("%s, region %s", name(c.Provider), name(c.Region))
		}
		where = joined(", ", where, named("bucket", c.Bucket), named("", c.Kind))
		looked := say("%s", strong("no"))
		switch {
		case c.Looked && c.Named:
			looked = say("only the buckets that the configuration names")
		case c.Looked:
			looked = say("yes")
		case c.Unused:
			looked = say("no; the configuration says that there is nothing")
		}
		t.row(where, looked, name(orDash(c.Reason)), name(orDash(c.Remedy)))
	}
	s.add(block{Table: t})
	var partly []text
	for _, p := range r.inv.Places {
		if p.Error != "" {
			partly = append(partly, say("%s: %s", name(p.Location().String()), name(p.Error)))
		}
	}
	if len(partly) > 0 {
		s.say("These places could not be read whole; their numbers are of what could be read:")
		s.add(block{List: partly})
	}
	s.say("Not looked at: backups, logs, caches, accounts and services that are not configured, and copies that people " +
		"have made.")
	return s
}

func (r *stock) where() section {
	s := section{ID: "where", Title: "Where it is"}
	held := r.holding()
	if len(held) == 0 {
		s.say("No data was found in what could be looked at.")
		return s
	}
	sums := map[string]*sum{}
	for _, p := range held {
		if sums[p.Country] == nil {
			sums[p.Country] = &sum{}
		}
		sums[p.Country].add(p)
	}
	t := &table{ID: "countries", Caption: "Data by country", Columns: columns("Country", "EU or EEA", "Places#",
		"Entries#", "Size#", "Outside of the policy#", "Not known if outside#")}
	var now []shown
	for _, code := range byName(r.Made, sums) {
		x := sums[code]
		t.row(r.country(code), r.union(code), count(x.places), count(x.entries), size(x.bytes), count(x.outside),
			count(x.unknown))
		class := crossed
		switch x.places {
		case x.outside:
			class = hatched
		case x.places - x.outside - x.unknown:
			class = dotted
		}
		now = append(now, shown{code, class, x.entries})
	}
	s.add(block{Map: r.drawing(r.lands, "map-now", "Where the data is", "Entries by country", now,
		legend{dotted, "within the policy"}, legend{hatched, "outside of the policy"},
		legend{crossed, "some of each, or not known"})}, block{Table: t}, r.places(held))
	var empty []string
	for _, p := range r.inv.Places {
		if p.Empty && p.Error == "" {
			empty = append(empty, p.Location().String())
		}
	}
	if len(empty) > 0 {
		s.say("Looked at, and empty: %s.", name(strings.Join(empty, ", ")))
	}
	s.say("An entry is one version of an object, or one delete marker. %s", mapNote)
	return s
}

func (r *stock) places(held []inventory.Place) block {
	t := &table{ID: "places", Caption: "Data by customer and place", Columns: columns("Place", "Customer",
		"Region and country", "Objects#", "Entries#", "Size#", "Policy")}
	for _, p := range held {
		whose := say("%s; by the %s", name(p.Customer), string(p.Attribution))
		if p.Customer == "" {
			whose = say("nobody's, as far as is known")
		}
		least := ""
		if p.Error != "" {
			least = "at least "
		}
		t.row(name(p.Location().String()), whose, say("%s, %s", name(p.Provider+":"+p.Region), r.country(p.Country)),
			least+count(p.Objects), least+count(p.Versions+p.Markers), least+size(p.Bytes), orUnknown(string(p.Verdict)))
	}
	return block{Table: t}
}

func (r *stock) law() section {
	s := section{ID: "law", Title: lawTitle}
	t := operators()
	type row struct{ at, country, operator, home string }
	var seen []row
	for _, p := range r.holding() {
		x := row{p.Provider + ":" + p.Region, p.Country, p.Operator, p.OperatorIn}
		if slices.Contains(seen, x) {
			continue
		}
		seen = append(seen, x)
		t.row(name(x.at), r.country(x.country), name(orUnknown(x.operator)), r.country(x.home))
	}
	if len(seen) > 0 {
		s.add(block{Table: t})
	}
	r.stale(&s, r.inv.CatalogAt)
	if n := r.inv.Unassigned(); n > 0 {
		s.say("%s", strong("Not in the lists of laws: "+plural(int64(n), "place")+" of nobody's, as far as is known. "+
			"Whoever runs them is in the table above."))
	}
	r.Made.law(&s, r.inv.Exposures, r.inv.Safeguards)
	return s
}

func (r *stock) findings() section {
	s := section{ID: "findings", Title: "What somebody should look at"}
	if len(r.inv.Findings) == 0 {
		s.say("There are no findings about what could be looked at.")
		return s
	}
	t := &table{ID: "findings-table", Caption: "Findings", Columns: columns("Finding", "Severity", "Customer", "Where",
		"Rule")}
	for _, f := range r.inv.Findings {
		severity := string(f.Severity)
		if f.Waives() {
			severity += ", waived"
		}
		t.row(name(f.Text), severity, name(orDash(f.Customer)), name(orDash(r.inv.Where(f))), name(f.Rule))
	}
	s.add(block{Table: t})
	return s
}

func (r *stock) limits() section {
	s := section{ID: "limits", Title: "What this cannot tell"}
	s.add(block{List: []text{
		say("It is about one moment, and about the places that the configuration names."),
		say("It says what services answered. It cannot show that they told the truth about where bytes are."),
		say("Whose a place is follows from the configuration and from buckets' tags. What neither names is nobody's here."),
		say("It is no legal opinion. What it says of law comes from a catalog as of %s, which is not complete.",
			orUnknown(r.inv.CatalogAt)),
	}})
	s.say("%s has all that is known.", code("residency help limits"))
	return s
}

func (r *stock) check() section {
	s := section{ID: "check", Title: "How to check this"}
	s.say("With the same configuration and credentials that may list, at any time; it changes nothing:")
	command := "residency inventory"
	if r.inv.Customer != "" {
		command += " --customer " + shell(r.inv.Customer)
	}
	s.add(block{Commands: []string{command, command + " -o json"}})
	return s
}
