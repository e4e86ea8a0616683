package migrate

import (
	"context"
	"errors"
	"fmt"

	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/state"
)

// records is a segment, or one key's part of it, held whole: entries and, where
// they were asked for, what is known of each.
type records struct {
	entries  []manifest.Entry
	receipts []receipt.Receipt
	erasures []receipt.Erasure // nil where there are none yet
	begun    []bool            // see known; nil where it was not asked for
}

// need says what is to be loaded besides the entries.
type need uint8

const (
	withReceipts need = 1 << iota // it is an error if there are none
	withErasures
	withIntents
)

// load reads a segment of the pass; of what is known, receipts only.
func (w *work) load(ctx context.Context, s manifest.Segment, n need) (r records, err error) {
	if r.entries, err = w.entries(ctx, s); err != nil {
		return r, err
	}
	if n&withReceipts != 0 {
		data, err := w.Home.Get(ctx, w.file(s, "receipts"))
		if err != nil {
			return r, err
		}
		if r.receipts, err = receipt.Decode(w.codec, s, r.entries, data); err != nil {
			return r, err
		}
	}
	return r, nil
}

// entries loads a segment's entries.
func (w *work) entries(ctx context.Context, s manifest.Segment) ([]manifest.Entry, error) {
	data, err := w.manifest(ctx, s)
	if err != nil {
		return nil, err
	}
	return s.Decode(w.codec, data)
}

// manifest is a segment's file.
func (w *work) manifest(ctx context.Context, s manifest.Segment) ([]byte, error) {
	data, err := w.Home.Get(ctx, w.file(s, "manifest"))
	if errors.Is(err, state.ErrNotFound) {
		err = fmt.Errorf("%w: %w", state.ErrDamaged, err) // the plan says that it is there
	}
	return data, err
}
