// Package report turns what a command found into one small model of places and findings,
// and writes that in the forms that CI services and other programs read. A form reads the
// model alone, so that all of them say the same. Objects' keys are nowhere in it.
package report

import (
	"cmp"
	"io"
	"slices"
	"time"

	"github.com/residency/residency/inventory"
)

// Schema is the version of the JSON form.
const Schema = "residency/report/1"

// Report is what one command found.
type Report struct {
	Schema   string    `json:"schema"`
	Command  string    `json:"command"` // inventory, plan, migrate or verify
	Tool     string    `json:"tool"`    // the program's version
	At       time.Time `json:"at"`
	Customer string    `json:"customer,omitempty"` // the only one that it is about
	Policy   string    `json:"policy,omitempty"`
	Plan     string    `json:"plan,omitempty"`
	Digest   string    `json:"plan_sha256,omitempty"`
	// Configuration is the file in force; null: none was read.
	Configuration *inventory.Configuration `json:"configuration"`
	// Within is whether all data is within the policy, and Complete whether everything could
	// be looked at; null: not known, or not what the command is about.
	Within   *bool   `json:"within_policy"`
	Complete *bool   `json:"complete"`
	Outcome  Outcome `json:"outcome"`
	// Waived is how many violations are waived. They are violations all the same.
	Waived int `json:"waived"`

	Places    []Place    `json:"places"`
	Findings  []Finding  `json:"findings"`
	Deletions []Deletion `json:"deletions"` // of a plan's source, by place

	// People writes the command's own page for people; nil: it has none.
	People func(io.Writer, Outcome) error `json:"-"`
}

// Outcome is how the command ended.
type Outcome struct {
	Code int    `json:"exit_code"`
	Text string `json:"text"`
	Next string `json:"next,omitempty"` // what to do
}

// Place is one customer's data in one bucket, or a region or kind of storage that could not
// be looked at.
type Place struct {
	Location        string   `json:"location"`
	Customer        string   `json:"customer"`
	Provider        string   `json:"provider"`
	Region          string   `json:"region"`
	Country         string   `json:"country"`
	Sets            []string `json:"jurisdictions"`
	Operator        string   `json:"operator"`
	OperatorCountry string   `json:"operator_country"`
	Bucket          string   `json:"bucket"`
	Prefix          string   `json:"prefix"`
	Entries         int64    `json:"entries"` // versions and delete markers
	Bytes           int64    `json:"bytes"`
	// Standing is the place's, in a word: within, outside or unknown; moves or stays;
	// moved, copied, not done.
	Standing string `json:"standing"`
	// Unseen is why it could not be looked at, or not whole; counts are then of what was.
	Unseen string `json:"not_looked_at,omitempty"`
	// Waiver is that of what is outside of the policy here.
	Waiver *inventory.Waived `json:"waiver,omitempty"`
}

// Severity ranks findings.
type Severity string

// The severities, worst first. A Violation is of the policy, a Blocker stands in the way of a
// plan, an Error is something not done or not looked at.
const (
	Violation Severity = "violation"
	Blocker   Severity = "blocker"
	Error     Severity = "error"
	Warning   Severity = "warning"
	Note      Severity = "note"
)

func severities() []Severity { return []Severity{Violation, Blocker, Error, Warning, Note} }

// Finding is something that somebody should know.
type Finding struct {
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	Customer string   `json:"customer,omitempty"`
	Location string   `json:"location,omitempty"` // of the place it is about, if it is about one
	Region   string   `json:"region,omitempty"`   // of the location, where that is known
	Text     string   `json:"text"`
	Next     string   `json:"next,omitempty"` // what to do
	Count    int64    `json:"count,omitempty"`
	// Waiver is that of a violation; one that has not expired has nothing done about it.
	Waiver *inventory.Waived `json:"waiver,omitempty"`
	// At is the line of the configuration that the finding is to be seen beside.
	At *Position `json:"configuration_at,omitempty"`

	class string // that tells its fault from others of the same rule
}

// Position is a line of a file.
type Position struct {
	File   string `json:"file"` // as a relative URI where it is beneath the checkout
	Line   int    `json:"line"`
	Column int    `json:"column"`
}

// Deletion is what a plan removed at one place of its source.
type Deletion struct {
	Location string    `json:"location"`
	Customer string    `json:"customer"`
	Provider string    `json:"provider"`
	Region   string    `json:"region"`
	Country  string    `json:"country"`
	Bucket   string    `json:"bucket"`
	Prefix   string    `json:"prefix"`
	Entries  int64     `json:"entries"` // erased, or found gone
	Left     int64     `json:"entries_left"`
	At       time.Time `json:"at"` // the plan's end, by its certificate
}

// New is a report of nothing yet.
func New(command, tool string, at time.Time) *Report {
	return &Report{Schema: Schema, Command: command, Tool: tool, At: at.UTC(), Places: []Place{},
		Findings: []Finding{}, Deletions: []Deletion{}}
}

// Fails tells whether a finding is one that something has to be done about.
func (f Finding) Fails() bool {
	return !f.Waived() && (f.Severity == Violation || f.Severity == Blocker || f.Severity == Error)
}

// Waived tells whether somebody has accepted it, and still does.
func (f Finding) Waived() bool { return f.Waiver != nil && !f.Waiver.Expired }

// Failing counts the findings that something has to be done about.
func (r *Report) Failing() (n int) {
	for _, f := range r.Findings {
		if f.Fails() {
			n++
		}
	}
	return n
}

// End says how the command ended. What no finding says of a failure becomes one, so that no
// form is silent about it.
func (r *Report) End(o Outcome) {
	r.Outcome = o
	if o.Code != 0 && r.Failing() == 0 {
		r.Findings = append(r.Findings, Finding{Rule: NotDone, Severity: Error, Customer: r.Customer, Text: o.Text,
			Next: o.Next, class: r.Command + " " + o.class()})
	}
	r.Waived = r.waived()
	slices.SortStableFunc(r.Findings, func(a, b Finding) int {
		// What is waived comes behind what is not.
		if a.Waived() != b.Waived() {
			if a.Waived() {
				return 1
			}
			return -1
		}
		return cmp.Compare(slices.Index(severities(), a.Severity), slices.Index(severities(), b.Severity))
	})
}

// NotDone is the rule of a command that failed for a reason of its own.
const NotDone = "not-done"

// count is how many findings have a severity and are not waived.
func (r *Report) count(s Severity) (n int) {
	for _, f := range r.Findings {
		if f.Severity == s && !f.Waived() {
			n++
		}
	}
	return n
}

// waived counts those that are.
func (r *Report) waived() (n int) {
	for _, f := range r.Findings {
		if f.Waived() {
			n++
		}
	}
	return n
}

// word is a finding's severity, or that it is waived.
func (f Finding) word() string {
	if f.Waived() {
		return "waived"
	}
	return string(f.Severity)
}
