package state

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/klauspost/compress/zstd"
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
func Encode[T any](h Header, lines []T) ([]byte, error) {
	return EncodeBy(new(Encoder), h, lines)
}

// Encoder keeps from one file to the next what is costly to make. Its zero
// value works; it serves one goroutine.
type Encoder struct {
	z    *zstd.Encoder
	text bytes.Buffer
}

// Appender is a line that writes itself, and more cheaply: it appends what
// encoding/json would, or reports that it leaves that to it.
type Appender interface{ AppendJSON(b []byte) ([]byte, bool) }

// windowSize bounds how far compression looks back, and with it the memory of
// each file in the making.
const windowSize = 512 << 10

// written is how many bytes are compressed at once.
const written = 64 << 10

// EncodeBy is Encode with an Encoder that is used again.
func EncodeBy[T any](e *Encoder, h Header, lines []T) ([]byte, error) {
	if e.z == nil {
		var err error
		if e.z, err = zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithWindowSize(windowSize), zstd.WithLowerEncoderMem(true)); err != nil {
			return nil, err
		}
	}
	var out bytes.Buffer
	e.z.Reset(&out)
	e.text.Reset()
	enc := json.NewEncoder(&e.text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(h); err != nil {
		return nil, err
	}
	for i := range lines {
		if err := appendLine(&e.text, enc, &lines[i]); err != nil {
			return nil, err
		}
		if e.text.Len() >= written {
			if _, err := e.text.WriteTo(e.z); err != nil {
				return nil, err
			}
		}
	}
	if _, err := e.text.WriteTo(e.z); err != nil {
		return nil, err
	}
	if err := e.z.Close(); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

func appendLine(text *bytes.Buffer, enc *json.Encoder, line any) error {
	if a, ok := line.(Appender); ok {
		if b, ok := a.AppendJSON(text.AvailableBuffer()); ok {
			text.Write(append(b, '\n'))
			return nil
		}
	}
	return enc.Encode(line)
}

// DecodeHeader reads a file's first line. The schema must be the one given.
func DecodeHeader(name, schema string, data []byte) (Header, error) {
	h, scanner, closer, err := open(name, schema, data)
	if err != nil {
		return h, err
	}
	_ = scanner
	closer()
	return h, nil
}

// Decode yields a file's lines. It yields an error wrapping ErrDamaged, and
// ends, if the file is truncated, has another schema, more or fewer lines than
// its header says, or exceeds the bounds.
func Decode[T any](name, schema string, data []byte) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		var zero T
		h, scanner, closer, err := open(name, schema, data)
		if err != nil {
			yield(zero, err)
			return
		}
		defer closer()
		n := 0
		lines := newLines()
		for scanner.Scan() {
			n++
			var line T
			if err := lines.decode(scanner.Bytes(), &line); err != nil {
				yield(zero, fmt.Errorf("%w: %s, line %d: %w", ErrDamaged, name, n+1, err))
				return
			}
			if !yield(line, nil) {
				return
			}
		}
		if err := scanner.Err(); err != nil {
			yield(zero, fmt.Errorf("%w: %s, line %d: %w", ErrDamaged, name, n+2, err))
			return
		}
		if n != h.Entries {
			yield(zero, fmt.Errorf("%w: %s has %d entries, its header says %d", ErrDamaged, name, n, h.Entries))
		}
	}
}

func open(name, schema string, data []byte) (Header, *bufio.Scanner, func(), error) {
	var h Header
	z, err := zstd.NewReader(bytes.NewReader(data), zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxMemory(maxDecoded))
	if err != nil {
		return h, nil, nil, fmt.Errorf("%w: %s: %w", ErrDamaged, name, err)
	}
	scanner := bufio.NewScanner(&boundedReader{r: z, left: maxDecoded})
	scanner.Buffer(make([]byte, 0, 16<<10), maxLine)
	if !scanner.Scan() {
		z.Close()
		return h, nil, nil, fmt.Errorf("%w: %s has no header: %w", ErrDamaged, name, errors.Join(scanner.Err(), io.ErrUnexpectedEOF))
	}
	if err := newLines().decode(scanner.Bytes(), &h); err != nil {
		z.Close()
		return h, nil, nil, fmt.Errorf("%w: %s, line 1: %w", ErrDamaged, name, err)
	}
	if h.Schema != schema {
		z.Close()
		return h, nil, nil, fmt.Errorf("%w: %s has schema %q, want %q", ErrDamaged, name, h.Schema, schema)
	}
	return h, scanner, z.Close, nil
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
