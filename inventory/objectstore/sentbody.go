package objectstore

import (
	"errors"
	"io"
	"net/http"
	"sync"
)

// SentBody is a body of so many bytes for a connection, of which nobody reads any more once it
// is closed: the caller's buffer is then its own again. A connection looks for more behind the
// last byte, perhaps when the answer has begun already; it is told then that there is nothing,
// for an error would cost it its connection, and the caller the rest of the answer. Its methods
// may be called concurrently.
type SentBody struct {
	mu   sync.Mutex
	from io.Reader
	left int64
	err  error
}

// NewSentBody returns a body of size bytes.
func NewSentBody(from io.Reader, size int64) *SentBody { return &SentBody{from: from, left: size} }

// Read implements io.Reader.
func (b *SentBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.left == 0:
		return 0, io.EOF
	case b.from == nil:
		return 0, http.ErrBodyReadAfterClose
	}
	n, err := b.from.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		b.err = err
	}
	return n, err
}

// Failure is what reading the bytes has ended with, but for their end.
func (b *SentBody) Failure() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// Close implements io.Closer. It never fails.
func (b *SentBody) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.from = nil
	return nil
}
