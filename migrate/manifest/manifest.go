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
	// Content is what the listing said of the bytes; nil: what the ETag says, as S3 makes
	// them.
	Content *objectstore.Content `json:"content,omitempty"`
}

// Sum is what the source's listing says of the entry's content; see objectstore.Version.
func (e Entry) Sum() objectstore.Checksum {
	return objectstore.Version{ETag: e.ETag, Content: e.Content}.Sum()
}

// Parts is how many parts the entry was sent in, 0 for one piece or where that is not told.
func (e Entry) Parts() int { return objectstore.Version{ETag: e.ETag, Content: e.Content}.Parts() }

// Version is the entry as its listing showed it, but for what nobody asks of a version that is copied.
func (e Entry) Version() objectstore.Version {
	return objectstore.Version{Key: string(e.Key), VersionID: e.VersionID, Marker: e.Marker, Size: e.Size, ETag: e.ETag,
		Modified: e.Modified, StorageClass: e.StorageClass, Content: e.Content}
}

// FromVersion makes an entry of what a listing shows.
func FromVersion(v objectstore.Version) Entry {
	return Entry{
		Key: Key(v.Key), VersionID: v.VersionID, Marker: v.Marker, Size: v.Size,
		ETag: v.ETag, Modified: v.Modified.UTC(), StorageClass: v.StorageClass, Content: v.Content,
	}
}

// Is tells whether a listing shows this entry: the same version, with the same
// content. Its date does not count, for some servers change it when a newer
// version comes or goes; see Redated.
func (e Entry) Is(v objectstore.Version) bool { return e.Same(FromVersion(v)) }

// Same tells whether two listings showed one entry.
func (e Entry) Same(o Entry) bool {
	return e.Key == o.Key && e.VersionID == o.VersionID && e.Marker == o.Marker && e.Size == o.Size && e.ETag == o.ETag
}

// Redated tells whether a listing shows an entry that Is this one with another
// date, and it is a null version: it may have been moved, or replaced in place by
// one of the same bytes, whose attributes may be others.
func (e Entry) Redated(v objectstore.Version) bool { return e.RedatedTo(v.Modified) }

// RedatedTo is as Redated, of the date alone.
func (e Entry) RedatedTo(modified time.Time) bool {
	return e.VersionID == objectstore.NullVersion && !e.Marker && !e.Modified.Equal(modified)
}

// Ref names the entry at its source, pinned to its ETag. Where the bucket has
// no versions the ID is left out: not every server takes "null" there.
func (e Entry) Ref(bucket string, v objectstore.Versioning) objectstore.Ref {
	return Ref(bucket, e.Key, e.VersionID, e.ETag, v)
}

// Ref is as Entry.Ref, of any version.
func Ref(bucket string, key Key, id, etag string, v objectstore.Versioning) objectstore.Ref {
	if v == objectstore.Unversioned && id == objectstore.NullVersion {
		id = ""
	}
	return objectstore.Ref{Bucket: bucket, Key: string(key), VersionID: id, ETag: etag}
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
func (s Segment) Decode(c *state.Codec, data []byte) ([]Entry, error) {
	r, err := s.Open(c, data)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	entries := make([]Entry, 0, max(0, min(s.Entries, 2*maxEntries)))
	for r.Next() {
		entries = append(entries, r.Entry)
	}
	return entries, r.Err()
}

// Reader reads a segment entry by entry, as Decode does. What it reads is
// covered by the digest before the first entry is seen. It must be closed.
type Reader struct {
	Entry Entry // the one at hand

	s     Segment
	name  string
	lines *state.Lines[Entry]
	n     int
	err   error
}

// Open begins to read a segment.
func (s Segment) Open(c *state.Codec, data []byte) (*Reader, error) {
	name := s.File("manifest")
	if d := state.Digest(data); d != s.Digest {
		return nil, fmt.Errorf("%w: %s has SHA-256 %s, the plan says %s", state.ErrDamaged, name, d, s.Digest)
	}
	lines, err := state.Open[Entry](c, name, Schema, data)
	if err != nil {
		return nil, err
	}
	if h := lines.Header; h.Segment != s.Number || h.Move != s.Move {
		lines.Close()
		return nil, fmt.Errorf("%w: %s says that it is segment %d of move %d", state.ErrDamaged, name, h.Segment, h.Move)
	}
	return &Reader{s: s, name: name, lines: lines}, nil
}

// Close ends the reading.
func (r *Reader) Close() { r.lines.Close() }

// Err is why Next has ended before all entries were read.
func (r *Reader) Err() error { return r.err }

// Next reads the next entry and reports whether there was one.
func (r *Reader) Next() bool {
	if r.err != nil {
		return false
	}
	before := r.Entry
	more, err := r.lines.Next(&r.Entry)
	if err == nil && more {
		err = r.check(before)
	} else if err == nil {
		err = r.end(before)
	}
	if err != nil || !more {
		r.err, r.Entry = err, before
		return false
	}
	r.n++
	return true
}

// check holds the entry at hand against the one before it.
func (r *Reader) check(before Entry) error {
	e := &r.Entry
	switch {
	case r.n > 0 && before.Key > e.Key:
		return fmt.Errorf("%w: %s: keys are not in byte order", state.ErrDamaged, r.name)
	case e.Key == "" || e.Size < 0 || e.VersionID == "":
		return fmt.Errorf("%w: %s, line %d: no key, no version ID or a negative size", state.ErrDamaged, r.name, r.n+2)
	case r.n > 0 && before.Key == e.Key && before.VersionID == e.VersionID:
		return fmt.Errorf("%w: %s has an entry twice", state.ErrDamaged, r.name)
	case r.n == 0 && e.Key != r.s.FirstKey:
		return fmt.Errorf("%w: %s does not begin with the key that the plan says", state.ErrDamaged, r.name)
	}
	return nil
}

// end holds the whole against what the plan says.
func (r *Reader) end(last Entry) error {
	switch {
	case r.n > 0 && last.Key != r.s.LastKey:
		return fmt.Errorf("%w: %s does not end with the key that the plan says", state.ErrDamaged, r.name)
	case r.n != r.s.Entries:
		return fmt.Errorf("%w: %s has %d entries, the plan says %d", state.ErrDamaged, r.name, r.n, r.s.Entries)
	}
	return nil
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
