package s3store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"

	"github.com/residency/residency/inventory/objectstore"
)

// Patience is when a connection counts as stalled. The zero value selects the
// defaults.
type Patience struct {
	Window time.Duration // default 30 s
	Rate   int64         // the least bytes per second of a body, over a window of waiting for it; default 1,024
	Answer time.Duration // the longest wait for an answer to begin, or for the next byte of one that is no object; default 2 min
}

func (p Patience) orDefault() Patience {
	return Patience{Window: cmp.Or(p.Window, 30*time.Second), Rate: cmp.Or(p.Rate, 1024), Answer: cmp.Or(p.Answer, 2*time.Minute)}
}

// client sends all requests of a provider, whoever builds them. It asks the
// context's fence before a request is sent and before each piece of it is
// written, and gives up connections that stall.
type client struct {
	next     aws.HTTPClient
	now      func() time.Time
	patience Patience
}

// transport is what lies beneath a client. It stays the SDK's own type, which
// the credential chain and custom certificates are set up with.
func transport(o Options) *awshttp.BuildableClient {
	patience := o.Patience.orDefault()
	return awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.MaxIdleConnsPerHost = o.Connections
		t.MaxIdleConns = 4 * o.Connections
		t.DisableCompression = true // bodies come as stored
		t.ResponseHeaderTimeout = patience.Answer
		// A small object with its header goes in one piece; large ones pass by
		// the buffers, of which each connection has two.
		t.WriteBufferSize = 32 << 10
		t.ReadBufferSize = 16 << 10
		t.Proxy = secure(t.Proxy, o.Insecure)
		t.DialContext = dialer(t.DialContext, patience.Window, o.Now)
	})
}

// Do implements aws.HTTPClient.
func (c *client) Do(r *http.Request) (*http.Response, error) {
	ctx := r.Context()
	fence := objectstore.Fence(ctx)
	if fence != nil {
		if err := fence(); err != nil {
			if r.Body != nil {
				_ = r.Body.Close()
			}
			return nil, err
		}
	}
	ctx, cancel := context.WithCancelCause(context.WithValue(ctx, storageKey{}, true))
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) { guard(info.Conn, fence) }})
	resp, err := c.next.Do(r.WithContext(ctx))
	if err != nil {
		cancel(nil)
		return nil, err
	}
	if resp.Body == http.NoBody {
		cancel(nil)
		return resp, nil
	}
	b := &patientBody{ReadCloser: resp.Body, now: c.now, cancel: cancel, window: c.patience.Window, least: int64(float64(c.patience.Rate) * c.patience.Window.Seconds())}
	if r.Method != http.MethodGet {
		// Long operations send a space now and then until they are done.
		b.window, b.least = c.patience.Answer, 1
	}
	b.left = b.window
	resp.Body = b
	return resp, nil
}

// stall is an objectstore.ErrStalled that keeps its text when causes are
// unwrapped.
type stall struct{ what string }

func (s *stall) Error() string        { return objectstore.ErrStalled.Error() + ": " + s.what }
func (s *stall) Is(target error) bool { return target == objectstore.ErrStalled }

// patientBody fails once so much waiting for it has brought too few bytes. The
// time in which nobody reads does not count.
type patientBody struct {
	io.ReadCloser
	now    func() time.Time
	cancel context.CancelCauseFunc
	window time.Duration
	least  int64

	left time.Duration // of the window
	got  int64         // in this window

	timer   *time.Timer
	stalled bool // guarded by mu
	mu      sync.Mutex
}

func (b *patientBody) Read(p []byte) (int, error) {
	start := b.now()
	if b.timer == nil {
		b.timer = time.AfterFunc(b.left, b.expire)
	} else {
		b.timer.Reset(b.left)
	}
	n, err := b.ReadCloser.Read(p)
	b.timer.Stop()
	b.got += int64(n)
	if b.left -= b.now().Sub(start); b.left <= 0 {
		if b.got < b.least && err == nil {
			b.expire()
		}
		b.left, b.got = b.window, 0
	}
	if b.expired() && !errors.Is(err, io.EOF) {
		return n, &stall{fmt.Sprintf("fewer than %d bytes in %s", b.least, b.window)}
	}
	if err != nil {
		b.cancel(nil)
	}
	return n, err
}

// expire ends the request.
func (b *patientBody) expire() {
	b.mu.Lock()
	b.stalled = true
	b.mu.Unlock()
	b.cancel(objectstore.ErrStalled)
}

func (b *patientBody) expired() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.stalled
}

func (b *patientBody) Close() error {
	err := b.ReadCloser.Close()
	b.cancel(nil)
	return err
}
