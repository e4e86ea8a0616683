package audit

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/record"
	"github.com/residency/residency/regions"
)

// secondCopy is the rule of a finding that rests on the plan.
const secondCopy = "secondary-copy"

// addedClass begins the name under which another storage class is counted that copies have.
const addedClass = "storage class "

// Derive fills in what a certificate takes from the records.
func (a *Account) Derive(r *record.Record, c *certificate.Certificate) {
	p := r.Plan
	c.Plan, c.PlanDigest, c.Customer, c.Destination = p.ID, p.Digest, p.Customer, region(p.Destination)
	c.NotCompared, c.Exposures, c.Safeguards = p.NotCompared(), p.Exposures, p.Safeguards
	c.UnguardedWrites = ""
	if p.UnguardedWrites {
		c.UnguardedWrites = plan.UnguardedWrites
	}
	c.AnyOrder = ""
	if slices.ContainsFunc(p.Moves, func(m plan.Move) bool { return m.AnyOrder }) {
		c.AnyOrder = plan.AnyOrder
	}
	c.Passes = nil
	for _, pass := range r.Passes[1:] {
		c.Passes = append(c.Passes, certificate.Pass{Number: pass.Number, Listed: pass.At, New: pass.New, Gone: pass.Gone,
			Fenced: pass.Fenced})
	}
	c.Moves = make([]certificate.Move, len(p.Moves))
	for i, m := range p.Moves {
		c.Moves[i] = certificate.Move{Source: region(m.Source), SourceLocation: m.From().String(),
			DestinationBucket: p.To(m).String(), Way: m.Way}
	}
	c.Endpoints = []certificate.Endpoint{}
	for _, end := range p.Ends() {
		c.Endpoints = append(c.Endpoints, certificate.Endpoint{At: end.String(), URL: end.Endpoint, Country: end.Country,
			Account: end.Account})
	}
	c.Callers, c.Actors, c.Evidence = a.Callers, a.Actors, a.Evidence
	a.numbers(c)
	for i, m := range p.Moves {
		if len(m.SecondCopies) > 0 && c.Moves[i].Erased > 0 {
			c.Findings = append(c.Findings, certificate.Finding{Rule: secondCopy, Text: fmt.Sprintf("the service of %s "+
				"kept a second copy of everything in %s; no listing shows whether what was erased is gone from there",
				c.Moves[i].SourceLocation, strings.Join(m.SecondCopies, ", "))})
		}
	}
}

// transit says through which machines bytes went, and what somebody should know of that.
func transit(c *certificate.Certificate) {
	t := &c.Transit
	t.Machines, c.Findings = []certificate.Machine{}, []certificate.Finding{}
	if t.Streamed == 0 {
		t.Note = "no byte passed through a machine that ran this program"
		return
	}
	t.Machines = certificate.Machines(c.Actors, plan.StageCopy)
	t.Note = "streamed bytes passed through the memory of the machines named"
	find := func(rule, format string, args ...any) {
		c.Findings = append(c.Findings, certificate.Finding{Rule: rule, Text: fmt.Sprintf(format, args...)})
	}
	if len(t.Machines) == 0 {
		find("transit-unknown", "bytes were streamed, and by which machine was not recorded")
	}
	for _, m := range t.Machines {
		switch {
		case m.Country == "":
			find("transit-unknown", "bytes were streamed through %s, whose country was not determined", m.Host)
		case regions.IsUS(m.Country):
			find("transit-us", "bytes were streamed through %s, which is in the United States (%s, %s)", m.Host, m.Country,
				m.Basis)
		}
	}
}

// numbers fills in what is counted, where the moves are known.
func (a *Account) numbers(c *certificate.Certificate) {
	all := a.Summary()
	c.Started = a.Started.At
	c.Entries, c.Bytes, c.Verdicts, c.Methods = all.Entries, all.Bytes, all.Verdicts, all.Methods
	c.Added, c.Erasures, c.Guards = all.Added, all.Erasures, all.Guards
	for _, m := range []*map[string]int64{&c.Verdicts, &c.Methods, &c.Added, &c.Erasures, &c.Guards} {
		if *m == nil {
			*m = map[string]int64{}
		}
	}
	c.Transit.Streamed, c.Transit.ServerSide = all.Streamed, all.ServerSide
	transit(c)
	if n := c.Methods[string(receipt.Recorded)]; n > 0 {
		c.Findings = append(c.Findings, certificate.Finding{Rule: plan.RuleRecorded, Text: fmt.Sprintf("%d delete markers have "+
			"no place at the destination, whose service shows only that a key is deleted; the evidence alone has them", n)})
	}
	a.cost(c)
	a.moves(c)
	a.closing(c)
}

// moves fills in the numbers of each move, and of countries.
func (a *Account) moves(c *certificate.Certificate) {
	countries := make(map[string]certificate.Country)
	for i := range c.Moves {
		t, row := &a.Moves[i], &c.Moves[i]
		row.Entries, row.Versions, row.DeleteMarkers = t.Source.Entries, t.Source.Versions, t.Source.Markers
		row.Bytes, row.Verified, row.Erased = t.Source.Bytes, t.Verified.Entries, t.Erased.Entries
		if a.Closing != nil {
			left := a.Closing.Sources[i]
			row.SourceLeft, row.Found = left.Entries+left.Unlistable, a.Closing.Destinations[i].Entries
		}
		from := countries[row.Source.Country]
		from.EntriesOut += t.Erased.Entries
		from.BytesOut += t.Erased.Bytes
		countries[row.Source.Country] = from
		to := countries[c.Destination.Country]
		to.EntriesIn += t.Verified.Entries - t.Recorded
		to.BytesIn += t.Verified.Bytes
		countries[c.Destination.Country] = to
	}
	c.Countries = make([]certificate.Country, 0, len(countries))
	for code, row := range countries {
		row.Country = code
		c.Countries = append(c.Countries, row)
	}
	slices.SortFunc(c.Countries, func(x, y certificate.Country) int { return cmp.Compare(x.Country, y.Country) })
}

// closing fills in what the last listings showed.
func (a *Account) closing(c *certificate.Certificate) {
	c.SourceEmpty, c.Found, c.Left = false, 0, []certificate.Left{}
	c.Others, c.Covered, c.UploadsAborted = nil, nil, nil
	if a.Closing == nil {
		return
	}
	c.Others, c.Covered, c.UploadsAborted = new(int64), new(int64), new(int64)
	if a.Gate != nil {
		for i, l := range a.Gate.Sources {
			*c.UploadsAborted += max(l.Uploads-a.Closing.Sources[i].Uploads, 0)
		}
	}
	for _, l := range a.Closing.Sources {
		if l.Left() {
			c.Left = append(c.Left, l.Remains())
		}
	}
	for _, l := range a.Closing.Destinations {
		c.Found += l.Entries
		*c.Others += l.Newer
		*c.Covered += l.Covered
		for class, n := range l.Classes {
			c.Added[addedClass+class] += n
		}
	}
	c.SourceEmpty = len(c.Left) == 0
}

func region(r plan.Region) certificate.Region {
	return certificate.Region{Provider: r.Provider, Region: r.Code, Country: r.Country, Operator: r.Operator,
		OperatorCountry: r.OperatorCountry}
}
