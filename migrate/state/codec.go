package state

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// windowSize bounds how far compression looks back, and with it the memory of
// each reader and writer. Lines repeat what is in the lines just before: a larger
// window, or a slower level, makes no smaller files.
const windowSize = 64 << 10

// written is how many bytes are compressed at once.
const written = 32 << 10

// Codec keeps from one file to the next what is costly to make: about half a
// megabyte for a reader or a writer. Its zero value works, nil works and keeps
// nothing; it may be used concurrently.
type Codec struct {
	mu      sync.Mutex
	readers []*reader
	writers []*writer
}

// kept bounds what a Codec keeps of each kind. More are in use at once now and
// then, and let go.
const (
	keptReaders = 3
	keptWriters = 2
)

// take takes one of what is kept, or returns nil.
func take[T any](c *Codec, from func(*Codec) *[]*T) *T {
	if c == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	pile := from(c)
	n := len(*pile)
	if n == 0 {
		return nil
	}
	x := (*pile)[n-1]
	*pile = (*pile)[:n-1]
	return x
}

// give reports whether x is kept.
func give[T any](c *Codec, from func(*Codec) *[]*T, kept int, x *T) bool {
	if c == nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	pile := from(c)
	if len(*pile) == kept {
		return false
	}
	*pile = append(*pile, x)
	return true
}

func readersOf(c *Codec) *[]*reader { return &c.readers }
func writersOf(c *Codec) *[]*writer { return &c.writers }

// reader reads one file after another.
type reader struct {
	z     *zstd.Decoder
	data  bytes.Reader
	bound boundedReader
	buf   *bufio.Reader
	lines *lines
}

func (c *Codec) reader(data []byte) (*reader, error) {
	r := take(c, readersOf)
	if r == nil {
		z, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true),
			zstd.WithDecoderMaxMemory(maxDecoded))
		if err != nil {
			return nil, err
		}
		r = &reader{z: z, buf: bufio.NewReaderSize(nil, maxLine), lines: newLines()}
	}
	r.data.Reset(data)
	r.bound = boundedReader{r: r.z, left: maxDecoded}
	r.buf.Reset(&r.bound)
	if err := r.z.Reset(&r.data); err != nil {
		r.z.Close()
		return nil, err
	}
	return r, nil
}

// giveReader takes back a reader that met no error.
func (c *Codec) giveReader(r *reader) {
	r.data.Reset(nil)
	if r.z.Reset(nil) != nil || !give(c, readersOf, keptReaders, r) {
		r.z.Close()
	}
}

// read returns the next line, valid until the next call, or io.EOF.
func (r *reader) read() ([]byte, error) {
	line, err := r.buf.ReadSlice('\n')
	if err == io.EOF && len(line) > 0 {
		err = nil
	}
	return line, err
}

// writer writes one file after another.
type writer struct {
	z    *zstd.Encoder
	text bytes.Buffer
	enc  *json.Encoder
}

func (c *Codec) writer() (*writer, error) {
	if w := take(c, writersOf); w != nil {
		return w, nil
	}
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedFastest),
		zstd.WithWindowSize(windowSize), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, err
	}
	w := &writer{z: z}
	w.enc = json.NewEncoder(&w.text)
	w.enc.SetEscapeHTML(false)
	return w, nil
}

// giveWriter takes back a writer that met no error.
func (c *Codec) giveWriter(w *writer) {
	w.z.Reset(nil)
	give(c, writersOf, keptWriters, w)
}

func (w *writer) begin(out *pieces) {
	w.z.Reset(out)
	w.text.Reset()
}

// line appends a line, given by its address.
func (w *writer) line(line any) error {
	if err := w.append(line); err != nil || w.text.Len() < written {
		return err
	}
	_, err := w.text.WriteTo(w.z)
	return err
}

func (w *writer) append(line any) error {
	if a, ok := line.(Appender); ok {
		if b, ok := a.AppendJSON(w.text.AvailableBuffer()); ok {
			w.text.Write(append(b, '\n'))
			return nil
		}
	}
	return w.enc.Encode(line)
}

func (w *writer) end() error {
	if _, err := w.text.WriteTo(w.z); err != nil {
		return err
	}
	return w.z.Close()
}
