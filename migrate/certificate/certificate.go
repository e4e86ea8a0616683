// Package certificate is the statement of what a migration did: scope, counts,
// digests, methods, times, and the exposures that are left. It says what was
// found, by which rule and as of when; it draws no legal conclusion.
package certificate

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/residency/residency/inventory"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/cost"
)

// Schema is written into certificate.json.
const Schema = "residency/certificate/2"

// Schema1 is that of releases whose certificates list every file of the evidence.
const Schema1 = "residency/certificate/1"

// Certificate is one migration's statement. What signs it lies beside it; see package attest.
type Certificate struct {
	Schema     string `json:"schema"`
	Tool       string `json:"tool"` // name and version of the program
	Plan       string `json:"plan"`
	PlanDigest string `json:"plan_sha256"`
	Customer   string `json:"customer"`

	// Configuration is the file that was in force.
	Configuration inventory.Configuration `json:"configuration"`
	Departure
	// Catalog is what countries, operators and law were taken from.
	Catalog Catalog `json:"catalog"`

	Started  time.Time `json:"started"`
	Finished time.Time `json:"finished"`

	Destination Region `json:"destination"`
	Moves       []Move `json:"moves"`
	// Countries are those that entries left, and that they came to.
	Countries []Country `json:"countries"`
	Parity    []Parity  `json:"parity"`
	// OwnerChecks tell of both ends whether requests named the buckets' owner.
	OwnerChecks []OwnerCheck `json:"owner_checks"`
	// Callers tell as whom each stage spoke to each end.
	Callers []Caller `json:"callers"`
	// Actors tell who planned, approved and carried it out, and on which machines.
	Actors []Actor `json:"actors"`
	// Endpoints are those that were spoken to.
	Endpoints []Endpoint `json:"endpoints"`
	// Findings are what somebody should know about the way that the bytes went.
	Findings []Finding `json:"findings"`
	// Passes are the later listings of the source whose changes were carried.
	Passes []Pass `json:"passes,omitempty"`
	// Transit says which way the bytes went, and through which machine.
	Transit Transit `json:"transit"`

	Entries  int64            `json:"entries"`
	Bytes    int64            `json:"bytes"`
	Verdicts map[string]int64 `json:"verdicts"`
	Methods  map[string]int64 `json:"methods"`
	Erasures map[string]int64 `json:"erasures"`
	Guards   map[string]int64 `json:"deletion_guards"`
	// Added counts what the destination has put on copies by itself, by its name;
	// NotCompared says what was not held against the sources, and why.
	Added       map[string]int64 `json:"added_by_destination"`
	NotCompared []string         `json:"not_compared"`

	// SourceEmpty tells that a listing after the last deletion showed nothing
	// of the customer: no version, no delete marker, no unfinished upload, and nothing that
	// the service keeps of what was deleted.
	SourceEmpty bool   `json:"source_empty"`
	Left        []Left `json:"left"`
	// Found is how many of the entries a listing of the destination, after all
	// that, showed as they were written.
	Found int64 `json:"found_at_destination"`
	// Others are entries besides, of others, that it showed, and Covered keys of which one of
	// those is current, and not what was copied last. UploadsAborted are unfinished uploads of
	// the sources, of which nothing was copied. All are nil in certificates of earlier builds.
	Others         *int64 `json:"further_entries,omitempty"`
	Covered        *int64 `json:"covered_keys,omitempty"`
	UploadsAborted *int64 `json:"unfinished_uploads_aborted,omitempty"`

	// Fence names the source buckets whose policies deny writes since.
	Fence []string `json:"fence,omitempty"`
	// NotFenced is why writes were not blocked, although that was asked for.
	NotFenced string `json:"not_fenced,omitempty"`

	// UnguardedWrites says what kept copies from overwriting, where writes had no conditions.
	UnguardedWrites string `json:"unguarded_writes,omitempty"`
	// AnyOrder says what the listings rest on of a service that lists in an order of its own.
	AnyOrder string `json:"any_order,omitempty"`

	// Cost is what it was expected to cost and what was sent; nil: nobody has estimated it.
	Cost *Cost `json:"cost,omitempty"`

	Exposures []inventory.Exposure `json:"exposures_left"`
	// Safeguards are against them.
	Safeguards []inventory.Exposure `json:"safeguards,omitempty"`
	Evidence   Evidence             `json:"evidence"`
	// Redacted is of the copy without keys that can be made of the evidence.
	Redacted Evidence `json:"redacted"`

	// Digest is the SHA-256, in hex, of the file as it is without these digits. It shows
	// a change by hand, not one by somebody who computes it again.
	Digest string `json:"digest,omitempty"`
}

// Cost is what a plan was expected to cost, beside what runs that came to an end have sent
// until the certificate was written.
type Cost struct {
	Estimated time.Time    `json:"estimated"` // when
	Currency  string       `json:"currency,omitempty"`
	Low       *cost.Amount `json:"estimated_low"` // of all that had a price; nil: nothing had
	High      *cost.Amount `json:"estimated_high"`
	Unknown   []string     `json:"no_price"`
	// Requests and bytes, by end.
	Requests []cost.Compared `json:"requests"`
	// Uncounted are runs that were killed, or could not write down what they had sent.
	Runs      int64 `json:"runs"`
	Uncounted int64 `json:"runs_not_counted"`
}

// Departure is in what the configuration in force would plan otherwise than the plan that
// was carried out. A certificate of an earlier release says nothing of it.
type Departure struct {
	Otherwise []string `json:"configuration_differs"` // where data goes, and who runs that
	NotInPlan []string `json:"not_in_plan"`           // the customer's locations that the plan leaves out
}

// Region is where an end of a move is.
type Region struct {
	Provider        string `json:"provider"`
	Region          string `json:"region"`
	Country         string `json:"country"`
	Operator        string `json:"operator,omitempty"`
	OperatorCountry string `json:"operator_country,omitempty"`
}

// OwnerCheck says it of one end.
type OwnerCheck struct {
	At string `json:"at"` // provider:region
	objectstore.OwnerCheck
}

// Caller says it of one stage (plan, copy, verify or erase) at one end. A stage that
// was carried out by several has them all, in the order in which they came.
type Caller struct {
	Stage string `json:"stage"`
	At    string `json:"at"` // provider:region
	objectstore.Caller
}

// Move is one location that was moved.
type Move struct {
	Source            Region `json:"source"`
	SourceLocation    string `json:"source_location"`
	DestinationBucket string `json:"destination_location"`
	Way               string `json:"way"`
	Entries           int64  `json:"entries"`
	Versions          int64  `json:"versions"`
	DeleteMarkers     int64  `json:"delete_markers"`
	Bytes             int64  `json:"bytes"`
	Verified          int64  `json:"entries_verified"`
	Erased            int64  `json:"entries_erased"`    // or found gone
	SourceLeft        int64  `json:"entries_at_source"` // in the last listing, with what it cannot name
	Found             int64  `json:"entries_found_at_destination"`
}

// Country counts the entries that left it, and that came to it.
type Country struct {
	Country    string `json:"country"`
	EntriesOut int64  `json:"entries_out"` // erased there, or found gone
	BytesOut   int64  `json:"bytes_out"`
	EntriesIn  int64  `json:"entries_in"` // verified there
	BytesIn    int64  `json:"bytes_in"`
}

// Catalog is the built-in knowledge that was in force; see regions.Catalog.
type Catalog struct {
	SHA256 string `json:"sha256"`
	AsOf   string `json:"as_of"`
}

// Pass is one later listing of the source, taken because others wrote to it.
type Pass struct {
	Number int       `json:"pass"` // from 2; the plan's own listing is the first
	Listed time.Time `json:"listed"`
	New    int64     `json:"new"`    // entries that the listing before did not show
	Gone   int64     `json:"gone"`   // entries that it did not show any more
	Fenced bool      `json:"fenced"` // writes to the source were denied by then
}

// Parity says what became of one part of a bucket's configuration.
type Parity struct {
	Bucket  string `json:"bucket"`
	Setting string `json:"setting"`
	Outcome string `json:"outcome"`
	Detail  string `json:"detail,omitempty"`
	Found   string `json:"found,omitempty"` // at the destination in the end: equal, different, or why it was not read
}

// Transit is the way of the bytes.
type Transit struct {
	Streamed   int64 `json:"entries_streamed"`
	ServerSide int64 `json:"entries_server_side"`
	// Machines are those that streamed.
	Machines []Machine `json:"machines"`
	Note     string    `json:"note"`
}

// Endpoint is one that was spoken to.
type Endpoint struct {
	At      string `json:"at"`            // provider:region
	URL     string `json:"url,omitempty"` // empty: not determined
	Country string `json:"country"`
	Account string `json:"account,omitempty"`
}

// Finding is something that somebody should know, by rule.
type Finding struct {
	Rule string `json:"rule"`
	Text string `json:"text"`
}

// Left is what is still at the source.
type Left struct {
	Location string `json:"location"`
	Entries  int64  `json:"entries"`
	Uploads  int64  `json:"unfinished_uploads"`
	// Unlistable counts both where the server does not tell their keys.
	Unlistable int64 `json:"unlistable,omitempty"`
	// Kept are entries that were deleted and that the service keeps for a time, KeptUntil when
	// the last of them goes; nil where that is not told of all.
	Kept      int64      `json:"deleted_and_kept,omitempty"`
	KeptBytes int64      `json:"deleted_and_kept_bytes,omitempty"`
	KeptUntil *time.Time `json:"kept_until,omitempty"`
	Reason    string     `json:"reason"`
}

// Evidence stands for every file that the certificate rests on: the root of a Merkle tree
// of RFC 9162 over the lines of its index, each the SHA-256 of a file in hex, two spaces and
// its name under the plan's directory.
type Evidence struct {
	Root       string `json:"merkle_root"`
	Files      int64  `json:"files"`
	Bytes      int64  `json:"bytes"`
	IndexFiles int64  `json:"index_files"` // evidence/000001.sha256 and so on

	// Listed are the files that a certificate of Schema1 lists.
	Listed []File `json:"-"`
}

// UnmarshalJSON reads the list of a certificate of Schema1 too.
func (e *Evidence) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '[' {
		return json.Unmarshal(data, &e.Listed)
	}
	type plain Evidence
	return json.Unmarshal(data, (*plain)(e))
}

// File is one file of the evidence with its SHA-256 in hex.
type File struct {
	Name   string `json:"name"`
	SHA256 string `json:"sha256"`
}

// unsigned stands in the digest's place while it is computed.
const unsigned = "-"

// Encode makes the file's bytes, with their digest.
func (c *Certificate) Encode() ([]byte, error) {
	c.Digest = unsigned
	data, err := json.MarshalIndent(c, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode certificate: %w", err)
	}
	data = append(data, '\n')
	sum := sha256.Sum256(data)
	c.Digest = hex.EncodeToString(sum[:])
	return bytes.Replace(data, digestField(unsigned), digestField(c.Digest), 1), nil
}

// Decode reads a certificate, and refuses one that is not what its digest was made of.
// Fields of later versions are passed over.
func Decode(data []byte, c *Certificate) error {
	if err := json.Unmarshal(data, c); err != nil {
		return err
	}
	if c.Digest == "" {
		return fmt.Errorf("%w, or is of a version without digests: it has none", ErrAltered)
	}
	sum := sha256.Sum256(bytes.Replace(data, digestField(c.Digest), digestField(unsigned), 1))
	if got := hex.EncodeToString(sum[:]); got != c.Digest {
		return fmt.Errorf("%w: its digest is %s, and what it says has %s", ErrAltered, c.Digest, got)
	}
	return nil
}

// ErrAltered reports a certificate that was changed after it was written.
var ErrAltered = errors.New("the certificate was changed after it was written")

func digestField(digest string) []byte { return []byte(`"digest": "` + digest + `"`) }
