// Package plan looks at where a customer's data is and where it is to go, refuses
// what must not be done, and writes down all that an approval covers.
//
// A [Plan] is content-addressed: its digest covers the manifest and all that
// was decided, not when, so that planning the same source again gives the same
// digest and an approval means the same thing on another machine.
package plan

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/residency/residency/inventory"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/remedy"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/regions"
)

// Schema is written into plan.json.
const Schema = "residency/plan/1"

// Plan is what would be done, and all that an approval covers.
type Plan struct {
	Schema   string    `json:"schema"`
	ID       string    `json:"id"`
	Digest   string    `json:"digest"` // SHA-256, hex; covers everything but ID, Digest, Created and what was observed
	Created  time.Time `json:"created"`
	Customer string    `json:"customer"`

	// Configuration is the file that was in force when it was made; not in the digest.
	Configuration *inventory.Configuration `json:"configuration,omitempty"`

	Destination Region   `json:"destination"`
	Verify      string   `json:"verify"` // auto or readback
	KMSKey      string   `json:"kms_key,omitempty"`
	Encryption  string   `json:"encryption,omitempty"` // that writes to the destination ask for
	AnyClass    bool     `json:"any_storage_class,omitempty"`
	Restore     *Restore `json:"restore,omitempty"` // of archived versions
	// CustomerKeys tells that keys of SSE-C are at hand, under which ETags say
	// nothing.
	CustomerKeys bool `json:"customer_keys,omitempty"`
	// ExcludeUnlistable tells that what the source does not list as it is stays
	// there.
	ExcludeUnlistable bool `json:"exclude_unlistable,omitempty"`
	// WithoutSettings tells that what could not be read of the source buckets' settings
	// is left behind.
	WithoutSettings bool `json:"without_settings,omitempty"`
	// UnguardedWrites tells that each write looks first what is under its key, and is sent
	// without a condition, for the service compares none.
	UnguardedWrites bool `json:"unguarded_writes,omitempty"`
	// AskRedirects tells that each version that the service copies by itself is asked for
	// a website redirect, which such a copy does not carry.
	AskRedirects bool `json:"ask_redirects,omitempty"`
	// Stream tells that bytes pass through the machine also where a service could copy by itself.
	Stream bool `json:"stream,omitempty"`
	// All tells that what satisfies the policy is moved too, Sources are the only locations
	// that were to be moved; Stays are the customer's places that are not.
	All     bool     `json:"all,omitempty"`
	Sources []string `json:"sources,omitempty"`
	Stays   []Stay   `json:"stays,omitempty"`
	// OfProvider is the one whose places alone were to be moved, where others have a destination, and a plan, of
	// their own; empty: none.
	OfProvider string `json:"of_provider,omitempty"`
	// CustomerTag is the bucket tag that names whose a bucket is.
	CustomerTag string             `json:"customer_tag,omitempty"`
	Moves       []Move             `json:"moves"`
	Segments    []manifest.Segment `json:"segments"`
	// of both ends, observed, not in the digest; the accounts are
	OwnerChecks []certificate.OwnerCheck `json:"owner_checks,omitempty"`
	Callers     []certificate.Caller     `json:"callers,omitempty"` // who planned, observed, not in the digest
	Planner     *certificate.Actor       `json:"planner,omitempty"` // the same, by the machine
	// segments of which the destination held something; observed, not in the digest
	HeldIn   []int    `json:"held_in,omitempty"`
	Uploads  *Uploads `json:"uploads,omitempty"`
	Totals   Totals   `json:"totals"`
	Parity   []Parity `json:"parity"`
	Blockers []Issue  `json:"blockers"`
	// EraseBlockers keep the source from being erased; they do not hinder a copy
	// that keeps it.
	EraseBlockers []Issue `json:"erase_blockers,omitempty"`
	Warnings      []Issue `json:"warnings"`
	// Exposures are the laws that reach the data at the destination.
	Exposures []inventory.Exposure `json:"exposures"`
	// Safeguards are against them.
	Safeguards []inventory.Exposure `json:"safeguards,omitempty"`
}

// Region is one end of a move.
type Region struct {
	Provider        string `json:"provider"`
	Code            string `json:"region"`
	Country         string `json:"country"`
	Operator        string `json:"operator,omitempty"`
	OperatorCountry string `json:"operator_country,omitempty"`
	// Endpoint is the URL that answered, Account whose the buckets are there;
	// empty where that is not known.
	Endpoint string `json:"endpoint,omitempty"`
	Account  string `json:"account,omitempty"`
}

func (r Region) String() string { return r.Provider + ":" + r.Code }

// Partition is that of a region in ARNs (AWS General Reference, "Amazon
// Resource Names"). Other services use Amazon's own.
func (r Region) Partition() string {
	at, _ := objectstore.AmazonS3(r.Endpoint)
	return cmp.Or(at.Partition, "aws")
}

// Admissible tells why nothing may be moved there, whoever asks.
func (r Region) Admissible() error {
	if err := regions.Admissible(r.Country); err != nil {
		return fmt.Errorf("destination %s: %w", r, err)
	}
	return nil
}

// Move is one location's way to its destination.
type Move struct {
	Source      Region                 `json:"source"`
	Bucket      string                 `json:"bucket"`
	Why         string                 `json:"why,omitempty"` // it is moved
	Prefix      string                 `json:"prefix"`
	Versioning  objectstore.Versioning `json:"versioning"`
	Destination string                 `json:"destination_bucket"` // in the plan's destination; keys stay as they are
	Tags        []objectstore.Tag      `json:"bucket_tags,omitempty"`
	Way         string                 `json:"way"`
	Lock        bool                   `json:"object_lock,omitempty"` // the source bucket has object lock
	ACLs        bool                   `json:"acls,omitempty"`        // access control lists are in force there
	// Unannotated is of how many versions it was not asked whether they have S3
	// annotations, which they would lose: those that are not copied whole by the service.
	Unannotated int64 `json:"annotations_not_asked,omitempty"`
	// UploadsUnlisted tells that the source's service does not list unfinished uploads.
	UploadsUnlisted bool `json:"uploads_not_listed,omitempty"`
	// AnyOrder tells that the source's service lists in an order of its own.
	AnyOrder   bool `json:"any_order,omitempty"`
	TagsUntold bool `json:"tags_untold,omitempty"` // the source was seen not to tell which versions have tags
	// Redirects tells that versions are asked for website redirects, which no service copies.
	Redirects bool `json:"redirects,omitempty"`
	// NoRedirects tells that the source's service has none.
	NoRedirects bool `json:"no_redirects,omitempty"`
	// Through are the versions of a Mixed move that its listing shows to be none that the service
	// copies by itself.
	Through Through `json:"through_machine,omitzero"`
	Totals  Totals  `json:"totals"`
	// entries and unfinished uploads that stay, for their keys are not known
	Unlistable int64 `json:"unlistable,omitempty"`
	// LoneMarkers is how many histories are of delete markers alone.
	LoneMarkers int64 `json:"lone_delete_markers,omitempty"`
	// Exists tells that others made the destination bucket; it is then left as it
	// is found, and Found is what it does by itself to all that is written there.
	Exists bool  `json:"destination_exists"`
	Found  *Adds `json:"destination_adds,omitempty"`
	// SecondCopies are other regions in which the source's service keeps a copy of everything, which
	// no listing shows.
	SecondCopies []string `json:"source_second_copies,omitempty"`
	// Also are other regions in which the destination's service keeps what is written there.
	Also []string `json:"destination_also_in,omitempty"`
	// Held was observed while planning; the digest leaves it out, for a run
	// changes it.
	Held int64 `json:"already_at_destination"` // entries

	// Leases is how many versions of leases of earlier migrations lie at the source.
	// They have ended, and are removed instead of being moved.
	Leases int64 `json:"ended_leases,omitempty"`

	replicas int64 // of Held: entries that have the version ID of the source's
	marks    int64 // of Totals.Uploads: marks of other migrations
}

// From is the source location.
func (m Move) From() objectstore.Location {
	return objectstore.Location{Provider: m.Source.Provider, Bucket: m.Bucket, Prefix: m.Prefix}
}

// SharesSource tells whether two plans move keys of the same place.
func (p *Plan) SharesSource(o *Plan) bool {
	for _, a := range p.Moves {
		for _, b := range o.Moves {
			if a.From().Overlaps(b.From()) {
				return true
			}
		}
	}
	return false
}

// SharesDestination tells whether some key that both plans write could be the same.
func (p *Plan) SharesDestination(o *Plan) bool {
	for _, a := range p.Moves {
		for _, b := range o.Moves {
			if p.To(a).Overlaps(o.To(b)) {
				return true
			}
		}
	}
	return false
}

// To is the destination location.
func (p *Plan) To(m Move) objectstore.Location {
	return objectstore.Location{Provider: p.Destination.Provider, Bucket: m.Destination, Prefix: m.Prefix}
}

// BucketAt is a move's destination bucket, whole.
func (p *Plan) BucketAt(m Move) objectstore.Location {
	return p.To(Move{Destination: m.Destination})
}

// DestinationBuckets are the plan's, each once.
func (p *Plan) DestinationBuckets() []string {
	var all []string
	for _, m := range p.Moves {
		all = append(all, m.Destination)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Ends lists the regions of the plan, each once, its destination last.
func (p *Plan) Ends() []Region {
	var ends []Region
	for _, m := range p.Moves {
		if !slices.Contains(ends, m.Source) {
			ends = append(ends, m.Source)
		}
	}
	return append(ends, p.Destination)
}

// Totals counts entries.
type Totals struct {
	Entries   int64 `json:"entries"` // versions and delete markers
	Versions  int64 `json:"versions"`
	Markers   int64 `json:"delete_markers"`
	Multipart int64 `json:"multipart_objects"` // versions uploaded in parts
	Uploads   int64 `json:"unfinished_uploads"`
	Archived  int64 `json:"archived,omitempty"` // versions that need a restore to be read
	Bytes     int64 `json:"bytes"`
}

// Add adds what was counted apart.
func (t *Totals) Add(o Totals) {
	t.Entries += o.Entries
	t.Versions += o.Versions
	t.Markers += o.Markers
	t.Multipart += o.Multipart
	t.Uploads += o.Uploads
	t.Archived += o.Archived
	t.Bytes += o.Bytes
}

// Uploads describes the file of unfinished uploads that erasing will abort.
type Uploads struct {
	Entries int    `json:"entries"`
	Digest  string `json:"sha256"`
}

// Upload is one line of that file.
type Upload struct {
	Move      int          `json:"move"`
	Key       manifest.Key `json:"key"`
	UploadID  string       `json:"upload_id"`
	Initiated time.Time    `json:"initiated"`
}

const (
	uploadsSchema = "residency/uploads/1"
	// UploadsFile is where the list lies, under the directory of a plan or pass.
	UploadsFile = "uploads.ndjson.zst"
)

// Parity says what becomes of one part of a bucket's configuration.
type Parity struct {
	Bucket  string `json:"bucket"`
	Setting string `json:"setting"`
	Outcome string `json:"outcome"` // carried, rewritten, not carried, not movable, not offered, not read
	Detail  string `json:"detail,omitempty"`
	// Value is what the destination bucket is to be given.
	Value json.RawMessage `json:"value,omitempty"`
}

// VersioningRow is the setting of a bucket that its plan's Parity has as text alone.
const VersioningRow = "versioning"

// Carried tells whether the destination is given the same.
func (x Parity) Carried() bool { return x.Outcome == carried }

// Issue is a blocker or a warning.
type Issue struct {
	Rule     string `json:"rule"`
	Location string `json:"location,omitempty"`
	// Region is that of the location, where two regions of its provider have a bucket of that
	// name; else empty.
	Region string `json:"region,omitempty"`
	Count  int64  `json:"count,omitempty"` // entries concerned
	Text   string `json:"text"`
	Remedy string `json:"remedy,omitempty"`
	// Keys are examples; they are shown only where keys may be.
	Keys []manifest.Key `json:"keys,omitempty"`
}

// Seal computes the digest and the ID that derives from it.
func (p *Plan) Seal() error {
	digest, err := p.digest()
	if err != nil {
		return err
	}
	p.Digest = digest
	p.ID = p.Customer + "-" + p.Destination.Code + "-" + digest[:12]
	return nil
}

func (p *Plan) digest() (string, error) {
	covered := *p
	covered.ID, covered.Digest, covered.Created, covered.HeldIn, covered.OwnerChecks = "", "", time.Time{}, nil, nil
	covered.Callers, covered.Planner, covered.Configuration = nil, nil, nil
	covered.Moves = make([]Move, len(p.Moves))
	for i, m := range p.Moves {
		m.Held = 0
		covered.Moves[i] = m
	}
	data, err := json.Marshal(covered)
	if err != nil {
		return "", fmt.Errorf("encode plan: %w", err)
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}

// MinApproval is how many hex digits of a digest approve a plan.
const MinApproval = 12

// Approves tells whether an approval names this plan: its digest, or at least
// 12 hex digits from its beginning.
func (p *Plan) Approves(approval string) bool {
	return len(approval) >= MinApproval && strings.HasPrefix(p.Digest, strings.ToLower(approval))
}

// What callers decide on.
var (
	ErrNothing   = errors.New("nothing to move")
	ErrNoPlan    = errors.New("no such plan")
	ErrAmbiguous = remedy.New("more than one plan", "give the whole digest; residency status --plan ID shows it")
)
