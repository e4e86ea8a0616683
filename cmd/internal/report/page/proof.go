package page

import (
	"cmp"
	"slices"
	"strings"

	"github.com/residency/residency/cmd/internal/render"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/receipt"
)

func verdictText(v string) string {
	return map[string]string{
		"verified":     "the copy was proven equal, by the method below",
		"unverifiable": "no proof was possible; nothing is erased on that",
		"mismatch":     "the copy contradicts its original; nothing is erased on that",
		"failed":       "could not be read or written",
	}[v]
}

func methodText(m string) string {
	return map[string]string{
		"readback-sha256": "both ends were read again and have one SHA-256",
		"sha256": "the SHA-256 of what was read at the source is the one that the destination computed, or a probe showed " +
			"that it refuses wrong ones",
		"checksum":      "a checksum of the whole object that both services keep is equal",
		"sent-checksum": "our checksum of the source's bytes (CRC-64 or CRC32C) is the one that the destination computed",
		"etag-md5":      "an ETag that is an MD5 is equal at both ends",
		"marker":        "a delete marker stands at its place in the history; there are no bytes to compare",
		"recorded": "a delete marker for which the destination's service has no place, beneath other entries or above " +
			"no version; the records alone have it",
	}[m]
}

func erasureText(e string) string {
	return map[string]string{
		"erased":   "deleted, and the service acknowledged it",
		"gone":     "was no longer there when it was to be deleted",
		"retained": "kept by a retention or a legal hold",
		"changed":  "something else is there now, which was left alone",
		"failed":   "could not be deleted",
		"begun":    "asked for by a run that died; what became of it is not known",
	}[e]
}

func guardText(g string) string {
	return map[string]string{
		"version-id": "the request named one version, which never changes",
		"if-match":   "the service compared the ETag when it deleted",
		"re-checked": "compared right before the deletion, which is weaker",
	}[g]
}

// tally is a table of counts, with what each means if that is told.
func tally(id, caption, what string, counts map[string]int64, meaning func(string) string, order ...string) block {
	if len(counts) == 0 {
		return block{Text: say("%s: none.", caption)}
	}
	t := &table{ID: id, Caption: caption, Columns: columns(what, "Entries#")}
	if meaning != nil {
		t.Columns = columns(what, "Entries#", "Meaning")
	}
	for _, key := range render.Names(counts, order...) {
		row := []any{name(key), count(counts[key])}
		if meaning != nil {
			row = append(row, orDash(meaning(key)))
		}
		t.row(row...)
	}
	return block{Table: t}
}

func orDash(s string) string { return cmp.Or(s, "–") }

func (r *migration) complete() section {
	c := r.cert
	s := section{ID: "complete", Title: "Is the copy complete, and how was that proven"}
	verified := c.Verdicts[string(receipt.Verified)]
	s.say("%s of %s have the verdict verified. Equal size alone proves nothing, and attributes count: an equal body with "+
		"lost tags is a mismatch. With a single entry that is not verified, nothing is erased.", count(verified),
		entries(c.Entries))
	s.add(tally("verdicts", "Verdicts", "Verdict", c.Verdicts, verdictText, verdicts()...),
		tally("methods", "How entries were verified", "Method", c.Methods, methodText))
	s.say("After the last deletion the destination was listed once more: %s of %s were there as they were written.",
		strong(count(c.Found)), entries(receipt.Placed(c.Entries, c.Methods)))
	r.anyOrder(&s)
	s.add(block{Heading: "How the source was erased"})
	if len(c.Erasures) == 0 {
		s.say("Nothing was erased.")
	} else {
		s.add(tally("erasures", "What became of the source's entries", "Outcome", c.Erasures, erasureText),
			tally("guards", "What kept each deletion to exactly that version", "Guard", c.Guards, guardText))
	}
	if len(c.Passes) > 0 {
		t := &table{ID: "passes", Caption: "Later listings of the source, because others wrote to it; " +
			"what they changed was " +
			"carried too", Columns: columns("Listing", "Taken", "New entries#", "Gone#", "Writes were denied")}
		for _, p := range c.Passes {
			t.row(count(int64(p.Number)), instant(p.Listed), count(p.New), count(p.Gone), yes(p.Fenced))
		}
		s.add(block{Table: t})
	}
	if len(c.Added) > 0 {
		s.add(tally("added", "What the destination has put on copies by itself", "What", c.Added, nil))
	}
	r.settings(&s)
	if len(c.NotCompared) > 0 {
		s.add(block{Heading: "What was not compared"}, block{List: names(c.NotCompared)})
	}
	return s
}

// anyOrder says what the listings rest on where that is less than elsewhere.
func (r *migration) anyOrder(s *section) {
	if r.cert.AnyOrder != "" {
		s.say("%s %s. What both have passed over was not seen, neither when it was planned nor after the erase.",
			strong("A weaker proof:"), name(r.cert.AnyOrder))
	}
}

func verdicts() (order []string) {
	for _, v := range receipt.Verdicts() {
		order = append(order, string(v))
	}
	return order
}

func yes(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// settings shows what became of the buckets' own.
func (r *migration) settings(s *section) {
	if len(r.cert.Parity) == 0 {
		return
	}
	s.add(block{Heading: "The buckets' settings"})
	t := &table{ID: "settings", Caption: "Settings of the source buckets, and what became of them",
		Columns: columns("Bucket and setting", "Outcome", "Detail", "At the destination in the end")}
	for _, p := range r.cert.Parity {
		t.row(say("%s, %s", name(p.Bucket), p.Setting), name(p.Outcome), name(orDash(p.Detail)), name(orDash(p.Found)))
	}
	s.add(block{Table: t})
}

func (r *migration) left() section {
	c := r.cert
	s := section{ID: "left", Title: "What is left, and until when"}
	us, fromUS := int64(0), false
	for _, m := range c.Moves {
		if isUS(m.Source.Country) {
			fromUS, us = true, us+m.SourceLeft
		}
	}
	if c.SourceEmpty {
		s.say("The last listing of each source location showed nothing: no version, no delete marker, no unfinished upload. "+
			"That is as of %s; what is written there later is not known here.", instant(c.Finished))
		r.anyOrder(&s)
	} else {
		t := &table{ID: "remains", Caption: "What the last listings of the source still showed",
			Columns: columns("Location", "Entries#", "Unfinished uploads#", "Keys not told#", "Why, and until when")}
		for _, l := range c.Left {
			t.row(name(l.Location), count(l.Entries), count(l.Uploads), count(l.Unlistable), name(orUnknown(l.Reason)))
		}
		s.add(block{Table: t})
		r.anyOrder(&s)
		s.say("To finish, when the reason is gone: run the same migration again. It goes on where it stopped.")
	}
	switch {
	case !fromUS:
		s.say("None of the locations of this plan was in the United States.")
	case r.earlier():
		s.say("How much of it is left in the United States was not recorded by location.")
	default:
		s.say("In the United States, of this plan's locations: %s left.", strong(entries(us)))
	}
	if len(c.Fence) > 0 {
		s.say("Writes to %s are denied by a statement in the bucket policy, which stays until somebody removes it.",
			name(strings.Join(c.Fence, ", ")))
	}
	s.say("Deleted means: each version was deleted at the storage service, and a " +
		"later listing does not show it. What the " +
		"service does with its media and with its own backups, and when, its own reports say. Copies that others made " +
		"before, such as backups, downloads and other accounts, are not covered.")
	return s
}

func (r *migration) who() section {
	c := r.cert
	s := section{ID: "who", Title: "Who approved it, who ran it, and with which rights"}
	if len(c.Actors) == 0 {
		s.say("%s", strong("Not recorded."))
	} else {
		s.say("As the machines and the jobs' environments tell of themselves; nobody has checked that.")
		s.add(r.actors(c.Actors)...)
	}
	if len(c.Callers) > 0 {
		s.add(callers(c.Callers))
	}
	if len(c.OwnerChecks) > 0 {
		t := &table{ID: "owners", Caption: "Whether requests named the account that must own the buckets",
			Columns: columns("Where", "Owner check")}
		for _, x := range c.OwnerChecks {
			t.row(name(x.At), name(x.String()))
		}
		s.add(block{Table: t})
	}
	return s
}

// callers are as whom each end was spoken to, and in which steps.
func callers(list []certificate.Caller) block {
	t := &table{ID: "callers", Caption: "As whom the services were spoken to, by the services' own answer",
		Columns: columns("Where", "Identity", "In the steps")}
	for i, x := range list {
		same := func(o certificate.Caller) bool { return o.At == x.At && o.Caller == x.Caller }
		if slices.ContainsFunc(list[:i], same) {
			continue
		}
		var steps []string
		for _, o := range list {
			if same(o) && !slices.Contains(steps, o.Stage) {
				steps = append(steps, o.Stage)
			}
		}
		t.row(name(x.At), name(x.String()), strings.Join(steps, ", "))
	}
	return block{Table: t}
}

// actors are who did what, and with which program.
func (by Made) actors(list []certificate.Actor) []block {
	t := &table{ID: "actors", Caption: "Who did what", Columns: columns("Step", "When", "Who", "Machine")}
	programs := &table{ID: "programs", Caption: "With which program", Columns: columns("Version", "SHA-256")}
	var seen []certificate.Program
	for _, x := range list {
		if !slices.Contains(seen, x.Program) {
			seen = append(seen, x.Program)
			programs.row(name(orUnknown(x.Program.Version)), code(cmp.Or(x.Program.SHA256, "not recorded")))
		}
		who := say("user %s", name(orUnknown(x.User)))
		if x.How != "" {
			who = joined("; ", who, say("approved by %s", approval(x.How)))
		}
		if c := x.CI; c != nil {
			who = joined("; ", who, say("CI job of %s", name(c.Service)), named("repository", c.Repository),
				named("commit", c.Commit), named("run", c.Run), named("started by", c.Actor), named("approver", c.Approver))
		}
		t.row(x.Step, instant(x.At), who, say("%s, in %s", name(orUnknown(x.Host)), by.standing(x.Country, x.Basis)))
	}
	return []block{{Table: t}, {Table: programs}}
}

func named(what, value string) text {
	if value == "" {
		return nil
	}
	if what == "" {
		return say("%s", name(value))
	}
	return say("%s %s", what, name(value))
}

func approval(how string) string {
	text := map[string]string{"typed": "the customer's name, typed at a terminal", "digest": "the plan's digest",
		"yes": "--yes, whatever the plan says"}[how]
	return cmp.Or(text, how)
}

// standing is where a machine stands, and on whose word.
func (by Made) standing(country, basis string) string {
	if country == "" {
		return "a country that is " + cmp.Or(basis, certificate.NotDetermined)
	}
	return by.inText(country) + ", " + basis
}

func (r *migration) way() section {
	c := r.cert
	s := section{ID: "way", Title: "Which way the data went"}
	t := &table{ID: "transit", Caption: "The way of the bytes", Columns: columns("Way", "Entries#")}
	t.row("through a machine that ran this program", count(c.Transit.Streamed))
	t.row("within the service, from bucket to bucket", count(c.Transit.ServerSide))
	s.add(block{Table: t})
	if c.Transit.Note != "" {
		s.say("That is: %s.", c.Transit.Note)
	}
	if len(c.Transit.Machines) > 0 {
		t := &table{ID: "machines", Caption: "Machines that bytes passed through", Columns: columns("Machine", "Country",
			"How that is known")}
		for _, m := range c.Transit.Machines {
			t.row(name(orUnknown(m.Host)), r.country(m.Country), orUnknown(m.Basis))
		}
		s.add(block{Table: t})
	}
	if len(c.Endpoints) > 0 {
		t := &table{ID: "endpoints", Caption: "Endpoints that were spoken to", Columns: columns("Where", "Address", "Country",
			"Account")}
		for _, e := range c.Endpoints {
			t.row(name(e.At), name(cmp.Or(e.URL, "not determined")), r.country(e.Country), name(orUnknown(e.Account)))
		}
		s.add(block{Table: t})
	}
	if len(c.Findings) == 0 {
		s.say("Findings about the way: none.")
		return s
	}
	s.say("Findings about the way:")
	var list []text
	for _, f := range c.Findings {
		list = append(list, say("%s (%s)", name(f.Text), name(f.Rule)))
	}
	s.add(block{List: list})
	return s
}

func (r *migration) limits() section {
	c := r.cert
	s := section{ID: "limits", Title: "What this cannot tell"}
	list := []text{
		say("It is the word of whoever ran the program. The evidence shows that nobody changed it since " +
			"and that it does not " +
			"contradict itself; it cannot show that a service told the truth about what it holds, nor that the machine was " +
			"not tampered with."),
		say("It is about one plan, at one time. What was written since, to either end, it does not know."),
		say("It is no legal opinion. What it says of law comes from a catalog as of %s, "+
			"which names what was looked up and is "+
			"not complete.", orUnknown(c.Catalog.AsOf)),
	}
	if c.NotFenced != "" {
		list = append(list, say("Writes to the source were not blocked, although that was asked for: %s.", name(c.NotFenced)))
	}
	if c.UnguardedWrites != "" {
		list = append(list, say("%s.", name(c.UnguardedWrites)))
	}
	if c.AnyOrder != "" {
		list = append(list, say("That the listings of the source are complete is proven less well: %s.", name(c.AnyOrder)))
	}
	if r.earlier() {
		list = append(list, say("The certificate is of an earlier version, which recorded less."))
	}
	s.add(block{List: list})
	s.say("%s has all that is known.", code("residency help limits"))
	return s
}

func (r *migration) check() section {
	c := r.cert
	s := section{ID: "check", Title: "How to check this without trusting us"}
	ask, verify := "with the certificate and its evidence", "residency certificate verify DIRECTORY"
	if len(r.Signatures) > 0 {
		ask, verify = ask+", and for the public key by another way", verify+" --key PUBLIC-KEY"
	}
	s.say("This page repeats the certificate and is no evidence itself. Ask for the directory of the plan, %s. Then, "+
		"without any account or network:", ask)
	s.add(block{Commands: []string{verify}})
	if len(r.Signatures) == 0 {
		s.say("If it was signed since, ask for the public key by another way, and add %s.", code("--key PUBLIC-KEY"))
	}
	s.say("It holds each file of the evidence against its digest and counts every number of the " +
		"certificate anew. Without " +
		"this program, in that directory:")
	s.add(block{Commands: []string{"sha256sum certificate.json", "sha256sum --check --quiet evidence/*.sha256"}})
	s.say("The first must print the SHA-256 below. %s describes every file and digest.",
		code("residency help certificate"))
	t := &table{ID: "digests", Caption: "What to hold it against", Columns: columns("What", "Value")}
	t.row("SHA-256 of certificate.json", code(r.SHA256))
	t.row("Digest of the plan that was approved", code(c.PlanDigest))
	t.row("Merkle root of the evidence", code(cmp.Or(c.Evidence.Root, "none, by an earlier version")))
	t.row("Files of the evidence", count(max(c.Evidence.Files, int64(len(c.Evidence.Listed)))))
	t.row("SHA-256 of the configuration in force", code(orUnknown(c.Configuration.SHA256)))
	t.row("Written by", name(orUnknown(c.Tool)))
	s.add(block{Table: t})
	s.say("The destination can be listed again, or read again byte by byte, at any later time:")
	s.add(block{Commands: []string{"residency verify --plan " + shell(c.Plan) + " --verify readback"}})
	return s
}
