package certificate

import (
	"slices"
	"time"
)

// Actor is who carried out a step, on which machine, with which program: as far as the
// machine tells, and by its own word. Whose credentials were used is a Caller.
type Actor struct {
	Step string    `json:"step"` // plan, approve, copy, verify or erase
	At   time.Time `json:"at"`   // first
	// How tells of an approval whether a name was typed at a terminal, the plan's digest was
	// given, or --yes, which approves whatever the plan says.
	How     string  `json:"how,omitempty"`
	User    string  `json:"user,omitempty"` // of the operating system; empty: not determined
	Host    string  `json:"host,omitempty"`
	Country string  `json:"country,omitempty"` // of the machine; empty: not determined
	Basis   string  `json:"country_basis"`     // begins with Declared, Found or NotDetermined
	CI      *CI     `json:"ci,omitempty"`      // nil: it was no CI job that is known
	Program Program `json:"program"`
}

// How a machine's country is known.
const (
	Declared      = "declared"
	Found         = "determined by the metadata of " // followed by whose, and by what was declared if it differs
	NotDetermined = "not determined"
)

// CI is what a CI job's environment says of it, which nobody has checked.
type CI struct {
	Service    string `json:"service"`
	Repository string `json:"repository,omitempty"`
	Commit     string `json:"commit,omitempty"`
	Run        string `json:"run,omitempty"` // URL
	Actor      string `json:"actor,omitempty"`
	Approver   string `json:"approver,omitempty"` // where the service names one
}

// Program is the binary that ran.
type Program struct {
	Version string `json:"version"`
	SHA256  string `json:"sha256,omitempty"` // empty: it could not be read
}

// Same tells whether two actors differ in nothing but their times.
func (a Actor) Same(o Actor) bool {
	if (a.CI == nil) != (o.CI == nil) || a.CI != nil && *a.CI != *o.CI {
		return false
	}
	a.At, a.CI, o.At, o.CI = time.Time{}, nil, time.Time{}, nil
	return a == o
}

// Machine is one that bytes passed through.
type Machine struct {
	Host    string `json:"host"`
	Country string `json:"country,omitempty"`
	Basis   string `json:"country_basis"`
}

// Machines are those of the actors that carried out a step, each once.
func Machines(actors []Actor, step string) []Machine {
	all := []Machine{}
	for _, a := range actors {
		m := Machine{Host: a.Host, Country: a.Country, Basis: a.Basis}
		if a.Step == step && !slices.Contains(all, m) {
			all = append(all, m)
		}
	}
	return all
}
