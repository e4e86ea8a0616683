// Package receipt is the evidence of what happened to each entry: at the
// destination (a [Receipt]) and at the source (an [Erasure]).
package receipt

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
)

// Schemas of the two files.
const (
	Schema        = "residency/receipts/1"
	ErasureSchema = "residency/erasures/1"
)

// Verdict is what is known of the copy of one entry.
type Verdict string

// Only Verified lets an entry be erased.
const (
	Verified     Verdict = "verified"
	Unverifiable Verdict = "unverifiable"
	Mismatch     Verdict = "mismatch"
	Failed       Verdict = "failed"
)

// Verdicts in the order in which they are shown.
func Verdicts() []Verdict { return []Verdict{Verified, Unverifiable, Mismatch, Failed} }

// Method is how an entry was verified.
type Method string

// Strongest first.
const (
	ReadbackSHA256 Method = "readback-sha256" // both ends read again, SHA-256 equal
	SHA256         Method = "sha256"          // our hash of the source's bytes is the one the destination computed
	Checksum       Method = "checksum"        // a full-object checksum computed by both services is equal
	ETagMD5        Method = "etag-md5"        // MD5-based ETags are equal
	// SentChecksum: our checksum of the source's bytes, which is no SHA-256, is the one that the
	// destination computed
	SentChecksum Method = "sent-checksum"
	Marker       Method = "marker" // a delete marker stands at its place in the history
	// Recorded: the destination's service has no place for this delete marker, and the records alone keep it
	Recorded Method = "recorded"
)

// Placed is how many of so many verified entries the destination has a place for, by how many were
// verified by each method.
func Placed(entries int64, methods map[string]int64) int64 {
	return entries - methods[string(Recorded)]
}

// NotYet is the reason of receipts that stand for what is still to be done.
const NotYet = "not copied yet"

// Pending stands for what is still to be done with an entry.
func Pending(e *manifest.Entry) Receipt {
	return Receipt{Key: e.Key, VersionID: e.VersionID, Marker: e.Marker, Size: e.Size, Verdict: Failed, Reason: NotYet,
		At: e.Modified}
}

// Receipt says what became of one entry at the destination.
type Receipt struct {
	Key       manifest.Key `json:"key"`
	VersionID string       `json:"version_id"` // at the source
	Marker    bool         `json:"delete_marker,omitempty"`
	Size      int64        `json:"size"` // bytes

	Verdict Verdict `json:"verdict"`
	Method  Method  `json:"method,omitempty"`
	Reason  string  `json:"reason,omitempty"` // why not verified; never holds a key
	// Lasting tells that a further run meets the same, unless somebody changes
	// what the reason says.
	Lasting bool   `json:"lasting,omitempty"`
	Cause   *Cause `json:"cause,omitempty"` // of a failure; receipts of earlier releases have none

	DestinationVersionID string `json:"destination_version_id,omitempty"`
	DestinationETag      string `json:"destination_etag,omitempty"`
	Null                 *Null  `json:"null_version,omitempty"` // of one; receipts of earlier releases have none
	// TagsSHA256 is of the copy's tags: Fingerprint of package verifier. Empty: none, or not known.
	TagsSHA256 string `json:"tags_sha256,omitempty"`
	// of the source's bytes, hex, where they passed through
	SHA256   string                `json:"sha256,omitempty"`
	Checksum *objectstore.Checksum `json:"checksum,omitempty"` // kept by the destination
	Held     bool                  `json:"held,omitempty"`     // was found there and proven, not copied
	// Within tells that its bytes went within the service, where some of a plan's pass through a machine
	// that runs this program, and that they were not read there to prove it.
	Within bool `json:"within_service,omitempty"`
	// was there when the plan was made: not ours to remove
	Before bool `json:"before,omitempty"`
	// Added names what the destination has put on the copy by itself.
	Added []string  `json:"added,omitempty"`
	At    time.Time `json:"at"`
}

// Null tells a null version at the destination, which its ID does not tell, from another of the
// same bytes.
type Null struct {
	// Modified is its date, as a listing or a look showed it; zero: not looked at yet.
	Modified time.Time `json:"modified,omitzero"`
	// Answered is the endpoint's clock when it had written it, in whole seconds; zero: not told.
	Answered time.Time `json:"answered,omitzero"`
	// AttributesSHA256 is of what it carries, but for tags, locks and grants: Fingerprint of
	// package verifier. Empty: not known.
	AttributesSHA256 string `json:"attributes_sha256,omitempty"`
}

// Shows tells whether a listing of the destination still shows what was written.
func (r Receipt) Shows(v objectstore.Version) bool {
	return string(r.Key) == v.Key && r.DestinationVersionID == v.VersionID && r.Marker == v.Marker &&
		(r.Marker || r.Size == v.Size && r.DestinationETag == v.ETag)
}

// dateSlack is how much later than the endpoint's clock at its answer the date of what it
// had written can be, where the clock is of whole seconds and read now and then.
const dateSlack = 2 * time.Second

// Redated tells whether a listing shows a null version, which Shows, with another date than
// what was written has: it was written anew, moved or restored, and may carry something else.
// dated is false where its date is not known, by which nothing can be told.
func (r Receipt) Redated(v objectstore.Version) (redated, dated bool) {
	if r.Marker || r.DestinationVersionID != objectstore.NullVersion {
		return false, true
	}
	if r.Null == nil {
		return false, false
	}
	switch was, is := r.Null.Modified, v.Modified; {
	case was.IsZero() && r.Null.Answered.IsZero() || is.IsZero():
		return false, false
	case was.IsZero():
		return is.After(r.Null.Answered.Add(dateSlack)), true
	case was.Nanosecond() == 0 || is.Nanosecond() == 0: // one of two answers has whole seconds
		return !was.Truncate(time.Second).Equal(is.Truncate(time.Second)), true
	default:
		return !was.Equal(is), true
	}
}

// Written is the copy as an entry of its own, for its removal.
func (r Receipt) Written() manifest.Entry {
	return manifest.Entry{Key: r.Key, VersionID: r.DestinationVersionID, ETag: r.DestinationETag, Size: r.Size,
		Marker: r.Marker}
}

// check refuses what no run writes.
func (r Receipt) check() error {
	if !slices.Contains(Verdicts(), r.Verdict) {
		return fmt.Errorf("verdict %q", r.Verdict)
	}
	if r.Verdict == Verified && ((r.DestinationVersionID == "") != (r.Method == Recorded) ||
		r.Marker != (r.Method == Marker || r.Method == Recorded) || !slices.Contains(methods(), r.Method)) {
		return errors.New("verified, and it does not say how, or what")
	}
	if r.Within && (r.SHA256 != "" || r.Marker) {
		return errors.New("its bytes went within the service, and were summed here, or there are none")
	}
	return nil
}

// Of refuses a receipt that is not about an entry, or that no run writes.
func (r *Receipt) Of(e *manifest.Entry) error {
	if !r.about(e) {
		return errors.New("it is not about the manifest's entry")
	}
	return r.check()
}

// Of refuses an erasure that is not about an entry, or that no run writes.
func (x *Erasure) Of(e *manifest.Entry) error {
	if !x.about(e) {
		return errors.New("it is not about the manifest's entry")
	}
	return x.check()
}

func methods() []Method {
	return []Method{ReadbackSHA256, SHA256, Checksum, SentChecksum, ETagMD5, Marker, Recorded}
}

func outcomes() []Outcome { return []Outcome{Erased, Gone, Retained, Changed, Unerased, Begun} }

// Ours tells whether this plan is known to have written the copy, so that it may
// take it away again. What was found there may be ours, of a run that died, or
// somebody's.
func (r Receipt) Ours() bool { return r.DestinationVersionID != "" && !r.Held && !r.Before }

// Outcome is what became of one entry at the source.
type Outcome string

// Only Erased and Gone leave nothing behind.
const (
	Erased   Outcome = "erased"
	Gone     Outcome = "gone"     // was no longer there
	Retained Outcome = "retained" // under retention or legal hold
	Changed  Outcome = "changed"  // something else is there now; left alone
	Unerased Outcome = "failed"
	Begun    Outcome = "begun" // asked for by a run that died; what became of it is not known
)

// NotErasedYet is the reason of erasures that stand for what is still to be done.
const NotErasedYet = "not erased yet"

// Erasure says what became of one entry at the source.
type Erasure struct {
	Key       manifest.Key `json:"key"`
	VersionID string       `json:"version_id"`
	Outcome   Outcome      `json:"outcome"`
	Guard     string       `json:"guard"` // what kept the deletion to exactly this version
	Reason    string       `json:"reason,omitempty"`
	Lasting   bool         `json:"lasting,omitempty"` // a further run meets the same; see Receipt
	Cause     *Cause       `json:"cause,omitempty"`   // of a failure; see Receipt
	Until     *time.Time   `json:"retained_until,omitempty"`
	At        time.Time    `json:"at"`
}

// Asked tells whether the entry was asked to be erased, so that it may be gone
// by our doing.
func (x Erasure) Asked() bool {
	return x.Outcome != "" && (x.Outcome != Unerased || x.Reason != NotErasedYet)
}

// Done tells whether nothing is left of the entry.
func (x Erasure) Done() bool { return x.Outcome == Erased || x.Outcome == Gone }
