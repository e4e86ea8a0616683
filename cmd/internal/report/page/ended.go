package page

import (
	"fmt"
	"io"
)

// Ended is a command that came to its end, without a report of its own kind.
type Ended struct {
	Command  string
	Code     int
	Text     string // what it came to
	Next     string // what to do
	Places   []Stood
	Findings []Found
}

// Stood is a place, and how it stands.
type Stood struct {
	Location, Region, Country, Standing string
	Entries                             int64
	Unseen                              string // why it could not be looked at
}

// Found is a finding.
type Found struct{ Severity, Location, Text, Next, Rule string }

// Outcome writes the report of a command that was not carried out, or that has nothing to draw.
func Outcome(w io.Writer, by Made, e Ended) error {
	lead := say("%s, with exit code %s. %s", strong("It was not done"), fmt.Sprint(e.Code), name(e.Text))
	if e.Code == 0 {
		lead = say("It was done.")
	}
	lines := []text{lead}
	if e.Next != "" {
		lines = append(lines, say("What to do: %s", name(e.Next)))
	}
	places := section{ID: "looked", Title: "What it was about"}
	if len(e.Places) == 0 {
		places.say("It came to no place. Nothing is said of where data is.")
	} else {
		t := &table{ID: "places", Caption: "Places", Columns: columns("Place", "Region and country", "Entries#",
			"How it stands", "Not looked at, because")}
		for _, p := range e.Places {
			t.row(name(p.Location), say("%s, %s", name(orUnknown(p.Region)), by.country(p.Country)), count(p.Entries),
				orUnknown(p.Standing), name(orDash(p.Unseen)))
		}
		places.add(block{Table: t})
	}
	findings := section{ID: "findings", Title: "What somebody should look at"}
	if len(e.Findings) == 0 {
		findings.say("There are no findings.")
	} else {
		t := &table{ID: "findings-table", Caption: "Findings", Columns: columns("Finding", "Severity", "Where", "What to do",
			"Rule")}
		for _, f := range e.Findings {
			t.row(name(f.Text), f.Severity, name(orDash(f.Location)), name(orDash(f.Next)), name(f.Rule))
		}
		findings.add(block{Table: t})
	}
	return write(w, by, &document{
		Title: "Residency report: " + e.Command, Heading: say("What residency %s came to", name(e.Command)), Lead: lines,
		Facts:    []fact{{"Command", say("%s", name("residency "+e.Command))}, {"Exit code", say("%s", fmt.Sprint(e.Code))}},
		Sections: []section{places, findings},
	})
}
