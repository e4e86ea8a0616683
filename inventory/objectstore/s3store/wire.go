package s3store

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// wire sends the requests of which there are one or more per object. It takes
// endpoints, credentials, connections, retry rules and error types from the
// SDK and leaves out its chain of middleware, which costs more than everything
// else about a small object. A test holds what it sends to what the SDK sends.
type wire struct {
	options s3.Options
	owner   *owner
	renewal renewal
	signer  signer
	now     func() time.Time
	skew    atomic.Int64 // nanoseconds by which the service's clock is ahead

	mu        sync.Mutex
	addresses map[string]*address // by bucket
}

func newWire(client *s3.Client, now func() time.Time, owner *owner) *wire {
	o := client.Options()
	return &wire{options: o, owner: owner, renewal: renewal{o.Credentials}, now: now, addresses: make(map[string]*address)}
}

// request is one request to a bucket's object.
type request struct {
	method      string
	bucket, key string
	query       string // escaped and sorted
	header      http.Header
	body        io.Reader // nil: none
	size        int64     // bytes of the body
	payload     string    // the body's SHA-256 in hex, or unsignedPayload
}

const (
	userAgent = "residency"
	// waitsForGo is the size from which a body waits until the service has
	// looked at the header and asked for it, as with the SDK.
	waitsForGo = 2 << 20
	// copied is the size up to which bodies are copied before they are sent. With
	// their header they fit into a connection's buffer.
	copied = 16 << 10
)

// once sends a request that must not be repeated. The one exception was refused
// for its date and so not looked at.
func (w *wire) once(ctx context.Context, r *request) (*http.Response, error) {
	resp, err := w.send(ctx, r)
	if err == nil || !w.skewed(err) && !late(err) {
		return resp, err
	}
	if !r.rewind() {
		return nil, err
	}
	return w.send(ctx, r)
}

// rewind makes a request's body ready to be sent again, if that is possible.
func (r *request) rewind() bool {
	if r.body == nil || r.size == 0 {
		return true
	}
	s, ok := r.body.(io.Seeker)
	if !ok {
		return false
	}
	_, err := s.Seek(0, io.SeekStart)
	return err == nil
}

// read sends a request without a body and repeats it by the SDK's rules.
func (w *wire) read(ctx context.Context, r *request) (*http.Response, error) {
	release := func(error) error { return nil }
	for attempt := 1; ; attempt++ {
		resp, err := w.send(ctx, r)
		_ = release(err) // returns what the attempt cost; cannot fail
		if err == nil || ctx.Err() != nil {
			return resp, err
		}
		retryer := w.options.Retryer
		if !w.skewed(err) && !retryer.IsErrorRetryable(err) || attempt >= retryer.MaxAttempts() {
			return nil, err
		}
		var tokenErr error
		if release, tokenErr = retryer.GetRetryToken(ctx, err); tokenErr != nil {
			return nil, errors.Join(err, tokenErr)
		}
		delay, delayErr := retryer.RetryDelay(attempt, err)
		if delayErr != nil {
			return nil, errors.Join(err, delayErr)
		}
		timer := time.NewTimer(delay)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return nil, ctx.Err()
		}
	}
}

// send makes one attempt, and another if the credentials had expired and there
// are others: a request refused for them has done nothing.
func (w *wire) send(ctx context.Context, r *request) (*http.Response, error) {
	c, err := w.identity(ctx)
	if err != nil {
		return nil, err
	}
	resp, err := w.attempt(ctx, r, c)
	if err == nil || !expired(err) || !w.renewal.renew(ctx, c) || !r.rewind() {
		return resp, err
	}
	if c, err = w.identity(ctx); err != nil {
		return nil, err
	}
	return w.attempt(ctx, r, c)
}

func (w *wire) identity(ctx context.Context) (aws.Credentials, error) {
	if w.options.Credentials == nil {
		return aws.Credentials{}, errors.New("get identity: no credentials")
	}
	c, err := w.options.Credentials.Retrieve(ctx)
	if err != nil {
		return c, fmt.Errorf("get identity: %w", err)
	}
	return c, nil
}

// attempt sends a request once. The answer's status is 2xx and its body is to be
// closed; an error is shaped as the SDK's are.
func (w *wire) attempt(ctx context.Context, r *request, c aws.Credentials) (*http.Response, error) {
	a, err := w.address(ctx, r.bucket)
	if err != nil {
		return nil, err
	}
	out := (&http.Request{
		Method: r.method, Host: a.host, Header: r.header, ProtoMajor: 1, ProtoMinor: 1,
		URL: &url.URL{Scheme: a.scheme, Host: a.host, Path: a.path + "/" + r.key, RawPath: a.rawPath + "/" + escapePath(r.key), RawQuery: r.query},
	}).WithContext(ctx)
	for name, values := range a.header {
		out.Header[name] = values
	}
	w.owner.expect(ctx, "", out.Header)
	out.Header["User-Agent"] = []string{userAgent}
	out.Header["Accept-Encoding"] = []string{"identity"}
	if r.body != nil {
		body, err := r.sent()
		if err != nil {
			return nil, err
		}
		// The transport may go on reading after it has answered; the caller's
		// buffer is its own again when we return.
		defer func() { _ = body.Close() }()
		out.Body, out.ContentLength = body, r.size
		if r.size >= waitsForGo {
			out.Header["Expect"] = []string{"100-continue"}
		}
	}
	at := w.now()
	w.signer.sign(out, r.payload, c, a.region, a.service, at.Add(time.Duration(w.skew.Load())))
	resp, err := w.options.HTTPClient.Do(out)
	if err != nil {
		return nil, &smithyhttp.RequestSendError{Err: err}
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		err = refused(resp)
		if c, ok := w.options.HTTPClient.(*client); ok {
			c.tell(ctx, err)
		}
		return nil, err
	}
	return resp, nil
}

// sent wraps a request's body for the transport. Of small ones it makes a copy
// of a type that the transport knows to be in memory: then header and body go
// out in one write.
func (r *request) sent() (io.ReadCloser, error) {
	switch {
	case r.size == 0:
		return http.NoBody, nil
	case r.size > copied:
		return &sentBody{from: r.body}, nil
	}
	data := make([]byte, r.size)
	if _, err := io.ReadFull(r.body, data); err != nil {
		return nil, fmt.Errorf("read the body: %w", err)
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}

// sentBody is a body that nobody reads any more once it is closed.
type sentBody struct {
	mu   sync.Mutex
	from io.Reader
}

func (b *sentBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.from == nil {
		return 0, http.ErrBodyReadAfterClose
	}
	return b.from.Read(p)
}

func (b *sentBody) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.from = nil
	return nil
}

// refused makes the SDK's error of an answer, and closes it.
func refused(resp *http.Response) error {
	text, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	var said struct{ Code, Message string }
	if err == nil {
		if err = xml.Unmarshal(text, &said); errors.Is(err, io.EOF) {
			err = nil
		}
	}
	if err == nil {
		if said.Code == "" && said.Message == "" {
			said.Message = http.StatusText(resp.StatusCode)
			said.Code = strings.ReplaceAll(said.Message, " ", "")
		}
		if said.Code == "" {
			said.Code = "UnknownError"
		}
		err = &smithy.GenericAPIError{Code: said.Code, Message: said.Message}
	} else {
		err = fmt.Errorf("read the answer's error: %w", err)
	}
	return &awshttp.ResponseError{ResponseError: &smithyhttp.ResponseError{Response: &smithyhttp.Response{Response: resp}, Err: err}}
}

// late tells whether a request was refused for its date. It may have been on its way
// for so long, as when the machine slept: signed anew it is another.
func late(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && api.ErrorCode() == "RequestTimeTooSkewed"
}

// skewTolerance is what services allow between their clock and a signature's,
// less a minute (the SDK's clock skew correction takes the same).
const skewTolerance = 4 * time.Minute

// skewed tells whether a request was refused because the clocks differ, and
// takes the service's from then on.
func (w *wire) skewed(err error) bool {
	var response *awshttp.ResponseError
	var api smithy.APIError
	if !errors.As(err, &response) || !errors.As(err, &api) || response.Response.Header.Get("Age") != "" {
		return false
	}
	switch api.ErrorCode() {
	case "RequestTimeTooSkewed", "SignatureDoesNotMatch", "InvalidSignatureException", "AuthFailure", "AccessDeniedException":
	default:
		return false
	}
	theirs, parseErr := http.ParseTime(response.Response.Header.Get("Date"))
	if parseErr != nil {
		return false
	}
	skew := theirs.Sub(w.now())
	return (skew - time.Duration(w.skew.Swap(int64(skew)))).Abs() > skewTolerance
}

// drop reads what is left of an answer without content, so that its connection
// can be used again.
func drop(resp *http.Response) {
	_, _ = io.Copy(io.Discard, resp.Body) // what does not end is closed instead
	_ = resp.Body.Close()
}

func length(resp *http.Response) int64 { return max(resp.ContentLength, 0) }
