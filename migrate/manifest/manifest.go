// Package manifest is the list of what a plan moves: entries in byte order of
// their keys, each key's history from oldest to newest, cut into segments.
package manifest

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"time"
	"unicode/utf8"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/state"
)

// Schema is written into the first line of every segment.
const Schema = "residency/manifest/1"

// Key is an object's key: any bytes. In JSON it is a string, or
// {"base64": "…"} where it is not valid UTF-8.
type Key string

// MarshalJSON implements json.Marshaler.
func (k Key) MarshalJSON() ([]byte, error) {
	if utf8.ValidString(string(k)) {
		return json.Marshal(string(k))
	}
	return json.Marshal(map[string][]byte{"base64": []byte(k)})
}

// UnmarshalJSON implements json.Unmarshaler.
func (k *Key) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, (*string)(k))
	}
	var v struct {
		Base64 []byte `json:"base64"`
	}
	if err := json.Unmarshal(data, &v); err != nil {
		return fmt.Errorf("key: %w", err)
	}
	if len(v.Base64) == 0 {
		return errors.New(`key: want a string or {"base64": "…"}`)
	}
	*k = Key(v.Base64)
	return nil
}

// Entry is one version of an object, or one delete marker, to be moved.
type Entry struct {
	Key          Key       `json:"key"`
	VersionID    string    `json:"version_id"`
	Marker       bool      `json:"delete_marker,omitempty"`
	Size         int64     `json:"size"` // bytes
	ETag         string    `json:"etag,omitempty"`
	Modified     time.Time `json:"modified"`
	StorageClass string    `json:"storage_class,omitempty"`
}

// FromVersion makes an entry of what a listing shows.
func FromVersion(v objectstore.Version) Entry {
	return Entry{
		Key: Key(v.Key), VersionID: v.VersionID, Marker: v.Marker, Size: v.Size,
		ETag: v.ETag, Modified: v.Modified.UTC(), StorageClass: v.StorageClass,
	}
}

// Is tells whether a listing shows this very entry: the same version, with
// the same content. A null version can be replaced in place, so its date counts
// too; that of others does not, for some servers change it when a newer version
// comes.
func (e Entry) Is(v objectstore.Version) bool { return e.Same(FromVersion(v)) }

// Same tells whether two listings showed this very entry.
func (e Entry) Same(o Entry) bool {
	return e.Key == o.Key && e.VersionID == o.VersionID && e.Marker == o.Marker &&
		e.Size == o.Size && e.ETag == o.ETag && (e.VersionID != objectstore.NullVersion || e.Modified.Equal(o.Modified))
}

// Ref names the entry at its source, pinned to its ETag. Where the bucket has
// no versions the ID is left out: not every server takes "null" there.
func (e Entry) Ref(bucket string, v objectstore.Versioning) objectstore.Ref {
	ref := objectstore.Ref{Bucket: bucket, Key: string(e.Key), VersionID: e.VersionID, ETag: e.ETag}
	if v == objectstore.Unversioned && ref.VersionID == objectstore.NullVersion {
		ref.VersionID = ""
	}
	return ref
}

// Segment describes one segment file, as the plan lists it.
type Segment struct {
	Number   int    `json:"segment"` // from 1
	Move     int    `json:"move"`    // index into the plan's moves
	Entries  int    `json:"entries"`
	Bytes    int64  `json:"bytes"`
	FirstKey Key    `json:"first_key"`
	LastKey  Key    `json:"last_key"`
	Digest   string `json:"sha256"` // of the file
}

// File is the segment's name under a plan's directory, in one of "manifest",
// "receipts" and "erasures".
func (s Segment) File(kind string) string { return fmt.Sprintf("%s/%06d.ndjson.zst", kind, s.Number) }

// Decode reads a segment's entries and holds them against its description:
// digest, number, byte order of keys. All errors wrap state.ErrDamaged.
func (s Segment) Decode(data []byte) ([]Entry, error) {
	name := s.File("manifest")
	if d := state.Digest(data); d != s.Digest {
		return nil, fmt.Errorf("%w: %s has SHA-256 %s, the plan says %s", state.ErrDamaged, name, d, s.Digest)
	}
	if h, err := state.DecodeHeader(name, Schema, data); err != nil {
		return nil, err
	} else if h.Segment != s.Number || h.Move != s.Move {
		return nil, fmt.Errorf("%w: %s says that it is segment %d of move %d", state.ErrDamaged, name, h.Segment, h.Move)
	}
	entries := make([]Entry, 0, max(0, min(s.Entries, 2*maxEntries)))
	for e, err := range state.Decode[Entry](name, Schema, data) {
		if err != nil {
			return nil, err
		}
		if n := len(entries); n > 0 && entries[n-1].Key > e.Key {
			return nil, fmt.Errorf("%w: %s: keys are not in byte order", state.ErrDamaged, name)
		}
		if e.Key == "" || e.Size < 0 || e.VersionID == "" {
			return nil, fmt.Errorf("%w: %s, line %d: no key, no version ID or a negative size", state.ErrDamaged, name, len(entries)+2)
		}
		if n := len(entries); n > 0 && entries[n-1].Key == e.Key && entries[n-1].VersionID == e.VersionID {
			return nil, fmt.Errorf("%w: %s has an entry twice", state.ErrDamaged, name)
		}
		entries = append(entries, e)
	}
	if len(entries) > 0 && (entries[0].Key != s.FirstKey || entries[len(entries)-1].Key != s.LastKey) {
		return nil, fmt.Errorf("%w: %s does not begin and end with the keys that the plan says", state.ErrDamaged, name)
	}
	if len(entries) != s.Entries {
		return nil, fmt.Errorf("%w: %s has %d entries, the plan says %d", state.ErrDamaged, name, len(entries), s.Entries)
	}
	return entries, nil
}

// Histories cuts entries into runs of one key.
func Histories(entries []Entry) iter.Seq[[]Entry] {
	return func(yield func([]Entry) bool) {
		for start := 0; start < len(entries); {
			end := start + 1
			for end < len(entries) && entries[end].Key == entries[start].Key {
				end++
			}
			if !yield(entries[start:end]) {
				return
			}
			start = end
		}
	}
}
