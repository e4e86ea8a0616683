package gcsstore

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

// watch is the fence of one request, and what it said.
type watch struct {
	fence func() error // nil: none
	said  atomic.Pointer[error]
}

// ask asks the fence.
func (w *watch) ask() error {
	if w == nil || w.fence == nil {
		return nil
	}
	err := w.fence()
	if err != nil {
		err = &fenceError{err}
		w.said.Store(&err)
	}
	return err
}

// fenceError is what a fence said.
type fenceError struct{ error }

func (e *fenceError) Unwrap() error { return e.error }

// refusal is what the fence said while the request was being sent.
func (w *watch) refusal() error {
	if err := w.said.Load(); err != nil {
		return *err
	}
	return nil
}

// dialer makes connections whose writes are fenced and must go on.
func dialer(now func() time.Time) func(ctx context.Context, network, address string) (net.Conn, error) {
	d := &net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := d.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &conn{Conn: c, now: now}, nil
	}
}

// conn is a connection that carries one request at a time.
type conn struct {
	net.Conn
	now   func() time.Time
	watch atomic.Pointer[watch] // of the request that it carries; nil: none
}

// guard gives a connection the fence of the request that it is about to carry.
func guard(c net.Conn, w *watch) {
	if over, ok := c.(interface{ NetConn() net.Conn }); ok { // TLS
		c = over.NetConn()
	}
	if c, ok := c.(*conn); ok {
		c.watch.Store(w)
	}
}

// Write sends a piece of a request, as late as the fence can be asked and no longer than
// the window.
func (c *conn) Write(p []byte) (int, error) {
	if err := c.watch.Load().ask(); err != nil {
		return 0, err
	}
	if err := c.SetWriteDeadline(c.now().Add(window)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = fmt.Errorf("%w: %d bytes were not taken in %s", objectstore.ErrStalled, len(p)-n, window)
	}
	return n, err
}
