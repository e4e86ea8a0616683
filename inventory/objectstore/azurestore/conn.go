package azurestore

import (
	"context"
	"errors"
	"net"
	"os"
	"sync/atomic"
	"time"
)

// dialer makes connections that ask a fence before each piece, and that give up when neither
// side takes or gives a byte for so long.
func dialer(patience time.Duration, now func() time.Time) func(context.Context, string, string) (net.Conn, error) {
	next := &net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := next.DialContext(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &conn{Conn: c, patience: patience, now: now}, nil
	}
}

// conn is a connection that carries one request at a time.
type conn struct {
	net.Conn
	patience time.Duration
	now      func() time.Time
	fence    atomic.Pointer[func() error] // of the request that it carries; nil: none
	silent   atomic.Int64                 // nanoseconds that this request is waited for besides
}

// guard gives a connection the fence of the request that it is about to carry, and how much longer
// than others that is waited for.
func guard(c net.Conn, fence func() error, silent time.Duration) {
	if over, ok := c.(interface{ NetConn() net.Conn }); ok { // TLS
		c = over.NetConn()
	}
	carrier, ok := c.(*conn)
	if ok {
		carrier.silent.Store(int64(silent))
	}
	switch {
	case !ok:
	case fence == nil:
		carrier.fence.Store(nil)
	default:
		carrier.fence.Store(&fence)
	}
}

// Write sends a piece of a request, and asks the fence as late as it can be asked. It hides
// what net.TCPConn has to take a whole file at once.
func (c *conn) Write(p []byte) (int, error) {
	if fence := c.fence.Load(); fence != nil {
		if err := (*fence)(); err != nil {
			return 0, err
		}
	}
	// The answer may be waited for already, and its time begins with the last piece.
	if err := c.SetDeadline(c.until()); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(p)
	return n, stalled(err)
}

// Read waits for the next piece of an answer. An idle connection that gives nothing for so
// long is no loss.
func (c *conn) Read(p []byte) (int, error) {
	if err := c.SetReadDeadline(c.until()); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(p)
	return n, stalled(err)
}

func (c *conn) until() time.Time { return c.now().Add(c.patience + time.Duration(c.silent.Load())) }

func stalled(err error) error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return errStalled
	}
	return err
}
