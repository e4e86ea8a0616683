package permission

import (
	"fmt"
	"slices"

	"github.com/residency/residency/inventory/objectstore/iam"
)

// Stage is a part of a migration that can have credentials of its own.
type Stage string

// The stages. Fence and Restore are what a run needs beside Copy if it is told to
// do that as well.
const (
	Inventory Stage = "inventory"
	Plan      Stage = "plan"
	Copy      Stage = "copy"
	Erase     Stage = "erase"
	Verify    Stage = "verify"
	Fence     Stage = "fence"
	Restore   Stage = "restore"
	Abort     Stage = "abort"
)

// Stages lists them in the order in which they are shown.
func Stages() []Stage {
	return []Stage{Inventory, Plan, Copy, Verify, Erase, Fence, Restore, Abort}
}

// Parse finds a stage by its name.
func Parse(name string) (Stage, error) {
	if s := Stage(name); slices.Contains(Stages(), s) {
		return s, nil
	}
	return "", fmt.Errorf("stage %q: one of %s", name, Names())
}

// Names lists the stages' names for people.
func Names() string {
	text := ""
	for i, s := range Stages() {
		if i > 0 {
			text += ", "
		}
		text += string(s)
	}
	return text
}

// Command is what a stage is carried out by.
func (s Stage) Command() string {
	switch s {
	case Inventory:
		return "residency inventory"
	case Plan:
		return "residency plan --to"
	case Copy:
		return "residency migrate --plan --keep-source"
	case Verify:
		return "residency verify --plan"
	case Erase:
		return "residency erase --plan"
	case Fence:
		return "residency migrate --fence, together with copy"
	case Restore:
		return "residency migrate --restore, together with copy"
	case Abort:
		return "residency migrate --abort"
	}
	return ""
}

// End is where a request goes to.
type End string

// Ends. Anywhere is each provider of the configuration: what is searched for
// customers' data.
const (
	Anywhere    End = "every provider"
	Source      End = "source"
	Destination End = "destination"
	State       End = "state"
)

// Place is what of an end a request is about.
type Place string

// Places. A source and a state may be a prefix of their bucket.
const (
	AllBuckets Place = "every bucket"
	TheBucket  Place = "the bucket"
	Data       Place = "its objects"
	Probes     Place = "probes"      // of residency's own, named .residency-probe-…
	Leases     Place = "leases"      // of residency's own, .residency-reservation-…
	Mark       Place = "reservation" // an unfinished upload, .residency-reservation
)

// Use is one request that a stage sends.
type Use struct {
	End       End
	Place     Place
	Operation string
	Cases     []iam.Case // besides what it needs always
	Why       string
	Optional  string // what becomes of it where it is denied; empty: the stage needs it
	ByTag     bool   // only where no configuration names the buckets
}

// place collects the requests about one place.
type place struct {
	end      End
	place    Place
	why      string
	optional string
}

func (p place) send(operation string, cases ...iam.Case) Use {
	return Use{End: p.end, Place: p.place, Operation: operation, Cases: cases, Why: p.why, Optional: p.optional}
}

// each is send for operations that need the same whatever they are about.
func (p place) each(operations ...string) []Use {
	uses := make([]Use, len(operations))
	for i, o := range operations {
		uses[i] = p.send(o)
	}
	return uses
}
