// Package inventory finds out what lies where: every bucket of every
// configured provider and region, whose data it holds, in which country, under
// whose law, and within or outside of the policy. What could not be looked at
// is part of the answer.
package inventory

import (
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

// Schema is the version of the JSON form.
const Schema = "residency/inventory/1"

// Inventory is the answer to one scan. Places come in order of customer,
// provider, region, bucket and prefix.
type Inventory struct {
	Schema     string     `json:"schema"`
	At         time.Time  `json:"at"`
	CatalogAt  time.Time  `json:"catalog_as_of"`
	Customer   string     `json:"customer,omitempty"` // the only one looked for; empty: all
	Policy     string     `json:"policy"`
	Places     []Place    `json:"places"`
	Findings   []Finding  `json:"findings"`
	Exposures  []Exposure `json:"exposures"`
	Coverage   []Coverage `json:"coverage"`
	Complete   bool       `json:"complete"` // every place could be looked at
	Compliance bool       `json:"within_policy"`
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
	Own     int64    `json:"residency_own"`
	Probes  int64    `json:"residency_probes"`
	Verdict Verdict  `json:"policy_verdict"`
	Empty   bool     `json:"empty"`
	Others  []string `json:"others_within,omitempty"` // prefixes within this one that are somebody else's
	Error   string   `json:"error,omitempty"`         // why it could not be read whole; counts are then of what was
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
	Text     string   `json:"text"`
}

// Exposure is a law that reaches data of the inventory, with the places it
// reaches.
type Exposure struct {
	Axis       string    `json:"axis"`
	Law        string    `json:"law"`
	Country    string    `json:"country"`
	Through    string    `json:"through"` // the country of location, or the operator
	Detail     string    `json:"detail"`
	Source     string    `json:"source"`
	AsOf       time.Time `json:"as_of"`
	Confidence string    `json:"confidence"`
	Locations  []string  `json:"locations"`
}

// Coverage says of one region, or one bucket, whether it was looked at.
type Coverage struct {
	Provider string `json:"provider"`
	Region   string `json:"region"`
	Bucket   string `json:"bucket,omitempty"`
	Looked   bool   `json:"looked_at"`
	Reason   string `json:"reason,omitempty"` // why not
}
