package azurestore

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/wire"
)

// version is that of the service whose behaviour is counted on ("Versioning for Azure
// Storage").
const version = "2026-06-06"

const storageScope = "https://storage.azure.com/.default"

// What a server may make us hold, in bytes.
const (
	maxError  = 64 << 10
	maxHeader = 64 << 10
)

// transport is the one way by which requests reach a service.
type transport struct {
	client  *http.Client
	slow    *http.Client // for calls that are silent for longer
	storage *tokens
	manager *tokens
	keys    map[string][]byte // by account
	now     func() time.Time
	backoff func(attempts int) time.Duration
	sleep   func(context.Context, time.Duration) error
	observe func(objectstore.Exchange)
	pace    objectstore.Pace
	// patience is how long a connection may neither take nor give a byte.
	patience time.Duration
	address  string // by which whoever asks to slow down is told apart
	sent     sentCount
	// tellsMD5 is set when a write was answered with the MD5 of what came, and not with its CRC64.
	tellsMD5 atomic.Bool
}

func newTransport(o Options, keys map[string][]byte) *transport {
	c := wire.Connections{Idle: o.Connections, Window: o.Patience, Answer: o.Patience, Header: maxHeader, Now: o.Now}
	next := c.Transport()
	next.Proxy = proxy(o.Insecure)
	slow := next.Clone()
	slow.ResponseHeaderTimeout = 0 // as long as is said of the call
	return &transport{
		client:  &http.Client{Transport: next, CheckRedirect: stay},
		slow:    &http.Client{Transport: slow, CheckRedirect: stay},
		storage: newTokens(o.Credential, storageScope, o.Now),
		manager: newTokens(o.Credential, cmp.Or(o.ARMEndpoint, resourceManager)+"/.default", o.Now),
		keys:    keys, now: o.Now, backoff: o.Backoff, sleep: o.Sleep, observe: o.Observe, pace: o.Pace, patience: o.Patience,
		address: cmp.Or(o.Endpoint, "https://"+publicSuffix),
	}
}

// stay takes a redirect for an answer like others: requests carry secrets and data.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// proxy is as the environment says; what would go out in the clear is refused, wherever its
// address comes from.
func proxy(insecure bool) func(*http.Request) (*url.URL, error) {
	return func(r *http.Request) (*url.URL, error) {
		if !insecure && !wire.Private(r.URL) {
			return nil, objectstore.ErrInsecure
		}
		return http.ProxyFromEnvironment(r)
	}
}

// call is one request, and how it is to be taken.
type call struct {
	op      string // as the service's documents call it
	where   string // in errors
	account string // that is asked; empty: Resource Manager is
	method  string
	url     *url.URL
	header  http.Header // without credentials, date and version
	body    io.Reader   // nil: none
	size    int64       // bytes of the body
	source  string      // that the service is to read, as in errors; empty: none
	// silent is for how long more than others the service may say nothing before it answers.
	silent time.Duration
	// repeat tells that it changes nothing and may be sent again.
	repeat bool
	needs  []string // the permissions that it needs, for whoever is denied
}

// attempts is how often a read is sent at most.
const attempts = 5

// mostAsked is by how much a refusal may ask to wait longer.
const mostAsked = 10 * time.Second

// do sends a request and returns an answer whose status is 2xx, with its body to be closed.
// Everything else is an *objectstore.Error.
func (t *transport) do(ctx context.Context, c *call) (*http.Response, error) {
	for n := 1; ; n++ {
		resp, wait, err := t.once(ctx, c)
		if err == nil {
			return resp, nil
		}
		if !c.repeat || n == attempts || ctx.Err() != nil || !objectstore.Passes(err) {
			return nil, err
		}
		if slept := t.sleep(ctx, wire.Wait(t.backoff(n), wait, mostAsked)); slept != nil {
			return nil, c.unsent(ctx, slept)
		}
	}
}

var errSilent = errors.New("no answer in the time that the service is taken to need at most")

// once sends a request once. wait is how long a refusal asks to wait.
func (t *transport) once(asked context.Context, c *call) (resp *http.Response, wait time.Duration, err error) {
	ctx, cancel := context.WithCancelCause(asked)
	if c.silent > 0 {
		defer time.AfterFunc(t.patience+c.silent, func() { cancel(errSilent) }).Stop()
	}
	if resp, err = t.attempt(ctx, c); err != nil {
		cancel(nil)
		return nil, 0, err
	}
	p := wire.Patience{Window: t.patience, Least: 1}
	body := wire.Patient(resp.Body, p, t.now, cancel)
	resp.Body = &receivedBody{Reader: t.paced(ctx, body), Closer: body, ctx: asked}
	if resp.StatusCode >= 200 && resp.StatusCode <= 299 {
		t.sent.answer(c, resp)
		return resp, 0, nil
	}
	refusal := c.refused(resp) // whose body may stall, too
	if errors.Is(refusal, objectstore.ErrThrottled) {
		objectstore.Throttled(asked, t.address)
	}
	return nil, wire.Asked(resp.Header), refusal
}

// attempt sends a request and returns whatever is answered.
func (t *transport) attempt(ctx context.Context, c *call) (*http.Response, error) {
	r := (&http.Request{Method: c.method, URL: c.url, Host: c.url.Host, Header: c.header.Clone(), ProtoMajor: 1,
		ProtoMinor: 1, ContentLength: c.size}).WithContext(ctx)
	if r.Header == nil {
		r.Header = make(http.Header)
	}
	if err := t.authorize(ctx, r, c); err != nil {
		return nil, c.unsent(ctx, err)
	}
	watch := wire.Watching(ctx)
	if err := watch.Ask(); err != nil {
		return nil, c.broken(err)
	}
	r = r.WithContext(watch.Carried(ctx))
	var failure func() error
	if c.body != nil && c.size > 0 {
		b := objectstore.NewSentBody(t.paced(ctx, c.body), c.size)
		defer func() { _ = b.Close() }() // the caller's buffer is its own again when we return
		r.Body, failure = b, b.Failure
	}
	t.sent.request(c)
	client := t.client
	if c.silent > 0 {
		client = t.slow
	}
	resp, err := client.Do(r)
	if err != nil {
		if errors.Is(context.Cause(ctx), errSilent) {
			return nil, &objectstore.Error{Op: c.op, Bucket: c.where, Kind: objectstore.ErrUnanswered, Err: errSilent}
		}
		// What kept it from being sent says more than that it was not.
		if said := watch.Refusal(); said != nil {
			return nil, c.broken(said)
		}
		if failure != nil && failure() != nil {
			return nil, c.broken(named(ctx, failure()))
		}
		return nil, c.unsent(ctx, err)
	}
	if t.observe != nil {
		t.observe(objectstore.Exchange{Method: r.Method, URL: r.URL.String(), Request: shownHeader(r.Header),
			Status: resp.StatusCode, Answer: resp.Header.Clone()})
	}
	return resp, nil
}

// authorize adds what a request is believed by.
func (t *transport) authorize(ctx context.Context, r *http.Request, c *call) error {
	r.Header.Set("User-Agent", "residency")
	r.Header.Set("Accept-Encoding", "identity")
	if c.account == "" {
		token, err := t.manager.get(ctx)
		if err == nil {
			r.Header.Set("Authorization", "Bearer "+token)
		}
		return err
	}
	r.Header.Set("x-ms-version", version)
	r.Header.Set("x-ms-date", t.now().UTC().Format(http.TimeFormat))
	if key, ok := t.keys[c.account]; ok {
		sign(r, c.account, key)
		return nil
	}
	token, err := t.storage.get(ctx)
	if err == nil {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	return err
}

// shownHeader is a header without credentials.
func shownHeader(h http.Header) http.Header {
	h = h.Clone()
	for _, name := range []string{"Authorization", "X-Ms-Copy-Source-Authorization", "X-Ms-Encryption-Key"} {
		if h.Get(name) != "" {
			h.Set(name, "left out")
		}
	}
	return h
}

// document reads a whole answer of at most so many bytes.
func (t *transport) document(ctx context.Context, c *call, most int64) ([]byte, http.Header, error) {
	for n := 1; ; n++ {
		resp, err := t.do(ctx, c)
		if err != nil {
			return nil, nil, err
		}
		data, err := wire.ReadAll(new(bytes.Buffer), resp.Body, most)
		_ = resp.Body.Close()
		switch {
		case errors.Is(err, wire.ErrEndless):
			return nil, nil, c.broken(err)
		case err == nil:
			return data, resp.Header, nil
		case !c.repeat || n == attempts || ctx.Err() != nil:
			return nil, nil, c.unsent(ctx, err)
		}
		if slept := t.sleep(ctx, t.backoff(n)); slept != nil {
			return nil, nil, c.unsent(ctx, slept)
		}
	}
}

// done sends a request of whose answer only the header counts.
func (t *transport) done(ctx context.Context, c *call) (http.Header, error) {
	resp, err := t.do(ctx, c)
	if err != nil {
		return nil, err
	}
	_, _ = io.CopyN(io.Discard, resp.Body, maxError) // so that the connection serves again
	_ = resp.Body.Close()
	return resp.Header, nil
}
