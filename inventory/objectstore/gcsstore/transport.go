package gcsstore

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"slices"
	"sync/atomic"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

const (
	// maxAnswer bounds what is read of an answer that is no object, in bytes. A page of
	// 1,000 entries with names of 1,024 escaped characters needs 8 MiB.
	maxAnswer = 16 << 20
	maxError  = 1 << 20 // bounds what is read of a refusal
	// maxAttempts is how often a request that may be repeated is sent.
	maxAttempts = 6
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
	observe  func(objectstore.Exchange)
	pace     objectstore.Pace
	backoff  func(attempts int) time.Duration
	sent     sentCount
	unlisted atomic.Bool // unfinished uploads cannot be listed there
}

func newTransport(o Options, base string, i *identity) *transport {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true) // a connection carries one request, whose fence it can ask
	next := &http.Transport{
		Proxy: http.ProxyFromEnvironment, DialContext: dialer(o.Now), Protocols: protocols,
		MaxIdleConns: 4 * o.Connections, MaxIdleConnsPerHost: o.Connections, IdleConnTimeout: 90 * time.Second,
		TLSHandshakeTimeout: 10 * time.Second, ResponseHeaderTimeout: answerTime,
		MaxResponseHeaderBytes: maxError, DisableCompression: true, // bodies come as stored
		WriteBufferSize: 32 << 10, ReadBufferSize: 16 << 10,
	}
	slow := next.Clone()
	slow.ResponseHeaderTimeout = slowTime
	return &transport{base: base, identity: i, observe: o.Observe, pace: o.Pace, backoff: o.Backoff, next: next,
		slow: slow}
}

// send sends a request until there is nothing to gain by another attempt. A refusal is an
// *objectstore.Error, and comes with the answer.
func (t *transport) send(ctx context.Context, r *request) (*answer, error) {
	for attempt := 1; ; attempt++ {
		a, err := t.attempt(ctx, r)
		if err == nil || !r.repeat || attempt == maxAttempts || ctx.Err() != nil || !objectstore.Passes(err) || !rewind(r.body) {
			return a, err
		}
		if err := objectstore.Sleep(ctx, t.backoff(attempt)); err != nil {
			return nil, r.failed(ctx, err)
		}
	}
}

// rewind makes a body ready to be sent again, if that is possible.
func rewind(body io.Reader) bool {
	if body == nil {
		return true
	}
	s, ok := body.(io.Seeker)
	if !ok {
		return false
	}
	_, err := s.Seek(0, io.SeekStart)
	return err == nil
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
	w := &watch{fence: objectstore.Fence(ctx)}
	if err := w.ask(); err != nil {
		return nil, err
	}
	body := objectstore.NewSentBody(r.body, r.size)
	if out.ContentLength = r.size; r.body != nil && r.size > 0 {
		// The connection may go on reading after it has answered; the caller's buffer is
		// its own again when we return.
		defer func() { _ = body.Close() }()
		out.Body = t.paced(ctx, body)
	}
	out = out.WithContext(httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) { guard(info.Conn, w) },
	}))
	t.sent.request(r)
	next := t.next
	if r.slow {
		next = t.slow
	}
	resp, err := next.RoundTrip(out)
	if err != nil {
		// What kept it from being sent says more than that it was not.
		return nil, cmp.Or(w.refusal(), ofBody(body.Failure()), err)
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
	body := t.paced(ctx, newPatient(resp.Body, cancel))
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
	if a.data, err = readAll(body, most); err != nil && good {
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

// errEndless reports an answer that is longer than any of its kind.
var errEndless = errors.New("the answer does not end")

func readAll(body io.ReadCloser, most int64) ([]byte, error) {
	defer func() { _ = body.Close() }()
	var buf bytes.Buffer
	n, err := buf.ReadFrom(io.LimitReader(body, most+1))
	if err == nil && n > most {
		return nil, fmt.Errorf("%w: more than %d bytes", errEndless, most)
	}
	return buf.Bytes(), err
}

func sortedKeys(m query) []string { return slices.Sorted(maps.Keys(m)) }
