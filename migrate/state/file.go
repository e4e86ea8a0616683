package state

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
)

// Bounds of a state file; a file beyond them is refused, not read.
const (
	maxLine    = 64 << 10  // bytes of one JSON line; a key has at most 1,024 bytes
	maxDecoded = 256 << 20 // bytes of one file after decompression
)

// Header is the first line of every state file.
type Header struct {
	Schema  string `json:"schema"`
	Segment int    `json:"segment,omitempty"`
	Move    int    `json:"move,omitempty"`
	Of      string `json:"of_sha256,omitempty"` // the manifest's segment that a file is about
	Entries int    `json:"entries"`
	// Counts says how many entries there are of each kind, where the file has kinds.
	Counts map[string]int `json:"counts,omitempty"`
}

// Encode makes a file of a header and one JSON object per line, compressed.
// Equal input gives equal bytes.
func Encode[T any](h Header, lines []T) ([]byte, error) { return EncodeBy(nil, h, lines) }

// Appender is a line that writes itself, and more cheaply: it appends what
// encoding/json would, or reports that it leaves that to it.
type Appender interface{ AppendJSON(b []byte) ([]byte, bool) }

// Parser is a line that reads what its AppendJSON wrote: it becomes what
// encoding/json would make of it, or reports that it leaves that to it. Texts
// that it has already and that are in the line again are kept, not copied.
type Parser interface{ ParseJSON(line []byte) bool }

// EncodeBy is Encode of lines in several parts, with what a Codec keeps.
func EncodeBy[T any](c *Codec, h Header, parts ...[]T) ([]byte, error) {
	w, err := c.writer()
	if err != nil {
		return nil, err
	}
	var out pieces
	w.begin(&out)
	if err := w.enc.Encode(h); err != nil {
		return nil, err
	}
	for _, lines := range parts {
		for i := range lines {
			if err := w.line(&lines[i]); err != nil {
				return nil, err
			}
		}
	}
	if err := w.end(); err != nil {
		return nil, err
	}
	c.giveWriter(w)
	return out.join(nil), nil
}

// Writer makes a file line by line and holds them compressed. The header, which
// comes first and says how many there are, is known last: it is a frame of its
// own, for zstd frames can follow each other.
type Writer struct {
	codec *Codec
	w     *writer
	out   pieces
	n     int
}

// NewWriter returns a Writer with what a Codec keeps.
func NewWriter(c *Codec) (*Writer, error) {
	w, err := c.writer()
	if err != nil {
		return nil, err
	}
	f := &Writer{codec: c, w: w}
	w.begin(&f.out)
	return f, nil
}

// Add appends a line, given by its address.
func (f *Writer) Add(line any) error {
	f.n++
	return f.w.line(line)
}

// Close returns the file. The header is given the number of its lines.
func (f *Writer) Close(h Header) ([]byte, error) {
	if err := f.w.end(); err != nil {
		return nil, err
	}
	f.codec.giveWriter(f.w)
	h.Entries = f.n
	head, err := heading(f.codec, h)
	if err != nil {
		return nil, err
	}
	return f.out.join(head), nil
}

// AppendLine appends a line, given by its address, to others.
func AppendLine(b []byte, line any) ([]byte, error) {
	if a, ok := line.(Appender); ok {
		if b, ok := a.AppendJSON(b); ok {
			return append(b, '\n'), nil
		}
	}
	text := bytes.NewBuffer(b)
	enc := json.NewEncoder(text)
	enc.SetEscapeHTML(false)
	err := enc.Encode(line)
	return text.Bytes(), err
}

// Pack compresses lines, for Bind.
func Pack(c *Codec, lines []byte) ([]byte, error) {
	w, err := c.writer()
	if err != nil {
		return nil, err
	}
	var out pieces
	w.begin(&out)
	w.text.Write(lines)
	if err := w.end(); err != nil {
		return nil, err
	}
	c.giveWriter(w)
	return out.join(nil), nil
}

// Bind makes a file of a header, which says how many lines there are, and of
// lines as Pack made them, one behind the other.
func Bind(c *Codec, h Header, packed []byte) ([]byte, error) {
	head, err := heading(c, h)
	if err != nil {
		return nil, err
	}
	return slices.Concat(head, packed), nil
}

// heading is a header as a frame of its own.
func heading(c *Codec, h Header) ([]byte, error) {
	w, err := c.writer()
	if err != nil {
		return nil, err
	}
	var out pieces
	w.begin(&out)
	if err := w.enc.Encode(h); err != nil {
		return nil, err
	}
	if err := w.end(); err != nil {
		return nil, err
	}
	c.giveWriter(w)
	return out.join(nil), nil
}

// DecodeHeader reads a file's first line. The schema must be the one given.
func DecodeHeader(name, schema string, data []byte) (Header, error) {
	return DecodeHeaderBy(nil, name, schema, data)
}

// DecodeHeaderBy is DecodeHeader with what a Codec keeps.
func DecodeHeaderBy(c *Codec, name, schema string, data []byte) (Header, error) {
	l, err := Open[struct{}](c, name, schema, data)
	if err != nil {
		return Header{}, err
	}
	l.Close()
	return l.Header, nil
}

// Decode yields a file's lines. It yields an error wrapping ErrDamaged, and
// ends, if the file is truncated, has another schema, more or fewer lines than
// its header says, or exceeds the bounds.
func Decode[T any](name, schema string, data []byte) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		l, err := Open[T](nil, name, schema, data)
		if err != nil {
			yield(zero, err)
			return
		}
		defer l.Close()
		for {
			var line T
			more, err := l.Next(&line)
			if err != nil {
				yield(zero, err)
				return
			}
			if !more || !yield(line, nil) {
				return
			}
		}
	}
}

// Lines is a file that is being read. It must be closed.
type Lines[T any] struct {
	Header Header
	codec  *Codec
	r      *reader // nil at the end
	name   string
	n      int
}

// Open reads a file's first line. The schema must be the one given.
func Open[T any](c *Codec, name, schema string, data []byte) (*Lines[T], error) {
	r, err := c.reader(data)
	if err != nil {
		return nil, fmt.Errorf("%w: %s: %w", ErrDamaged, name, err)
	}
	l := &Lines[T]{codec: c, r: r, name: name}
	line, err := r.read()
	switch {
	case err != nil:
		err = fmt.Errorf("%w: %s has no header: %w", ErrDamaged, name, errors.Join(err, io.ErrUnexpectedEOF))
	default:
		if err = r.lines.decode(line, &l.Header); err != nil {
			err = fmt.Errorf("%w: %s, line 1: %w", ErrDamaged, name, err)
		} else if l.Header.Schema != schema {
			err = fmt.Errorf("%w: %s has schema %q, want %q", ErrDamaged, name, l.Header.Schema, schema)
		}
	}
	if err != nil {
		return nil, l.fail(err)
	}
	return l, nil
}

// Next reads the next line and reports whether there was one. Its errors wrap
// ErrDamaged and end the reading.
func (l *Lines[T]) Next(into *T) (bool, error) {
	if l.r == nil {
		return false, nil
	}
	line, err := l.r.read()
	if errors.Is(err, io.EOF) {
		l.Close()
		if l.n != l.Header.Entries {
			return false, fmt.Errorf("%w: %s has %d entries, its header says %d", ErrDamaged, l.name, l.n, l.Header.Entries)
		}
		return false, nil
	}
	l.n++
	if err == nil {
		if p, ok := any(into).(Parser); ok && p.ParseJSON(line) {
			return true, nil
		}
		var zero T
		*into = zero
		err = l.r.lines.decode(line, into)
	}
	if err != nil {
		return false, l.fail(fmt.Errorf("%w: %s, line %d: %w", ErrDamaged, l.name, l.n+1, err))
	}
	return true, nil
}

// Close ends the reading.
func (l *Lines[T]) Close() {
	if l.r != nil {
		l.codec.giveReader(l.r)
		l.r = nil
	}
}

// fail ends the reading of what is damaged; nothing of it is used again.
func (l *Lines[T]) fail(err error) error {
	l.r.z.Close()
	l.r = nil
	return err
}

// lines decodes one JSON value per line, strictly. It ends with its first error.
type lines struct {
	line []byte // what is left of it
	dec  *json.Decoder
}

func newLines() *lines {
	l := &lines{}
	l.dec = json.NewDecoder(l)
	l.dec.DisallowUnknownFields()
	return l
}

// Read gives the decoder the line at hand, and no more.
func (l *lines) Read(p []byte) (int, error) {
	if len(l.line) == 0 {
		return 0, io.EOF
	}
	n := copy(p, l.line)
	l.line = l.line[n:]
	return n, nil
}

func (l *lines) decode(line []byte, v any) error {
	l.line = line
	if err := l.dec.Decode(v); err != nil {
		return err
	}
	rest := len(bytes.TrimSpace(l.line))
	if buffered := l.dec.Buffered().(*bytes.Reader); buffered.Len() > 0 {
		read, err := io.ReadAll(buffered)
		if err != nil {
			return err
		}
		rest += len(bytes.TrimSpace(read))
	}
	if rest > 0 {
		return errors.New("more than one value in a line")
	}
	return nil
}

// DecodeLine reads one line of JSON, strictly: without fields that v has not.
func DecodeLine(line []byte, v any) error { return strict(line, v) }

// strict decodes one JSON value and nothing else.
func strict(data []byte, v any) error { return newLines().decode(data, v) }

var errTooLarge = fmt.Errorf("more than %d bytes after decompression", maxDecoded)

// boundedReader fails, unlike io.LimitReader, when its bound is passed.
type boundedReader struct {
	r    io.Reader
	left int64
}

func (b *boundedReader) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if b.left -= int64(n); b.left < 0 {
		return 0, errTooLarge
	}
	return n, err
}

// Digest is the SHA-256 of a file's bytes in hex.
func Digest(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
