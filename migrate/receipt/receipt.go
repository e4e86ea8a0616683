// Package receipt is the evidence of what happened to each entry: at the
// destination (a [Receipt]) and at the source (an [Erasure]).
package receipt

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/state"
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
	Marker         Method = "marker"          // a delete marker stands at its place in the history
)

// NotYet is the reason of receipts that stand for what is still to be done.
const NotYet = "not copied yet"

// Receipt says what became of one entry at the destination.
type Receipt struct {
	Key       manifest.Key `json:"key"`
	VersionID string       `json:"version_id"` // at the source
	Marker    bool         `json:"delete_marker,omitempty"`
	Size      int64        `json:"size"` // bytes

	Verdict Verdict `json:"verdict"`
	Method  Method  `json:"method,omitempty"`
	Reason  string  `json:"reason,omitempty"` // why not verified; never holds a key

	DestinationVersionID string                `json:"destination_version_id,omitempty"`
	DestinationETag      string                `json:"destination_etag,omitempty"`
	SHA256               string                `json:"sha256,omitempty"`   // of the source's bytes, hex, where they passed through
	Checksum             *objectstore.Checksum `json:"checksum,omitempty"` // kept by the destination
	Held                 bool                  `json:"held,omitempty"`     // was found there and proven, not copied
	Before               bool                  `json:"before,omitempty"`   // was there when the plan was made: not ours to remove
	At                   time.Time             `json:"at"`
}

// Shows tells whether a listing of the destination still shows what was written.
func (r Receipt) Shows(v objectstore.Version) bool {
	return string(r.Key) == v.Key && r.DestinationVersionID == v.VersionID && r.Marker == v.Marker &&
		(r.Marker || r.Size == v.Size && r.DestinationETag == v.ETag)
}

// Written is the copy as an entry of its own, for its removal.
func (r Receipt) Written() manifest.Entry {
	return manifest.Entry{Key: r.Key, VersionID: r.DestinationVersionID, ETag: r.DestinationETag, Size: r.Size, Marker: r.Marker}
}

// check refuses what no run writes.
func (r Receipt) check() error {
	if !slices.Contains(Verdicts(), r.Verdict) {
		return fmt.Errorf("verdict %q", r.Verdict)
	}
	if r.Verdict == Verified && (r.DestinationVersionID == "" || r.Marker != (r.Method == Marker) || !slices.Contains(methods(), r.Method)) {
		return errors.New("verified, and it does not say how, or what")
	}
	return nil
}

func methods() []Method { return []Method{ReadbackSHA256, SHA256, Checksum, ETagMD5, Marker} }

func outcomes() []Outcome { return []Outcome{Erased, Gone, Retained, Changed, Unerased} }

// header refuses a file that is of another segment, or of another manifest: a
// segment's number means nothing by itself.
func header(s manifest.Segment, name, schema string, data []byte) (state.Header, error) {
	h, err := state.DecodeHeader(name, schema, data)
	if err == nil && (h.Segment != s.Number || h.Move != s.Move || h.Of != s.Digest) {
		err = fmt.Errorf("%w: %s is of another plan or segment", state.ErrDamaged, name)
	}
	return h, err
}

// Ours tells whether this plan is known to have written the copy, so that it may
// take it away again. What was found there may be ours, of a run that died, or
// somebody's.
func (r Receipt) Ours() bool { return r.DestinationVersionID != "" && !r.Held && !r.Before }

// Counts says how many receipts there are of each verdict, under its name.
func Counts(receipts []Receipt) map[string]int {
	counts := make(map[string]int)
	for i := range receipts {
		counts[string(receipts[i].Verdict)]++
	}
	return counts
}

// Encode makes the receipts file of a segment.
func Encode(s manifest.Segment, receipts []Receipt) ([]byte, error) {
	return state.Encode(state.Header{Schema: Schema, Segment: s.Number, Move: s.Move, Of: s.Digest, Entries: len(receipts), Counts: Counts(receipts)}, receipts)
}

// Decode reads a segment's receipts and holds them against its entries: one
// receipt per entry, in order. All errors wrap state.ErrDamaged.
func Decode(s manifest.Segment, entries []manifest.Entry, data []byte) ([]Receipt, error) {
	name := s.File("receipts")
	h, err := header(s, name, Schema, data)
	if err != nil {
		return nil, err
	}
	receipts := make([]Receipt, 0, len(entries))
	for r, err := range state.Decode[Receipt](name, Schema, data) {
		if err != nil {
			return nil, err
		}
		i := len(receipts)
		if i >= len(entries) || entries[i].Key != r.Key || entries[i].VersionID != r.VersionID || entries[i].Marker != r.Marker || entries[i].Size != r.Size {
			return nil, fmt.Errorf("%w: %s, line %d is not about the manifest's entry", state.ErrDamaged, name, i+2)
		}
		if err := r.check(); err != nil {
			return nil, fmt.Errorf("%w: %s, line %d: %w", state.ErrDamaged, name, i+2, err)
		}
		receipts = append(receipts, r)
	}
	if len(receipts) != len(entries) {
		return nil, fmt.Errorf("%w: %s has %d receipts for %d entries", state.ErrDamaged, name, len(receipts), len(entries))
	}
	if !maps.Equal(h.Counts, Counts(receipts)) {
		return nil, fmt.Errorf("%w: the counts in the header of %s are not those of its lines", state.ErrDamaged, name)
	}
	return receipts, nil
}

// Outcome is what became of one entry at the source.
type Outcome string

// Only Erased and Gone leave nothing behind.
const (
	Erased   Outcome = "erased"
	Gone     Outcome = "gone"     // was no longer there
	Retained Outcome = "retained" // under retention or legal hold
	Changed  Outcome = "changed"  // something else is there now; left alone
	Unerased Outcome = "failed"
)

// Erasure says what became of one entry at the source.
type Erasure struct {
	Key       manifest.Key `json:"key"`
	VersionID string       `json:"version_id"`
	Outcome   Outcome      `json:"outcome"`
	Guard     string       `json:"guard"` // what kept the deletion to exactly this version
	Reason    string       `json:"reason,omitempty"`
	Until     *time.Time   `json:"retained_until,omitempty"`
	At        time.Time    `json:"at"`
}

// Done tells whether nothing is left of the entry.
func (x Erasure) Done() bool { return x.Outcome == Erased || x.Outcome == Gone }

// EncodeErasures makes the erasures file of a segment.
func EncodeErasures(s manifest.Segment, erasures []Erasure) ([]byte, error) {
	counts := make(map[string]int)
	for i := range erasures {
		counts[string(erasures[i].Outcome)]++
	}
	return state.Encode(state.Header{Schema: ErasureSchema, Segment: s.Number, Move: s.Move, Of: s.Digest, Entries: len(erasures), Counts: counts}, erasures)
}

// DecodeErasures reads a segment's erasures and holds them against its entries:
// one erasure per entry, in order. All errors wrap state.ErrDamaged.
func DecodeErasures(s manifest.Segment, entries []manifest.Entry, data []byte) ([]Erasure, error) {
	name := s.File("erasures")
	if _, err := header(s, name, ErasureSchema, data); err != nil {
		return nil, err
	}
	erasures := make([]Erasure, 0, len(entries))
	for x, err := range state.Decode[Erasure](name, ErasureSchema, data) {
		if err != nil {
			return nil, err
		}
		i := len(erasures)
		if i >= len(entries) || entries[i].Key != x.Key || entries[i].VersionID != x.VersionID || !slices.Contains(outcomes(), x.Outcome) {
			return nil, fmt.Errorf("%w: %s, line %d is not about the manifest's entry", state.ErrDamaged, name, i+2)
		}
		erasures = append(erasures, x)
	}
	if len(erasures) != len(entries) {
		return nil, fmt.Errorf("%w: %s has %d erasures for %d entries", state.ErrDamaged, name, len(erasures), len(entries))
	}
	return erasures, nil
}
