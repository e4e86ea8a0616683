package s3store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
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
// written, tells who asks to slow down, bounds what is read of an answer, and
// gives up connections that stall.
type client struct {
	next     aws.HTTPClient
	now      func() time.Time
	patience Patience
	address  string // by which whoever asks to slow down is told apart
	observe  func(objectstore.Exchange)
}

// newClient sends by the transport that the SDK has set up.
func newClient(sdk aws.HTTPClient, o Options) (*client, error) {
	b, ok := sdk.(*awshttp.BuildableClient)
	if !ok {
		return nil, fmt.Errorf("the SDK gave an HTTP client of type %T", sdk)
	}
	// The SDK's own follows redirects to wherever they lead.
	next := &http.Client{Transport: b.GetTransport(), CheckRedirect: follow, Timeout: b.GetTimeout()}
	return &client{next: next, now: o.Now, patience: o.Patience.orDefault(), observe: o.Observe}, nil
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
		t.MaxResponseHeaderBytes = maxError
		// A small object with its header goes in one piece; large ones pass by
		// the buffers, of which each connection has two.
		t.WriteBufferSize = 32 << 10
		t.ReadBufferSize = 16 << 10
		if o.Proxy != nil {
			t.Proxy = o.Proxy
		}
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
	if c.observe != nil {
		c.observe(objectstore.Exchange{Method: r.Method, URL: r.URL.String(), Request: r.Header.Clone(),
			Status: resp.StatusCode, Answer: resp.Header.Clone()})
	}
	if slow(resp.StatusCode) {
		objectstore.Throttled(ctx, c.address)
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
	switch {
	case resp.StatusCode < 200 || resp.StatusCode > 299:
		resp.Body = &cappedBody{b, maxError, maxError}
	case r.Method != http.MethodGet || !strings.HasSuffix(r.URL.RawQuery, readsObject):
		resp.Body = &cappedBody{b, maxAnswer, maxAnswer}
	}
	return resp, nil
}

const (
	// maxAnswer bounds what is read of an answer that is no object, in bytes. A
	// page of 1,000 entries with keys of 1,024 escaped bytes needs 4 MiB.
	maxAnswer = 16 << 20
	// maxError bounds what is read of a refusal.
	maxError = 1 << 20
	// readsObject ends the query of the one request that is answered by an object.
	readsObject = "x-id=GetObject"
)

// cappedBody fails where an answer goes on beyond what it may take, and ends
// there: whoever drains what is left of it finds nothing.
type cappedBody struct {
	io.ReadCloser
	most, left int64
}

func (b *cappedBody) Read(p []byte) (int, error) {
	if b.left < 0 {
		return 0, io.EOF
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left+1)])
	if b.left -= int64(n); b.left < 0 {
		return n - 1, fmt.Errorf("%w: more than %d bytes", errEndless, b.most)
	}
	return n, err
}

// errEndless reports an answer that is longer than any of its kind.
var errEndless = errors.New("the answer does not end")

// follow lets a redirect stay where it is: what goes to an endpoint carries the
// customer's keys, and goes nowhere else because the endpoint says so. Of others
// the answer itself is the result, from which an error is made.
func follow(r *http.Request, via []*http.Request) error {
	from := via[0].URL
	if len(via) > maxRedirects || r.URL.Scheme != from.Scheme || r.URL.Hostname() != from.Hostname() || port(r.URL) != port(from) {
		return http.ErrUseLastResponse
	}
	switch r.Response.StatusCode {
	case http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return nil
	}
	return http.ErrUseLastResponse // the others may turn a request into a GET
}

// maxRedirects is how many redirects of one request are followed.
const maxRedirects = 3

func port(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	}
	return "80"
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
