// Package journal keeps what becomes known of entries while their segment is
// being worked on: verdicts, and uploads that were begun. It is made durable
// within a second, so that a run which is killed loses no more than that. Once a
// segment has its file of receipts, what the journal says of it is void.
//
// A run writes numbered parts, each a state file that is whole or not there. A
// part is written again with more lines until it is large; so a second takes one
// request at most, and a resume reads few of them.
package journal

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strconv"

	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/state"
)

// Schema is written into the first line of every part.
const Schema = "residency/journal/1"

// Line says one thing of one entry: its verdict, or that an upload of it has
// begun. Exactly one of the two is set.
type Line struct {
	Segment int `json:"segment,omitempty"` // of a verdict
	Entry   int `json:"entry,omitempty"`   // of a verdict: its place in the segment, from 0
	// Basis is the digest of what the line goes on from. With another it is void.
	Basis   string           `json:"basis_sha256"`
	Receipt *receipt.Receipt `json:"receipt,omitempty"`
	Upload  *Upload          `json:"upload,omitempty"`
}

// Upload is an upload that was begun, before any part of it was sent.
type Upload struct {
	Move      int          `json:"move"`
	Key       manifest.Key `json:"key"`
	VersionID string       `json:"version_id"` // at the source
	ID        string       `json:"upload_id"`  // at the destination
	Shape     string       `json:"shape_sha256"`
}

// Name is which entry an upload is of.
type Name struct {
	Move      int
	Key       manifest.Key
	VersionID string
}

// Name is which entry the upload is of.
func (u Upload) Name() Name { return Name{u.Move, u.Key, u.VersionID} }

// AppendJSON implements state.Appender.
func (l *Line) AppendJSON(b []byte) ([]byte, bool) {
	if l.Receipt == nil || l.Upload != nil || l.Segment <= 0 || l.Entry <= 0 || !state.Plain(l.Basis) {
		return b, false
	}
	begun := len(b)
	b = strconv.AppendInt(append(b, `{"segment":`...), int64(l.Segment), 10)
	b = strconv.AppendInt(append(b, `,"entry":`...), int64(l.Entry), 10)
	b = append(append(append(b, `,"basis_sha256":"`...), l.Basis...), `","receipt":`...)
	b, ok := l.Receipt.AppendJSON(b)
	if !ok {
		return b[:begun], false
	}
	return append(b, '}'), true
}

// Home is what a journal needs of the state.
type Home interface {
	Get(ctx context.Context, name string) ([]byte, error)
	Put(ctx context.Context, name string, data []byte) error
	Remove(ctx context.Context, names ...string) error
}

// Read yields the lines of a journal's parts, named in order, that belong to
// what has the digest of. It yields an error, wrapping state.ErrDamaged unless
// the state could not be read, and ends.
func Read(ctx context.Context, home Home, c *state.Codec, of string, names []string) iter.Seq2[*Line, error] {
	return func(yield func(*Line, error) bool) {
		for _, name := range names {
			data, err := home.Get(ctx, name)
			if err == nil {
				err = read(c, of, name, data, func(l *Line) bool { return yield(l, nil) })
			}
			if errors.Is(err, errStop) {
				return
			}
			if err != nil {
				yield(nil, err)
				return
			}
		}
	}
}

var errStop = errors.New("nobody reads on")

// read calls f for the lines of one part until it returns false, which is errStop.
func read(c *state.Codec, of, name string, data []byte, f func(*Line) bool) error {
	lines, err := state.Open[Line](c, name, Schema, data)
	if err != nil {
		return err
	}
	defer lines.Close()
	if lines.Header.Of != of {
		return fmt.Errorf("%w: %s is of another plan", state.ErrDamaged, name)
	}
	for n := 2; ; n++ {
		var l Line
		more, err := lines.Next(&l)
		if err != nil || !more {
			return err
		}
		if err := l.check(); err != nil {
			return fmt.Errorf("%w: %s, line %d: %w", state.ErrDamaged, name, n, err)
		}
		if !f(&l) {
			return errStop
		}
	}
}

// check refuses what no run writes.
func (l *Line) check() error {
	switch {
	case (l.Receipt == nil) == (l.Upload == nil):
		return fmt.Errorf("want a receipt or an upload")
	case l.Basis == "" || l.Segment < 0 || l.Entry < 0 || (l.Receipt != nil) != (l.Segment > 0):
		return fmt.Errorf("segment %d, entry %d, basis %q", l.Segment, l.Entry, l.Basis)
	case l.Upload != nil && (l.Upload.ID == "" || l.Upload.Key == "" || l.Upload.Move < 0 || l.Entry > 0):
		return fmt.Errorf("an upload without ID, key or move")
	}
	return nil
}
