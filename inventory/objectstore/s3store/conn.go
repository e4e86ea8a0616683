package s3store

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"sync/atomic"
	"time"
)

type dial = func(ctx context.Context, network, address string) (net.Conn, error)

// dialer makes connections whose writes are fenced and must go on.
func dialer(next dial, window time.Duration, now func() time.Time) dial {
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

// conn is a connection that carries one request at a time.
type conn struct {
	net.Conn
	window time.Duration
	now    func() time.Time
	fence  atomic.Pointer[func() error] // of the request that it carries; nil: none
}

// guard gives a connection the fence of the request that it is about to carry.
func guard(c net.Conn, fence func() error) {
	if over, ok := c.(interface{ NetConn() net.Conn }); ok { // TLS
		c = over.NetConn()
	}
	if c, ok := c.(*conn); ok {
		if fence == nil {
			c.fence.Store(nil)
			return
		}
		c.fence.Store(&fence)
	}
}

// Write sends a piece of a request, as late as the fence can be asked and no
// longer than the window. The transport hands bodies over in pieces of 32 KiB;
// nothing here may offer it a way to hand over more at once.
func (c *conn) Write(p []byte) (int, error) {
	if fence := c.fence.Load(); fence != nil {
		if err := (*fence)(); err != nil {
			return 0, err
		}
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
