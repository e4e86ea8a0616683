package receipt

import (
	"fmt"
	"maps"
	"slices"

	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/state"
)

// line is what the two files are made of.
type line[T any] interface {
	*T
	// about tells whether it is about this entry.
	about(e *manifest.Entry) bool
	// expect gives it what it is going to be told again, so that it is kept once.
	expect(e *manifest.Entry)
	// check refuses what no run writes.
	check() error
	kind() string
}

func (r *Receipt) about(e *manifest.Entry) bool {
	return e.Key == r.Key && e.VersionID == r.VersionID && e.Marker == r.Marker && e.Size == r.Size
}

func (r *Receipt) expect(e *manifest.Entry) {
	r.Key, r.VersionID, r.DestinationETag = e.Key, e.VersionID, e.ETag
}

func (r *Receipt) kind() string { return string(r.Verdict) }

func (x *Erasure) about(e *manifest.Entry) bool { return e.Key == x.Key && e.VersionID == x.VersionID }

func (x *Erasure) expect(e *manifest.Entry) { x.Key, x.VersionID = e.Key, e.VersionID }

func (x *Erasure) check() error {
	if !slices.Contains(outcomes(), x.Outcome) {
		return fmt.Errorf("outcome %q", x.Outcome)
	}
	return nil
}

func (x *Erasure) kind() string { return string(x.Outcome) }

// Reader reads a segment's receipts or erasures beside its entries: one for
// each, in order. All its errors wrap state.ErrDamaged. It must be closed.
type Reader[T any, P line[T]] struct {
	name   string
	lines  *state.Lines[T]
	counts map[string]int
	n      int
}

// OpenReceipts begins to read a segment's receipts. A file that is of another
// segment, or of another manifest, is refused: a segment's number means nothing
// by itself.
func OpenReceipts(c *state.Codec, s manifest.Segment, data []byte) (*Reader[Receipt, *Receipt], error) {
	return open[Receipt](c, s, s.File("receipts"), Schema, data)
}

// OpenErasures begins to read a segment's erasures.
func OpenErasures(c *state.Codec, s manifest.Segment, data []byte) (*Reader[Erasure, *Erasure], error) {
	return open[Erasure](c, s, s.File("erasures"), ErasureSchema, data)
}

func open[T any, P line[T]](
	c *state.Codec, s manifest.Segment, name, schema string, data []byte,
) (*Reader[T, P], error) {
	lines, err := state.Open[T](c, name, schema, data)
	if err != nil {
		return nil, err
	}
	if h := lines.Header; h.Segment != s.Number || h.Move != s.Move || h.Of != s.Digest {
		lines.Close()
		return nil, fmt.Errorf("%w: %s is of another plan or segment", state.ErrDamaged, name)
	}
	return &Reader[T, P]{name: name, lines: lines, counts: make(map[string]int)}, nil
}

// Next reads what is said of an entry.
func (r *Reader[T, P]) Next(e *manifest.Entry, into *T) error {
	x := P(into)
	x.expect(e)
	more, err := r.lines.Next(into)
	if err != nil {
		return err
	}
	if !more {
		return fmt.Errorf("%w: %s ends after %d entries", state.ErrDamaged, r.name, r.n)
	}
	if !x.about(e) {
		return fmt.Errorf("%w: %s, line %d is not about the manifest's entry", state.ErrDamaged, r.name, r.n+2)
	}
	if err := x.check(); err != nil {
		return fmt.Errorf("%w: %s, line %d: %w", state.ErrDamaged, r.name, r.n+2, err)
	}
	r.counts[x.kind()]++
	r.n++
	return nil
}

// End is called behind the last entry: nothing more may come, and the header
// must count what was read.
func (r *Reader[T, P]) End() error {
	var more T
	if there, err := r.lines.Next(&more); err != nil {
		return err
	} else if there {
		return fmt.Errorf("%w: %s has more than %d entries", state.ErrDamaged, r.name, r.n)
	}
	if !maps.Equal(r.lines.Header.Counts, r.counts) {
		return fmt.Errorf("%w: the counts in the header of %s are not those of its lines", state.ErrDamaged, r.name)
	}
	return nil
}

// Close ends the reading.
func (r *Reader[T, P]) Close() { r.lines.Close() }

// Writer makes a segment's receipts or erasures file, one by one, and holds them
// compressed.
type Writer[T any, P line[T]] struct {
	head   state.Header
	lines  *state.Writer
	counts map[string]int
}

// WriteReceipts begins the receipts file of a segment.
func WriteReceipts(c *state.Codec, s manifest.Segment) (*Writer[Receipt, *Receipt], error) {
	return write[Receipt](c, s, Schema)
}

// WriteErasures begins the erasures file of a segment.
func WriteErasures(c *state.Codec, s manifest.Segment) (*Writer[Erasure, *Erasure], error) {
	return write[Erasure](c, s, ErasureSchema)
}

func write[T any, P line[T]](c *state.Codec, s manifest.Segment, schema string) (*Writer[T, P], error) {
	lines, err := state.NewWriter(c)
	if err != nil {
		return nil, err
	}
	return &Writer[T, P]{head: state.Header{Schema: schema, Segment: s.Number, Move: s.Move, Of: s.Digest}, lines: lines,
		counts: make(map[string]int)}, nil
}

// Add appends what is to be said of the next entry.
func (w *Writer[T, P]) Add(x *T) error {
	w.counts[P(x).kind()]++
	return w.lines.Add(x)
}

// Close returns the file.
func (w *Writer[T, P]) Close() ([]byte, error) {
	w.head.Counts = w.counts
	return w.lines.Close(w.head)
}

// Counts says how many receipts there are of each verdict, under its name.
func Counts(receipts []Receipt) map[string]int {
	counts := make(map[string]int)
	for i := range receipts {
		counts[receipts[i].kind()]++
	}
	return counts
}

// Encode makes the receipts file of a segment.
func Encode(c *state.Codec, s manifest.Segment, receipts []Receipt) ([]byte, error) {
	return encode[Receipt](c, s, Schema, receipts)
}

// EncodeErasures makes the erasures file of a segment.
func EncodeErasures(c *state.Codec, s manifest.Segment, erasures []Erasure) ([]byte, error) {
	return encode[Erasure](c, s, ErasureSchema, erasures)
}

func encode[T any, P line[T]](c *state.Codec, s manifest.Segment, schema string, lines []T) ([]byte, error) {
	w, err := write[T, P](c, s, schema)
	if err != nil {
		return nil, err
	}
	for i := range lines {
		if err := w.Add(&lines[i]); err != nil {
			return nil, err
		}
	}
	return w.Close()
}

// Decode reads a segment's receipts and holds them against its entries: one
// receipt per entry, in order. All errors wrap state.ErrDamaged.
func Decode(c *state.Codec, s manifest.Segment, entries []manifest.Entry, data []byte) ([]Receipt, error) {
	return decode[Receipt](c, s, s.File("receipts"), Schema, entries, data)
}

// DecodeErasures reads a segment's erasures and holds them against its entries:
// one erasure per entry, in order. All errors wrap state.ErrDamaged.
func DecodeErasures(c *state.Codec, s manifest.Segment, entries []manifest.Entry, data []byte) ([]Erasure, error) {
	return decode[Erasure](c, s, s.File("erasures"), ErasureSchema, entries, data)
}

func decode[T any, P line[T]](
	c *state.Codec, s manifest.Segment, name, schema string, entries []manifest.Entry, data []byte,
) ([]T, error) {
	r, err := open[T, P](c, s, name, schema, data)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	lines := make([]T, len(entries))
	for i := range lines {
		if i > 0 {
			lines[i] = lines[i-1] // most of it is the same again
		}
		if err := r.Next(&entries[i], &lines[i]); err != nil {
			return nil, err
		}
	}
	return lines, r.End()
}
