package wire

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http/httptrace"
	"os"
	"sync/atomic"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/remedy"
)

// Dial makes a connection, as http.Transport.DialContext does.
type Dial = func(ctx context.Context, network, address string) (net.Conn, error)

// dialer makes connections whose writes are fenced and must go on.
func dialer(next Dial, window time.Duration, now func() time.Time) Dial {
	if next == nil {
		next = (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := next(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &conn{Conn: c, window: window, now: now}, nil
	}
}

// Watch is the fence of one request, and what it said. Its methods may be called concurrently.
type Watch struct {
	fence func() error // nil: none
	said  atomic.Pointer[error]
}

// Watching returns the watch of a request that is about to be sent under a context.
func Watching(ctx context.Context) *Watch { return &Watch{fence: objectstore.Fence(ctx)} }

// Ask asks the fence, as is due before a request is sent.
func (w *Watch) Ask() error {
	if w == nil || w.fence == nil {
		return nil
	}
	err := w.fence()
	if err != nil {
		w.said.Store(&err)
	}
	return err
}

// Refusal is what the fence said, perhaps in the midst of a request. The transport's own error
// says in its words that the request was not sent; this is why.
func (w *Watch) Refusal() error {
	if err := w.said.Load(); err != nil {
		return *err
	}
	return nil
}

// Carried returns the context to send the request under: the connection that carries it asks
// the fence before each piece.
func (w *Watch) Carried(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) { guard(info.Conn, w) },
	})
}

// conn is a connection that carries one request at a time.
type conn struct {
	net.Conn
	window time.Duration
	now    func() time.Time
	watch  atomic.Pointer[Watch] // of the request that it carries; nil: none
}

// guard gives a connection the fence of the request that it is about to carry. TLS may lie
// over it, and over that the TLS of a proxy.
func guard(c net.Conn, w *Watch) {
	for {
		over, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		c = over.NetConn()
	}
	if c, ok := c.(*conn); ok {
		c.watch.Store(w)
	}
}

// Write sends a piece of a request, as late as the fence can be asked and no longer than the
// window. The transport hands bodies over in pieces of 32 KiB; nothing here may offer it a way
// to hand over more at once.
func (c *conn) Write(p []byte) (int, error) {
	if err := c.watch.Load().Ask(); err != nil {
		return 0, err
	}
	if err := c.SetWriteDeadline(c.now().Add(c.window)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = &stall{fmt.Sprintf("%d bytes were not taken in %s", len(p)-n, c.window)}
	}
	return n, err
}

// stall is an objectstore.ErrStalled that keeps its text when causes are unwrapped.
type stall struct{ what string }

func (s *stall) Error() string        { return objectstore.ErrStalled.Error() + ": " + s.what }
func (s *stall) Is(target error) bool { return target == objectstore.ErrStalled }

// Remedy implements what package remedy asks for.
func (s *stall) Remedy() string { return remedy.For(objectstore.ErrStalled) }
