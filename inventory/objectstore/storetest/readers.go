package storetest

import (
	"io"
	"sync/atomic"
)

// countedReader adds what is read to a count.
type countedReader struct {
	io.ReadCloser
	n *atomic.Int64
}

func (c *countedReader) Read(p []byte) (int, error) {
	n, err := c.ReadCloser.Read(p)
	c.n.Add(int64(n))
	return n, err
}

// flipReader inverts one byte of what is read.
type flipReader struct {
	r    io.Reader
	left int64 // bytes up to and including the one to invert
}

func (f *flipReader) Read(p []byte) (int, error) {
	n, err := f.r.Read(p)
	if f.left > 0 && f.left <= int64(n) {
		p[f.left-1] ^= 0xff
	}
	f.left -= int64(n)
	return n, err
}

// failingReader fails.
type failingReader struct{ err error }

func (f failingReader) Read([]byte) (int, error) { return 0, f.err }

// wrapped reads from one and closes another.
type wrapped struct {
	io.Reader
	io.Closer
}
