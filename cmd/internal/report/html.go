package report

import (
	"io"

	"github.com/residency/residency/cmd/internal/report/page"
	"github.com/residency/residency/regions"
)

// HTML writes the report for people: the command's own, if it has one, or else what is known
// of places and findings.
func HTML(w io.Writer, r *Report) error {
	if r.People != nil {
		return r.People(w, r.Outcome)
	}
	catalog, err := regions.Load()
	if err != nil {
		return err
	}
	e := page.Ended{Command: r.Command, Code: r.Outcome.Code, Text: r.Outcome.Text, Next: r.Outcome.Next}
	for _, p := range r.Places {
		e.Places = append(e.Places, page.Stood{Location: p.Location, Region: p.Region, Country: p.Country,
			Standing: p.Standing, Entries: p.Entries, Unseen: p.Unseen})
	}
	for _, f := range r.Findings {
		e.Findings = append(e.Findings, page.Found{Severity: f.word(), Location: f.place(), Text: f.Text,
			Next: f.Next, Rule: f.Rule})
	}
	return page.Outcome(w, page.Made{At: r.At, Tool: r.Tool, Catalog: catalog}, e)
}
