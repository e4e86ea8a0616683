package page

import (
	"io"

	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/plan"
)

// Planned is a plan without a certificate.
type Planned struct {
	Plan   *plan.Plan
	Status *migrate.Status // nil: how far it is is not known
	Ended  string          // what the run came to that was just made, if that was not well
}

type planned struct {
	Made
	Planned
	lands []land
}

// Plan writes the report of a plan: what it would change, and how far it is.
func Plan(w io.Writer, by Made, p Planned) error {
	lands, err := world()
	if err != nil {
		return err
	}
	r := planned{Made: by, Planned: p, lands: lands}
	return write(w, by, &document{
		Title:   "Residency report: " + p.Plan.ID,
		Heading: say("What a plan would move for customer %s", name(p.Plan.Customer)),
		Lead:    r.lead(), Facts: r.facts(), World: lands,
		Sections: []section{r.looked(), r.where(), r.law(), r.proof(), r.obstacles(), r.who(), r.way(), r.limits(), r.next()},
	})
}

func (r *planned) sources() (codes []string) {
	for _, m := range r.Plan.Moves {
		codes = append(codes, m.Source.Country)
	}
	return codes
}

func (r *planned) lead() []text {
	p, t := r.Plan, r.total()
	answers := []text{say("This plan would move %s (%s, %s; %s) of customer %s from %s to %s. %s",
		strong(entries(t.Entries)), plural(t.Versions, "version"), plural(t.Markers, "delete marker"), size(t.Bytes),
		name(p.Customer), r.countries(r.sources()), r.inText(p.Destination.Country), strong(r.standing()))}
	if len(p.Moves) == 0 {
		answers[0] = say("This plan would move nothing of customer %s to %s. %s", name(p.Customer),
			r.inText(p.Destination.Country), strong(r.standing()))
	}
	if s := r.Status; s != nil && s.Passes > 1 {
		text := say("These are the numbers of listing %s of the source, the last that is carried; when it was planned there "+
			"were %s.", count(int64(s.Passes)), entries(p.Totals.Entries))
		if s.Gone > 0 {
			text = append(text, say(" Of what an earlier listing showed, %s not at the source any more.",
				strong(entries(s.Gone)+" "+was(s.Gone)))...)
		}
		answers = append(answers, text)
	}
	if r.Ended != "" {
		answers = append(answers, say("What the command came to: %s", name(r.Ended)))
	}
	if n := int64(len(p.Blockers) + len(p.EraseBlockers)); n > 0 {
		answers = append(answers, say("%s in its way: see section 5.", strong(plural(n, "blocker")+" "+stand(n))))
	}
	return append(answers, say("The destination is run by %s. %s",
		name(r.operator(p.Destination.Operator, p.Destination.OperatorCountry)), r.reach(p.Exposures)))
}

func stand(n int64) string {
	if n == 1 {
		return "stands"
	}
	return "stand"
}

// totals are those of a move by the last listing that is carried.
func (r *planned) totals(move int) plan.Totals {
	if r.Status != nil && move < len(r.Status.Moves) {
		return r.Status.Moves[move]
	}
	return r.Plan.Moves[move].Totals
}

func (r *planned) total() (sum plan.Totals) {
	if r.Status == nil || len(r.Status.Moves) != len(r.Plan.Moves) {
		return r.Plan.Totals
	}
	for i := range r.Plan.Moves {
		sum.Add(r.totals(i))
	}
	return sum
}

func was(n int64) string {
	if n == 1 {
		return "was"
	}
	return "were"
}

// standing says how far it is, and no more than the state has.
func (r *planned) standing() string {
	s := r.Status
	if s == nil {
		return "How far it is was not looked at."
	}
	erase := "No deletion at the source was begun."
	if s.EraseBegun {
		erase = "The erase of the source has begun and not ended; how much is left there is not told here."
	}
	text := count(s.EntriesCopied) + " of " + entries(s.Entries) + " are copied and verified by their receipts. " + erase
	switch s.Stage {
	case migrate.Certified, migrate.Remaining:
		return "It has a certificate, which a report of its own is about."
	case migrate.Damaged:
		return "How far it is cannot be read."
	case migrate.Copying, migrate.Copied, migrate.Erasing:
	case migrate.Aborting:
		text = "It is being taken back. " + erase
	case migrate.Aborted:
		text = "What it had written was taken back. " + erase
	default:
		text = "It was not started."
	}
	return text + " There is no certificate."
}

func (r *planned) facts() []fact {
	p := r.Plan
	facts := []fact{
		{"Customer", say("%s", name(p.Customer))},
		{"Plan", say("%s", name(p.ID))},
		{"Digest to approve", say("%s", code(p.Digest))},
		{"Planned", say("%s", instant(p.Created))},
		{"Destination", say("%s, %s", name(p.Destination.String()), r.country(p.Destination.Country))},
	}
	if r.Status != nil {
		facts = append(facts, fact{"Stage", say("%s", string(r.Status.Stage))})
	}
	return facts
}

func (r *planned) looked() section {
	p := r.Plan
	s := section{ID: "looked", Title: "What was looked at, and what could not be"}
	s.say("Every version and every delete marker in these locations was listed. They are what would move.")
	if len(p.Moves) > 0 {
		t := &table{ID: "locations", Caption: "Locations that would be moved",
			Columns: columns("Source", "Region and country", "Why", "Destination", "Entries#", "Size#")}
		for i, m := range p.Moves {
			t.row(name(m.From().String()), say("%s, %s", name(m.Source.String()), r.country(m.Source.Country)),
				name(orDash(m.Why)), name(p.To(m).String()), count(r.totals(i).Entries), size(r.totals(i).Bytes))
		}
		s.add(block{Table: t})
	}
	r.stays(&s, p)
	var unseen []text
	for _, i := range p.Blockers {
		if i.Rule == "not-looked-at" {
			unseen = append(unseen, issue(i))
		}
	}
	if len(unseen) > 0 {
		s.say("This could not be looked at, and blocks the plan:")
		s.add(block{List: unseen})
	}
	notSeen(&s, p)
	s.say("Not looked at: backups, logs, caches, other accounts and services, and copies that people have made.")
	return s
}

func (r *planned) where() section {
	p := r.Plan
	s := section{ID: "where", Title: "Where it was listed, and where it would be"}
	type row struct{ now, bytes, then int64 }
	rows := map[string]*row{}
	at := func(code string) *row {
		if rows[code] == nil {
			rows[code] = &row{}
		}
		return rows[code]
	}
	for i, m := range p.Moves {
		from, t := at(m.Source.Country), r.totals(i)
		from.now, from.bytes = from.now+t.Entries, from.bytes+t.Bytes
		at(p.Destination.Country).then += t.Entries
	}
	if len(rows) == 0 {
		s.say("Nothing would move.")
		return s
	}
	t := &table{ID: "countries", Caption: "Entries that would move, by country",
		Columns: columns("Country", "EU or EEA", "Listed at the source#", "Size#", "There by this plan#")}
	var now, then []shown
	for _, code := range byName(r.Made, rows) {
		x := rows[code]
		t.row(r.country(code), r.union(code), count(x.now), size(x.bytes), count(x.then))
		if x.now > 0 {
			now = append(now, shown{code, hatched, x.now})
		}
		if x.then > 0 {
			then = append(then, shown{code, dotted, x.then})
		}
	}
	s.add(block{Map: r.drawing(r.lands, "map-before", "Listed", "Entries at the source when it was listed last", now,
		legend{hatched, "at the source"})},
		block{Map: r.drawing(r.lands, "map-after", "Planned", "Where they would be", then,
			legend{dotted, "at the destination"})},
		block{Table: t})
	s.say("%s", mapNote)
	return s
}

const mapNote = "The maps show where the bytes are, not whose law reaches them. Map: Natural Earth (public domain), " +
	"Equal Earth projection; how it draws a border is no statement about it."

func (r *planned) law() section {
	p := r.Plan
	s := section{ID: "law", Title: lawTitle}
	t := operators()
	for _, end := range p.Ends() {
		role := "source"
		if end == p.Destination {
			role = "destination"
		}
		t.row(say("%s (%s)", name(end.String()), role), r.country(end.Country), name(orUnknown(end.Operator)),
			r.country(end.OperatorCountry))
	}
	s.add(block{Table: t})
	s.say("Laws at the destination:")
	r.Made.law(&s, p.Exposures, p.Safeguards)
	return s
}

// operators is a table of who runs regions.
func operators() *table {
	return &table{ID: "operators", Caption: "Who runs the regions", Columns: columns("Region", "Country", "Operator",
		"The operator's home country")}
}

func (r *planned) proof() section {
	p := r.Plan
	s := section{ID: "complete", Title: "How the copy would be proven complete"}
	how := "by what both services compute (checksums); what that does not prove is read again"
	if p.Verify == "readback" {
		how = "by reading both ends again"
	}
	s.say("Each entry is verified %s (%s). Equal size alone proves nothing, and attributes count. Before anything is "+
		"erased, all entries must be verified and both ends listed again must show what they should. With a single entry "+
		"that is not verified, nothing is erased.", how, p.Verify)
	if len(p.Parity) > 0 {
		t := &table{ID: "settings", Caption: "Settings of the source buckets, and what would become of them",
			Columns: columns("Bucket and setting", "Outcome", "Detail")}
		for _, x := range p.Parity {
			t.row(say("%s, %s", name(x.Bucket), name(x.Setting)), name(x.Outcome), name(orDash(x.Detail)))
		}
		s.add(block{Heading: "The buckets' settings"}, block{Table: t})
	}
	s.add(block{Heading: "What would not be compared"}, block{List: names(p.NotCompared())})
	return s
}

func (r *planned) obstacles() section {
	p := r.Plan
	s := section{ID: "left", Title: "What stands in the way, and what would be left"}
	some := issues(&s, "blockers", "Blockers: nothing moves before they are resolved", p.Blockers)
	some = issues(&s, "erase-blockers", "Blockers of the erase: the data can be copied, and the source stays",
		p.EraseBlockers) || some
	if !some {
		s.say("No blocker was found.")
	}
	if !issues(&s, "warnings", "Warnings: what would be left, lost or changed", p.Warnings) {
		s.say("No warning was found.")
	}
	if p.Totals.Uploads > 0 {
		s.say("%s would be aborted with the erase: they are no objects yet, and cannot be copied.",
			plural(p.Totals.Uploads, "unfinished upload"))
	}
	return s
}

// issues is a table of some; false if there are none.
func issues(s *section, id, caption string, list []plan.Issue) bool {
	if len(list) == 0 {
		return false
	}
	t := &table{ID: id, Caption: caption, Columns: columns("Rule", "Where", "What", "Entries#", "What to do")}
	for _, i := range list {
		n := "–"
		if i.Count > 0 {
			n = count(i.Count)
		}
		t.row(name(i.Rule), name(orDash(i.Place())), name(i.Text), n, name(orDash(i.Remedy)))
	}
	s.add(block{Table: t})
	return true
}

func (r *planned) who() section {
	p := r.Plan
	s := section{ID: "who", Title: "Who planned it, and what an approval covers"}
	if p.Planner == nil {
		s.say("%s", strong("Who planned it was not recorded."))
	} else {
		s.add(r.actors([]certificate.Actor{*p.Planner})...)
	}
	if len(p.Callers) > 0 {
		s.add(callers(p.Callers))
	}
	s.say("An approval names the digest %s. It covers every entry, the destination, the endpoints and accounts of both "+
		"ends, and all that was decided. If the source has changed since, the run says what and refuses.", code(p.Digest))
	return s
}

func (r *planned) way() section {
	p := r.Plan
	s := section{ID: "way", Title: "Which way the data would go"}
	var streamed, within int64
	mixed := false
	for i, m := range p.Moves {
		all := r.totals(i).Entries
		switch m.Way {
		case plan.Streamed:
			streamed += all
		case plan.Mixed:
			streamed, within, mixed = streamed+m.Through.Versions, within+all-m.Through.Versions, true
		default:
			within += all
		}
	}
	t := &table{ID: "transit", Caption: "The way of the bytes", Columns: columns("Way", "Entries#")}
	t.row("through the machine that runs the plan", count(streamed))
	t.row("within the service, from bucket to bucket", count(within))
	s.add(block{Table: t})
	if mixed {
		s.say("Where the service turns out not to copy one by itself, it passes through that machine too. The certificate " +
			"says how many did.")
	}
	if p.Streams() && p.Planner != nil {
		s.say("The machine that planned, %s, is in %s. If another one runs the plan, the certificate says where that is.",
			name(orUnknown(p.Planner.Host)), r.Made.standing(p.Planner.Country, p.Planner.Basis))
	}
	e := &table{ID: "endpoints", Caption: "Endpoints that would be spoken to", Columns: columns("Where", "Address",
		"Country", "Account")}
	for _, end := range p.Ends() {
		e.row(name(end.String()), name(orUnknown(end.Endpoint)), r.country(end.Country), name(orUnknown(end.Account)))
	}
	s.add(block{Table: e})
	return s
}

func (r *planned) limits() section {
	s := section{ID: "limits", Title: "What this cannot tell"}
	s.add(block{List: []text{
		say("It is about one moment. What others write to the source after it is not in it; a run looks again."),
		say("It is about the configured places. Where else the customer's data may be, an inventory says."),
		say("It is no legal opinion. What it says of law comes from a catalog, which is not complete."),
	}})
	s.say("%s has all that is known.", code("residency help limits"))
	return s
}

func (r *planned) next() section {
	s := section{ID: "check", Title: "How to check this, and how to go on"}
	s.say("plan.json and the manifest in the state have every entry. Planning again gives the same digest, as long as " +
		"nothing has changed:")
	s.add(block{Commands: []string{"residency plan --to " + shell(r.Plan.Destination.String()) + " --customer " +
		shell(r.Plan.Customer), "residency status --plan " + shell(r.Plan.ID)}})
	if len(r.Plan.Blockers) > 0 {
		return s
	}
	s.say("To carry it out, after approval:")
	s.add(block{Commands: []string{"residency migrate --plan " + shell(r.Plan.ID) + " --approve " + shell(r.Plan.Digest)}})
	return s
}
