package record

import (
	"context"
	"errors"
	"fmt"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/state"
)

// Known is one entry and, where they were asked for, what is known of it.
type Known struct {
	Entry   manifest.Entry
	Receipt receipt.Receipt
	Erasure receipt.Erasure // without an outcome where there is none yet
	// Begun tells that a run began to erase it, so that it may be gone by our doing.
	Begun bool
}

// Reader reads a segment of the pass entry by entry: a history can be too long to
// be held. Once Err is set it yields nothing more.
type Reader struct {
	Segment  manifest.Segment
	begun    int // so many entries were begun to be erased, by the intent
	n        int // entries read
	entries  *manifest.Reader
	receipts *receipt.Reader[receipt.Receipt, *receipt.Receipt] // nil if not asked for
	Erasures *receipt.Reader[receipt.Erasure, *receipt.Erasure] // nil if not asked for, or not there
	At       Known                                              // the next one, if there is one
	more     bool
	used     bool // At was given out
	Err      error
}

// Open begins to read a segment. The reader must be closed.
func (r *Record) Open(ctx context.Context, s manifest.Segment, n Need) (*Reader, error) {
	t := &Reader{Segment: s}
	if err := t.begin(ctx, r, n); err != nil {
		t.Close()
		return nil, err
	}
	return t, nil
}

func (t *Reader) begin(ctx context.Context, r *Record, n Need) error {
	s := t.Segment
	data, err := r.manifest(ctx, s)
	if err != nil {
		return err
	}
	if t.entries, err = s.Open(r.Codec, data); err != nil {
		return err
	}
	if n&WithReceipts != 0 {
		data, err := r.Home.Get(ctx, r.File(s, "receipts"))
		if err != nil {
			return err
		}
		if t.receipts, err = receipt.OpenReceipts(r.Codec, s, data); err != nil {
			return err
		}
	}
	if n&WithErasures != 0 {
		data, err := r.Home.Get(ctx, r.File(s, "erasures"))
		if err != nil && !errors.Is(err, state.ErrNotFound) {
			return err
		}
		if err == nil {
			if t.Erasures, err = receipt.OpenErasures(r.Codec, s, data); err != nil {
				return err
			}
		}
	}
	if n&WithIntents != 0 {
		if t.begun, err = r.begun(ctx, s); err != nil {
			return err
		}
	}
	t.step()
	return t.Err
}

// Close ends the reading.
func (t *Reader) Close() {
	if t.entries != nil {
		t.entries.Close()
	}
	if t.receipts != nil {
		t.receipts.Close()
	}
	if t.Erasures != nil {
		t.Erasures.Close()
	}
}

// step reads the next entry.
func (t *Reader) step() {
	t.more = false
	if t.Err != nil {
		return
	}
	if !t.entries.Next() {
		t.Err = t.end()
		return
	}
	key, id, begun := t.At.Entry.Key, t.At.Entry.VersionID, t.At.Begun
	t.At.Entry = t.entries.Entry
	if t.receipts != nil {
		t.Err = t.receipts.Next(&t.At.Entry, &t.At.Receipt)
	}
	if t.Err == nil && t.Erasures != nil {
		t.Err = t.Erasures.Next(&t.At.Entry, &t.At.Erasure)
	}
	t.At.Begun = t.n < t.begun || t.At.Erasure.Asked()
	if now := &t.At.Entry; begun && now.Key == key && objectstore.IsMarkerOf(now.VersionID) &&
		objectstore.Marked(now.VersionID) == id {
		t.At.Begun = true // what is only shown goes with the version beneath it, before anybody asks
	}
	t.n++
	t.more = t.Err == nil
}

func (t *Reader) end() error {
	err := t.entries.Err()
	if err == nil && t.receipts != nil {
		err = t.receipts.End()
	}
	if err == nil && t.Erasures != nil {
		err = t.Erasures.End()
	}
	return err
}

// Next returns the next entry, which is valid until the call after, or nil; Err
// says whether that was all.
func (t *Reader) Next() *Known {
	if !t.Peek() {
		return nil
	}
	t.used = true
	return &t.At
}

// Peek tells whether there is a next entry, which is At.
func (t *Reader) Peek() bool {
	if t.used {
		t.used = false
		t.step()
	}
	return t.more
}

// History is one key's part of a segment. The zero value is that of a key which
// the manifest does not have.
type History struct {
	Reader *Reader
	key    manifest.Key
}

// History is that of the next entry's key.
func (t *Reader) History() History { return History{t, t.At.Entry.Key} }

// Next returns the next entry, which is valid until the call after, or nil.
func (h History) Next() *Known {
	if h.Reader == nil || !h.Reader.Peek() || h.Reader.At.Entry.Key != h.key {
		return nil
	}
	return h.Reader.Next()
}

// Gather holds a history whole.
func Gather(h History) (r Joined) {
	for x := h.Next(); x != nil; x = h.Next() {
		r.Entries, r.Receipts, r.Begun = append(r.Entries, x.Entry), append(r.Receipts, x.Receipt), append(r.Begun, x.Begun)
		if x.Erasure.Outcome != "" {
			r.Erasures = append(r.Erasures, x.Erasure)
		}
	}
	return r
}

// Joined is a segment, or one key's part of it, held whole: entries and, where
// they were asked for, what is known of each.
type Joined struct {
	Entries  []manifest.Entry
	Receipts []receipt.Receipt
	Erasures []receipt.Erasure // nil where there are none yet
	Begun    []bool            // see Known; nil where it was not asked for
}

// Need says what is to be loaded besides the entries.
type Need uint8

// What may be asked for.
const (
	WithReceipts Need = 1 << iota // it is an error if there are none
	WithErasures
	WithIntents
)

// Load reads a segment of the pass; of what is known, receipts only.
func (r *Record) Load(ctx context.Context, s manifest.Segment, n Need) (all Joined, err error) {
	if all.Entries, err = r.Entries(ctx, s); err != nil {
		return all, err
	}
	if n&WithReceipts != 0 {
		data, err := r.Home.Get(ctx, r.File(s, "receipts"))
		if err != nil {
			return all, err
		}
		if all.Receipts, err = receipt.Decode(r.Codec, s, all.Entries, data); err != nil {
			return all, err
		}
	}
	return all, nil
}

// Entries loads a segment's entries.
func (r *Record) Entries(ctx context.Context, s manifest.Segment) ([]manifest.Entry, error) {
	data, err := r.manifest(ctx, s)
	if err != nil {
		return nil, err
	}
	return s.Decode(r.Codec, data)
}

// manifest is a segment's file.
func (r *Record) manifest(ctx context.Context, s manifest.Segment) ([]byte, error) {
	data, err := r.Home.Get(ctx, r.File(s, "manifest"))
	if errors.Is(err, state.ErrNotFound) {
		err = fmt.Errorf("%w: %w", state.ErrDamaged, err) // the plan says that it is there
	}
	return data, err
}
