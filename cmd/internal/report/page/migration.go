package page

import (
	"io"

	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/receipt"
)

// Migrated is a migration that has a certificate.
type Migrated struct {
	Certificate *certificate.Certificate
	SHA256      string // of the certificate's file, in hex
	Plan        *plan.Plan
	// Signatures are the IDs of the keys that have signed it so far.
	Signatures []string
	// Misfit tells that an envelope lies beside it that is not about it, or cannot be read.
	Misfit bool
}

// migration is a report of one as it is made.
type migration struct {
	Made
	Migrated
	cert  *certificate.Certificate
	lands []land
}

// Migration writes the report of a migration: what its certificate says, in the words and in the
// order of who asks.
func Migration(w io.Writer, by Made, m Migrated) error {
	lands, err := world()
	if err != nil {
		return err
	}
	r := migration{Made: by, Migrated: m, cert: m.Certificate, lands: lands}
	return write(w, by, &document{
		Title:   "Residency report: " + m.Certificate.Plan,
		Heading: say("What was moved for customer %s, and what is left", name(m.Certificate.Customer)),
		Lead:    r.lead(), Facts: r.facts(), World: lands,
		Sections: []section{r.looked(), r.where(), r.law(), r.complete(), r.left(), r.who(), r.way(), r.limits(), r.check()},
	})
}

// earlier tells whether the certificate is of a version that wrote less into it.
func (r *migration) earlier() bool { return r.cert.Schema == certificate.Schema1 }

// counted is a number that certificates of earlier versions do not have.
func (r *migration) counted(n int64) string {
	if r.earlier() {
		return "not recorded"
	}
	return count(n)
}

func (r *migration) sources() (codes []string) {
	for _, m := range r.cert.Moves {
		codes = append(codes, m.Source.Country)
	}
	return codes
}

// remains adds up what is left.
func (r *migration) remains() (total certificate.Left) {
	for _, l := range r.cert.Left {
		total.Entries += l.Entries
		total.Uploads += l.Uploads
		total.Unlistable += l.Unlistable
		total.Kept += l.Kept
	}
	return total
}

// deletedAndKept says what a service keeps of what was deleted.
func deletedAndKept(n int64) string {
	if n == 0 {
		return ""
	}
	return ", and " + entries(n) + " that were deleted are kept by the service for a time"
}

func (r *migration) lead() []text {
	c := r.cert
	verified := c.Verdicts[string(receipt.Verified)]
	var versions, markers int64
	for _, m := range c.Moves {
		versions, markers = versions+m.Versions, markers+m.DeleteMarkers
	}
	what := say("%s (%s)", strong(entries(c.Entries)), size(c.Bytes))
	if versions+markers == c.Entries {
		what = say("%s (%s, %s; %s)", strong(entries(c.Entries)), plural(versions, "version"),
			plural(markers, "delete marker"), size(c.Bytes))
	}
	was := "were"
	if c.Entries == 1 {
		was = "was"
	}
	answer := say("%s of customer %s %s moved from %s to %s. %s of %s %s verified at the destination before anything was "+
		"deleted at the source. ", what, name(c.Customer), was, r.countries(r.sources()), r.inText(c.Destination.Country),
		count(verified), count(c.Entries), was)
	left := r.remains()
	switch {
	case c.SourceEmpty:
		answer = append(answer, say("%s", strong("Nothing of that is left at the source as of "+instant(c.Finished)+
			", by a listing taken after the last deletion"+r.weakly()+"."))...)
	default:
		answer = append(answer, say("%s Section 5 says why, and until when.", strong("The source is not empty as of "+
			instant(c.Finished)+": "+entries(left.Entries)+" and "+plural(left.Uploads, "unfinished upload")+" are left"+
			unlistable(left.Unlistable)+deletedAndKept(left.Kept)+"."))...)
	}
	answers := []text{answer}
	if n := receipt.Placed(c.Entries, c.Methods); c.Found < n {
		answers = append(answers, say("%s", strong("The last listing of the destination shows only "+count(c.Found)+" of "+
			entries(n)+" as they were written.")))
	}
	answers = append(answers, besides(c)...)
	answers = append(answers, say("The destination is run by %s. %s",
		name(r.operator(c.Destination.Operator, c.Destination.OperatorCountry)), r.reach(c.Exposures)))
	for _, f := range c.Findings {
		answers = append(answers, say("About the way of the data: %s (section 7).", name(f.Text)))
	}
	return append(answers, say("This report is about the locations in section 1. What else the customer may have, and "+
		"where, it does not say."))
}

// weakly qualifies what a listing shows, where that was sorted here.
func (r *migration) weakly() string {
	if r.cert.AnyOrder == "" {
		return ""
	}
	return " (a weaker proof: section 9)"
}

// besides says what was not copied, and what hides copies.
func besides(c *certificate.Certificate) (answers []text) {
	if n := c.UploadsAborted; n != nil && *n > 0 {
		answers = append(answers, say("%s What had been sent of it cannot be copied, and was not.",
			strong(plural(*n, "unfinished upload")+" at the source, aborted.")))
	}
	if n := c.Covered; n != nil && *n > 0 {
		answers = append(answers, say("%s The copies are beneath, as older versions.", strong("Others have written to, or "+
			"deleted, "+plural(*n, "key")+" at the destination since.")))
	}
	return answers
}

// unlistable says of so many that their keys are not told.
func unlistable(n int64) string {
	if n == 0 {
		return ""
	}
	return ", and " + count(n) + " whose keys the service cannot list"
}

func (r *migration) facts() []fact {
	c := r.cert
	signed := say("by nobody when this report was made")
	if r.Misfit {
		signed = say("%s", strong("a signature is there and does not fit this certificate"))
	}
	if len(r.Signatures) > 0 {
		signed = say("when this report was made, with the keys")
		for _, id := range r.Signatures {
			signed = append(signed, say(" %s", code(id))...)
		}
	}
	return []fact{
		{"Customer", say("%s", name(c.Customer))},
		{"Plan", say("%s", name(c.Plan))},
		{"Digest approved", say("%s", code(c.PlanDigest))},
		{"Begun and certified", say("%s; %s", instant(c.Started), instant(c.Finished))},
		{"Certificate", say("certificate.json, SHA-256 %s", code(r.SHA256))},
		{"Signed", signed},
	}
}

func (r *migration) looked() section {
	c := r.cert
	s := section{ID: "looked", Title: "What was looked at, and what could not be"}
	s.say("This plan is about the locations below: every version and every delete marker in them was listed when it was " +
		"planned, again before the first deletion, and again after the last one.")
	t := &table{ID: "locations", Caption: "Locations that were moved",
		Columns: columns("Source", "Region and country", "Destination", "Entries#", "Size#")}
	for _, m := range c.Moves {
		t.row(name(m.SourceLocation), say("%s, %s", name(m.Source.Provider+":"+m.Source.Region), r.country(m.Source.Country)),
			name(m.DestinationBucket), count(m.Entries), size(m.Bytes))
	}
	s.add(block{Table: t})
	r.stays(&s, r.Plan)
	if len(c.NotInPlan) > 0 {
		s.say("Named as the customer's by the configuration in force, and not in this plan:")
		s.add(block{List: names(c.NotInPlan)})
	}
	if len(c.Otherwise) > 0 {
		s.say("The configuration in force would have it otherwise than this plan:")
		s.add(block{List: names(c.Otherwise)})
	}
	notSeen(&s, r.Plan)
	s.say("Not looked at by this plan: other buckets, accounts and services, backups, logs, caches, and copies that "+
		"people have made. An inventory (%s) says where else it looked, and where it could not.", code("residency inventory"))
	return s
}

// names are texts from outside.
func names(list []string) (all []text) {
	for _, one := range list {
		all = append(all, say("%s", name(one)))
	}
	return all
}

// stays lists the customer's places that a plan leaves.
func (by Made) stays(s *section, p *plan.Plan) {
	if p == nil || len(p.Stays) == 0 {
		return
	}
	us := int64(0)
	t := &table{ID: "stays", Caption: "The customer's places that this plan leaves where they are",
		Columns: columns("Location", "Region and country", "Why")}
	for _, x := range p.Stays {
		if isUS(x.Country) {
			us++
		}
		t.row(name(x.Location), say("%s, %s", name(x.Region), by.country(x.Country)), name(x.Why))
	}
	s.add(block{Table: t})
	if us > 0 {
		s.say("%s", strong(plural(us, "place")+" of these "+is(us)+" in the United States."))
	}
}

// notSeen are the warnings of a plan that tell what could not be seen.
func notSeen(s *section, p *plan.Plan) {
	if p == nil {
		return
	}
	var seen []text
	for _, i := range p.Warnings {
		if i.Rule == "not-looked-at" || i.Rule == "not-listed" {
			seen = append(seen, issue(i))
		}
	}
	if len(seen) == 0 {
		s.say("The plan names nothing among the configured places that could not be looked at.")
		return
	}
	s.say("When it was planned, this could not be looked at:")
	s.add(block{List: seen})
}

func issue(i plan.Issue) text {
	t := say("%s", name(i.Text))
	if i.Location != "" {
		t = joined(": ", say("%s", name(i.Place())), t)
	}
	if i.Count > 0 {
		t = append(t, say(" (%s)", entries(i.Count))...)
	}
	return t
}

func (r *migration) where() section {
	c := r.cert
	s := section{ID: "where", Title: "Where it was, and where it is now"}
	type row struct{ before, bytes, erased, verified, left, found int64 }
	rows := map[string]*row{}
	at := func(code string) *row {
		if rows[code] == nil {
			rows[code] = &row{}
		}
		return rows[code]
	}
	for _, m := range c.Moves {
		from, to := at(m.Source.Country), at(c.Destination.Country)
		from.before, from.bytes, from.erased = from.before+m.Entries, from.bytes+m.Bytes, from.erased+m.Erased
		from.left += m.SourceLeft
		to.verified, to.found = to.verified+m.Verified, to.found+m.Found
	}
	t := &table{ID: "countries", Caption: "Entries of this plan by country, before and after",
		Columns: columns("Country", "EU or EEA", "Before#", "Size before#", "Erased there#", "Left there#", "Verified there#",
			"Found there at the end#")}
	var before, after []shown
	for _, code := range byName(r.Made, rows) {
		x := rows[code]
		t.row(r.country(code), r.union(code), count(x.before), size(x.bytes), r.counted(x.erased), r.counted(x.left),
			r.counted(x.verified), r.counted(x.found))
		if x.before > 0 {
			before = append(before, shown{code, hatched, x.before})
		}
		switch n := x.left + x.found; {
		case r.earlier() || n == 0:
		case x.left > 0 && x.found > 0:
			after = append(after, shown{code, crossed, n})
		case x.left > 0:
			after = append(after, shown{code, hatched, n})
		default:
			after = append(after, shown{code, dotted, n})
		}
	}
	s.add(block{Map: r.drawing(r.lands, "map-before", "Before", "Entries at the source when it was planned", before,
		legend{hatched, "at the source"})})
	if !r.earlier() {
		s.add(block{Map: r.drawing(r.lands, "map-after", "After", "Entries by the last listings of both ends", after,
			legend{dotted, "at the destination"}, legend{hatched, "left at the source"}, legend{crossed, "both"})})
	}
	s.add(block{Table: t})
	s.say("%s", mapNote)
	return s
}

func (r *migration) law() section {
	c := r.cert
	s := section{ID: "law", Title: lawTitle}
	t := operators()
	seen := map[certificate.Region]bool{}
	add := func(x certificate.Region, role string) {
		if !seen[x] {
			seen[x] = true
			t.row(say("%s (%s)", name(x.Provider+":"+x.Region), role), r.country(x.Country), name(orUnknown(x.Operator)),
				r.country(x.OperatorCountry))
		}
	}
	for _, m := range c.Moves {
		add(m.Source, "source")
	}
	add(c.Destination, "destination")
	s.add(block{Table: t})
	s.say("Laws at the destination, from the catalog of %s (SHA-256 %s):", orUnknown(c.Catalog.AsOf),
		code(orUnknown(c.Catalog.SHA256)))
	r.stale(&s, c.Catalog.AsOf)
	r.Made.law(&s, c.Exposures, c.Safeguards)
	return s
}
