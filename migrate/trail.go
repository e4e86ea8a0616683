package migrate

import (
	"context"
	"errors"

	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/state"
)

// known is one entry and, where they were asked for, what is known of it.
type known struct {
	entry   manifest.Entry
	receipt receipt.Receipt
	erasure receipt.Erasure // without an outcome where there is none yet
	// begun tells that a run began to erase it, so that it may be gone by our doing.
	begun bool
}

// trail reads a segment of the pass entry by entry: a history can be too long to
// be held. Once err is set it yields nothing more.
type trail struct {
	segment  manifest.Segment
	begun    int // so many entries were begun to be erased, by the intent
	n        int // entries read
	entries  *manifest.Reader
	receipts *receipt.Reader[receipt.Receipt, *receipt.Receipt] // nil if not asked for
	erasures *receipt.Reader[receipt.Erasure, *receipt.Erasure] // nil if not asked for, or not there
	at       known                                              // the next one, if more
	more     bool
	used     bool // at was given out
	err      error
}

// follow begins to read a segment. The trail must be closed.
func (w *work) follow(ctx context.Context, s manifest.Segment, n need) (*trail, error) {
	t := &trail{segment: s}
	if err := w.begin(ctx, s, n, t); err != nil {
		t.close()
		return nil, err
	}
	return t, nil
}

func (w *work) begin(ctx context.Context, s manifest.Segment, n need, t *trail) error {
	data, err := w.manifest(ctx, s)
	if err != nil {
		return err
	}
	if t.entries, err = s.Open(w.codec, data); err != nil {
		return err
	}
	if n&withReceipts != 0 {
		data, err := w.Home.Get(ctx, w.file(s, "receipts"))
		if err != nil {
			return err
		}
		if t.receipts, err = receipt.OpenReceipts(w.codec, s, data); err != nil {
			return err
		}
	}
	if n&withErasures != 0 {
		data, err := w.Home.Get(ctx, w.file(s, "erasures"))
		if err != nil && !errors.Is(err, state.ErrNotFound) {
			return err
		}
		if err == nil {
			if t.erasures, err = receipt.OpenErasures(w.codec, s, data); err != nil {
				return err
			}
		}
	}
	if n&withIntents != 0 {
		if t.begun, err = w.begun(ctx, s); err != nil {
			return err
		}
	}
	t.step()
	return t.err
}

// close ends the reading.
func (t *trail) close() {
	if t.entries != nil {
		t.entries.Close()
	}
	if t.receipts != nil {
		t.receipts.Close()
	}
	if t.erasures != nil {
		t.erasures.Close()
	}
}

// step reads the next entry.
func (t *trail) step() {
	t.more = false
	if t.err != nil {
		return
	}
	if !t.entries.Next() {
		t.err = t.end()
		return
	}
	t.at.entry = t.entries.Entry
	if t.receipts != nil {
		t.err = t.receipts.Next(&t.at.entry, &t.at.receipt)
	}
	if t.err == nil && t.erasures != nil {
		t.err = t.erasures.Next(&t.at.entry, &t.at.erasure)
	}
	t.at.begun = t.n < t.begun || t.at.erasure.Asked()
	t.n++
	t.more = t.err == nil
}

func (t *trail) end() error {
	err := t.entries.Err()
	if err == nil && t.receipts != nil {
		err = t.receipts.End()
	}
	if err == nil && t.erasures != nil {
		err = t.erasures.End()
	}
	return err
}

// next returns the next entry, which is valid until the call after, or nil; err
// says whether that was all.
func (t *trail) next() *known {
	if !t.peek() {
		return nil
	}
	t.used = true
	return &t.at
}

// peek tells whether there is a next entry, which is at.
func (t *trail) peek() bool {
	if t.used {
		t.used = false
		t.step()
	}
	return t.more
}

// history is one key's part of a trail. The zero value is that of a key which
// the manifest does not have.
type history struct {
	trail *trail
	key   manifest.Key
}

// history is that of the next entry's key.
func (t *trail) history() history { return history{t, t.at.entry.Key} }

// next returns the next entry, which is valid until the call after, or nil.
func (h history) next() *known {
	if h.trail == nil || !h.trail.peek() || h.trail.at.entry.Key != h.key {
		return nil
	}
	return h.trail.next()
}

// gather holds a history whole.
func gather(h history) (r records) {
	for x := h.next(); x != nil; x = h.next() {
		r.entries, r.receipts, r.begun = append(r.entries, x.entry), append(r.receipts, x.receipt), append(r.begun, x.begun)
		if x.erasure.Outcome != "" {
			r.erasures = append(r.erasures, x.erasure)
		}
	}
	return r
}
