// Package inventory finds out what lies where: every bucket of every
// configured provider and region, whose data it holds, in which country, under
// whose law, and within or outside of the policy. What could not be looked at
// is part of the answer.
package inventory

import (
	"slices"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

// Schema is the version of the JSON form.
const Schema = "residency/inventory/1"

// Inventory is the answer to one scan. Places come in order of customer,
// provider, region, bucket and prefix.
type Inventory struct {
	Schema    string    `json:"schema"`
	At        time.Time `json:"at"`
	CatalogAt string    `json:"catalog_as_of"` // a month

	// Configuration is the file in force.
	Configuration Configuration `json:"configuration"`

	Customer   string     `json:"customer,omitempty"` // the only one looked for; empty: all
	Policy     string     `json:"policy"`
	Places     []Place    `json:"places"`
	Findings   []Finding  `json:"findings"`
	Exposures  []Exposure `json:"exposures"`
	Safeguards []Exposure `json:"safeguards"`
	Coverage   []Coverage `json:"coverage"`
	Complete   bool       `json:"complete"` // every place could be looked at
	// Compliance is whether all data is within the policy; nil: not known, for none was
	// seen outside, and not everything was looked at, or it is not clear whose it is.
	Compliance *bool `json:"within_policy"`
	// Waived is how many violations are waived. They are violations all the same.
	Waived int `json:"waived"`
	// Unclear tells that it is not clear whose some data is, or where what the configuration
	// names.
	Unclear bool `json:"-"`
	// Names are all customers that the configuration or a bucket's tag names.
	Names []string `json:"-"`
}

// Configuration names what a command was configured by.
type Configuration struct {
	Path   string `json:"path"` // absolute; "built in" where there is no file
	SHA256 string `json:"sha256"`
}

// NotLooked counts the places that could not be looked at.
func (i *Inventory) NotLooked() int {
	n := 0
	for _, c := range i.Coverage {
		if c.Open() {
			n++
		}
	}
	return n
}

// Unassigned counts the places with data that are nobody's and so not among the exposures: those of
// an inventory of all customers in which any place is somebody's.
func (i *Inventory) Unassigned() (n int) {
	for _, p := range i.Places {
		if !p.Empty && !i.exposed(p) {
			n++
		}
	}
	return n
}

// exposed tells whether exposures are about a place.
func (i *Inventory) exposed(p Place) bool {
	return !p.Empty && (p.Customer != "" || i.Customer != "" ||
		!slices.ContainsFunc(i.Places, func(o Place) bool { return o.Customer != "" }))
}

// Attribution is how a place came to be a customer's.
type Attribution string

// The ways, strongest first.
const (
	ByConfiguration Attribution = "configuration"
	ByDestination   Attribution = "destination" // of a configured location that is moved
	ByTag           Attribution = "bucket tag"
	Unattributed    Attribution = "none"
)

// Verdict says how a place stands to the policy.
type Verdict string

// Only Within is inside of the policy.
const (
	Within  Verdict = "within"
	Outside Verdict = "outside"
	Unknown Verdict = "unknown" // the country is not known
)

// Place is one customer's data in one bucket.
type Place struct {
	Customer    string                 `json:"customer"` // empty: nobody's
	Attribution Attribution            `json:"attributed_by"`
	Provider    string                 `json:"provider"`
	Region      string                 `json:"region"`
	Bucket      string                 `json:"bucket"`
	Prefix      string                 `json:"prefix"`
	Country     string                 `json:"country"`
	Countries   []string               `json:"countries,omitempty"` // it may be in all of these; then Country is empty
	Sets        []string               `json:"jurisdictions"`
	Operator    string                 `json:"operator"`
	OperatorIn  string                 `json:"operator_country"`
	Versioning  objectstore.Versioning `json:"versioning"`
	Objects     int64                  `json:"objects"`  // keys whose newest entry is a version
	Versions    int64                  `json:"versions"` // current ones included
	Markers     int64                  `json:"delete_markers"`
	Uploads     int64                  `json:"unfinished_uploads"`
	Bytes       int64                  `json:"bytes"` // of all versions
	// Unlistable are those of the above, uploads included, that the server does
	// not list under their own keys.
	Unlistable int64 `json:"unlistable,omitempty"`
	// Own is what migrations have written there for themselves: leases and marks.
	// It is in no other count. Probes, which look like any object, are.
	Own    int64 `json:"residency_own"`
	Probes int64 `json:"residency_probes"`
	// Kept are entries that were deleted and that the service keeps for a time, KeptBytes their
	// bytes, and KeptUntil when the last of them goes; nil where that is not told of all.
	Kept      int64      `json:"deleted_and_kept,omitempty"`
	KeptBytes int64      `json:"deleted_and_kept_bytes,omitempty"`
	KeptUntil *time.Time `json:"kept_until,omitempty"`
	Verdict   Verdict    `json:"policy_verdict"`
	// Also are other regions that hold the bucket's bytes. The verdict is on all of them.
	Also   []Region `json:"also_in,omitempty"`
	Empty  bool     `json:"empty"`
	Others []string `json:"others_within,omitempty"` // prefixes within this one that are somebody else's
	Error  string   `json:"error,omitempty"`         // why it could not be read whole; counts are then of what was
	// Waiver is that of what is outside of the policy here.
	Waiver *Waived `json:"waiver,omitempty"`
	// Facts are what the service says of the bucket besides.
	Facts []objectstore.Fact `json:"facts,omitempty"`
}

// Region is one that holds copies of what is in another.
type Region struct {
	Code    string `json:"region"`
	Country string `json:"country"` // empty: not known
}

// Location is where the place is, as the configuration writes it.
func (p Place) Location() objectstore.Location {
	return objectstore.Location{Provider: p.Provider, Bucket: p.Bucket, Prefix: p.Prefix}
}

// Severity ranks findings.
type Severity string

// A Violation makes --check fail; an Error is something not looked at.
const (
	Violation Severity = "violation"
	Error     Severity = "error"
	Warning   Severity = "warning"
	Note      Severity = "note"
)

// Finding is something that somebody should know.
type Finding struct {
	Rule     string   `json:"rule"`
	Severity Severity `json:"severity"`
	Customer string   `json:"customer,omitempty"`
	Location string   `json:"location,omitempty"`
	Region   string   `json:"region,omitempty"` // of the location: two regions can have buckets of one name
	Text     string   `json:"text"`
	// Waiver is that of a violation.
	Waiver *Waived `json:"waiver,omitempty"`
}

// Exposure is a law that reaches data of the inventory, or a safeguard, with the places
// that it is about.
type Exposure struct {
	Axis       string   `json:"axis"`
	Group      string   `json:"group,omitempty"` // law that applies, compelled access from abroad, safeguard
	Law        string   `json:"law"`
	Country    string   `json:"country"`
	Through    string   `json:"through"`         // the country of location, or the operator
	State      string   `json:"state,omitempty"` // in force, lapsed, contested, unknown
	Since      string   `json:"since,omitempty"`
	Detail     string   `json:"detail"`
	Source     string   `json:"source"`
	AsOf       string   `json:"as_of"` // of what the source says, as precise as that is known
	Confidence string   `json:"confidence"`
	Locations  []string `json:"locations"`
}

// Open tells whether something may be there that nobody has looked at.
func (c Coverage) Open() bool { return !c.Looked && !c.Unused }

// Coverage says of one region, or one bucket, whether it was looked at.
type Coverage struct {
	Provider string `json:"provider"`
	Region   string `json:"region"`
	Bucket   string `json:"bucket,omitempty"`
	Kind     string `json:"kind,omitempty"` // of storage that no list of buckets shows
	Looked   bool   `json:"looked_at"`
	// Named tells that the list of buckets is denied, and that the buckets which the
	// configuration names for the customer were reached all the same.
	Named bool `json:"named_buckets_reached,omitempty"`
	// Unused is the configuration's word that there is nothing, in place of a look.
	Unused bool   `json:"declared_unused,omitempty"`
	Reason string `json:"reason,omitempty"` // why not
	Remedy string `json:"remedy,omitempty"` // what to do; empty: give access
}
