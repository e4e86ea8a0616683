package manifest

import (
	"cmp"
	"context"
	"fmt"

	"github.com/residency/residency/migrate/state"
)

// A segment ends when it reaches either bound; one key's history is never
// split, so a segment can exceed them by one history. What a killed run did to
// its segments in flight has to be proven again, which costs about as much as
// copying small objects: hence no larger.
const (
	maxEntries = 1_000
	maxBytes   = 64 << 30 // 64 GiB
)

// Put stores one finished segment.
type Put func(ctx context.Context, name string, data []byte) error

// Writer cuts histories into segments and stores each as it is full. It holds
// one segment in memory.
type Writer struct {
	// Stored, if set, is told of each segment after it was stored, in order.
	Stored func(ctx context.Context, s Segment) error
	// Entries bounds a segment; 0: the default.
	Entries int
	// Codec keeps what is costly to make; one of its own is the default.
	Codec *state.Codec

	put      Put
	move     int
	entries  []Entry
	bytes    int64
	segments []Segment
}

// NewWriter returns a Writer that stores its segments with put.
func NewWriter(put Put) *Writer { return &Writer{put: put, Codec: new(state.Codec)} }

// Begin starts a new move; what follows belongs to it.
func (w *Writer) Begin(ctx context.Context, move int) error {
	err := w.flush(ctx, nil)
	w.move = move
	return err
}

// Add appends one key's whole history, oldest first.
func (w *Writer) Add(ctx context.Context, history []Entry) error {
	for i := range history {
		w.bytes += history[i].Size
	}
	if len(w.entries)+len(history) >= cmp.Or(w.Entries, maxEntries) || w.bytes >= maxBytes {
		return w.flush(ctx, history)
	}
	w.entries = append(w.entries, history...)
	return nil
}

// Close stores the last segment and returns all of them in order.
func (w *Writer) Close(ctx context.Context) ([]Segment, error) {
	err := w.flush(ctx, nil)
	return w.segments, err
}

// flush stores what there is, and behind it a history that fills the segment.
func (w *Writer) flush(ctx context.Context, history []Entry) error {
	n := len(w.entries) + len(history)
	if n == 0 {
		return nil
	}
	first, last := w.entries, history
	if len(first) == 0 {
		first = history
	}
	if len(last) == 0 {
		last = w.entries
	}
	s := Segment{
		Number: len(w.segments) + 1, Move: w.move, Entries: n, Bytes: w.bytes,
		FirstKey: first[0].Key, LastKey: last[len(last)-1].Key,
	}
	data, err := state.EncodeBy(w.Codec, state.Header{Schema: Schema, Segment: s.Number, Move: s.Move, Entries: s.Entries},
		w.entries, history)
	if err != nil {
		return fmt.Errorf("encode %s: %w", s.File("manifest"), err)
	}
	s.Digest = state.Digest(data)
	if err := w.put(ctx, s.File("manifest"), data); err != nil {
		return err
	}
	w.segments = append(w.segments, s)
	w.entries, w.bytes = w.entries[:0], 0
	if w.Stored != nil {
		return w.Stored(ctx, s)
	}
	return nil
}
