package gcsstore

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"sync/atomic"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/wire"
)

const (
	// maxAnswer bounds what is read of an answer that is no object, in bytes. A page of
	// 1,000 entries with names of 1,024 escaped characters needs 8 MiB.
	maxAnswer = 16 << 20
	maxError  = 1 << 20 // bounds what is read of a refusal
	// maxAttempts is how often a request that may be repeated is sent.
	maxAttempts = 6
	// mostAsked is by how much a refusal may ask to wait longer than that.
	mostAsked = 10 * time.Second
	// answerTime is the longest wait for an answer to begin, and slowTime that for one that
	// may take minutes (XML API, "Complete a multipart upload").
	answerTime = 2 * time.Minute
	slowTime   = 15 * time.Minute
)

// transport is the one way by which requests reach the service. What is sent, whether and
// how often, is said here and nowhere else.
type transport struct {
	next     http.RoundTripper // follows no redirects
	slow     http.RoundTripper // waits longer
	base     string
	identity *identity
	now      func() time.Time
	observe  func(objectstore.Exchange)
	pace     objectstore.Pace
	backoff  func(attempts int) time.Duration
	sleep    func(context.Context, time.Duration) error
	sent     sentCount
	payer    payer
	unlisted atomic.Bool // unfinished uploads cannot be listed there
}

func newTransport(o Options, base string, i *identity) *transport {
	next := wire.Connections{Idle: o.Connections, Window: window, Answer: answerTime, Header: maxError,
		Now: o.Now}.Transport()
	next.Proxy = http.ProxyFromEnvironment
	slow := next.Clone()
	slow.ResponseHeaderTimeout = slowTime
	t := &transport{base: base, identity: i, now: o.Now, sleep: o.Sleep, observe: o.Observe, pace: o.Pace,
		backoff: o.Backoff, next: next, slow: slow}
	if o.RequesterPays {
		t.payer.project = o.Project
	}
	return t
}

// send sends a request until there is nothing to gain by another attempt. A refusal is an
// *objectstore.Error, and comes with the answer.
func (t *transport) send(ctx context.Context, r *request) (*answer, error) {
	t.payer.name(r)
	for attempt := 1; ; attempt++ {
		a, err := t.attempt(ctx, r)
		if t.payer.learn(r, err) && wire.Rewind(r.body) {
			t.payer.name(r)
			a, err = t.attempt(ctx, r)
		}
		if err == nil || !r.repeat || attempt == maxAttempts || ctx.Err() != nil || !objectstore.Passes(err) ||
			!wire.Rewind(r.body) {
			return a, err
		}
		wait := t.backoff(attempt)
		if a != nil {
			wait = wire.Wait(wait, wire.Asked(a.header), mostAsked)
		}
		if err := t.sleep(ctx, wait); err != nil {
			return nil, r.failed(ctx, err)
		}
	}
}

// attempt sends a request once.
func (t *transport) attempt(asked context.Context, r *request) (*answer, error) {
	ctx, cancel := context.WithCancelCause(asked)
	out, err := http.NewRequestWithContext(ctx, r.method, r.url(t.base), nil)
	if err != nil {
		cancel(nil)
		return nil, &objectstore.Error{Op: r.op, Bucket: r.where, Kind: objectstore.ErrRejected}
	}
	maps.Copy(out.Header, r.header)
	out.Header.Set("User-Agent", "residency")
	// Not the transport's own: it would decompress what is stored compressed. Without it the
	// service does (Cloud Storage documentation, "Transcoding of gzip-compressed files").
	out.Header.Set("Accept-Encoding", "identity")
	if r.object {
		out.Header.Set("Accept-Encoding", "gzip")
	}
	if err := t.identity.authorize(out); err != nil {
		cancel(nil)
		return nil, &objectstore.Error{Op: r.op, Bucket: r.where, Kind: err}
	}
	resp, err := t.deliver(ctx, out, r)
	if err != nil {
		cancel(nil)
		return nil, r.failed(asked, err)
	}
	return t.take(asked, r, resp, cancel)
}

// deliver puts a request on its way, as late as its fence can be asked.
func (t *transport) deliver(ctx context.Context, out *http.Request, r *request) (*http.Response, error) {
	watch := wire.Watching(ctx)
	if err := watch.Ask(); err != nil {
		return nil, ofOurs(err)
	}
	body := objectstore.NewSentBody(r.body, r.size)
	if out.ContentLength = r.size; r.body != nil && r.size > 0 {
		// The connection may go on reading after it has answered; the caller's buffer is
		// its own again when we return.
		defer func() { _ = body.Close() }()
		out.Body = t.paced(ctx, body)
	}
	out = out.WithContext(watch.Carried(ctx))
	t.sent.request(r)
	next := t.next
	if r.slow {
		next = t.slow
	}
	resp, err := next.RoundTrip(out)
	if err != nil {
		// What kept it from being sent says more than that it was not.
		return nil, cmp.Or(ofOurs(watch.Refusal()), ofOurs(body.Failure()), err)
	}
	if t.observe != nil {
		asked := out.Header.Clone()
		asked.Del("Authorization")
		t.observe(objectstore.Exchange{Method: r.method, URL: out.URL.String(), Request: asked,
			Status: resp.StatusCode, Answer: resp.Header.Clone()})
	}
	return resp, nil
}

// take reads an answer to its end unless it is an object, which is left to the caller, and
// makes an error of a refusal.
func (t *transport) take(
	ctx context.Context, r *request, resp *http.Response, cancel context.CancelCauseFunc,
) (*answer, error) {
	a := &answer{status: resp.StatusCode, header: resp.Header, length: resp.ContentLength}
	if at, err := http.ParseTime(resp.Header.Get("Date")); err == nil {
		a.at = at
	}
	body := t.paced(ctx, wire.Patient(resp.Body, wire.Patience{Window: window, Least: 1}, t.now, cancel))
	good := resp.StatusCode >= 200 && resp.StatusCode <= 299
	if good && r.object {
		t.sent.answer(resp)
		a.body = body
		return a, nil
	}
	most := int64(maxAnswer)
	if !good {
		most = maxError
	}
	var err error
	a.data, err = wire.ReadAll(new(bytes.Buffer), body, most)
	_ = body.Close()
	if err != nil && good {
		return nil, r.failed(ctx, err)
	}
	if !good {
		err := r.refused(a)
		if errors.Is(err, objectstore.ErrThrottled) {
			objectstore.Throttled(ctx, t.base)
		}
		return a, err
	}
	return a, nil
}

func sortedKeys(m query) []string { return slices.Sorted(maps.Keys(m)) }
