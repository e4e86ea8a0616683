package s3store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/logging"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/wire"
)

// transport is the one way by which requests reach a service. The SDK makes requests of
// inputs, and outputs and errors of answers; what is sent, whether and how often, is said
// in send and attempt and nowhere else. It is an aws.HTTPClient because then there is no
// way around it: whatever the SDK builds ends here.
type transport struct {
	next     aws.HTTPClient
	chain    aws.CredentialsProvider
	rules    aws.Retryer // what is worth another attempt, how many there are, and how long to wait
	owner    *owner
	now      func() time.Time
	skew     atomic.Int64   // nanoseconds by which the service's clock is ahead
	sumless  [2]atomic.Bool // the service refuses checksums: those that are brought, and to be asked for them
	waitless atomic.Bool    // the service refuses requests that wait to be told to send their body
	patience Patience
	address  string // by which whoever asks to slow down is told apart
	observe  func(objectstore.Exchange)
	pace     objectstore.Pace // of all bodies; nil: as fast as it goes
	signer   *v4.Signer
	sent     sentCount
}

// newSigner is the SDK's. One of our own took half its time, of which nothing shows
// in a whole migration: 1,500 objects of 1 kB took 0.90 ms of processor time each
// with either, of five rounds in turn (and 66 of 823 allocations fewer).
func newSigner() *v4.Signer {
	return v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true }) // paths are escaped already
}

// sole has a client of the SDK's send by the transport alone, whatever its own rules are.
// What it would say beside its errors is about connections, which are not its business.
func (t *transport) sole(o *s3.Options) {
	o.Logger = logging.Nop{}
	o.HTTPClient, o.Retryer, o.HTTPSignerV4 = t, aws.NopRetryer{}, unsigned{}
	o.Credentials = aws.CredentialsProviderFunc(nobody)
}

// Do implements aws.HTTPClient for requests that the SDK has built. It makes an error
// of a refusal by itself.
func (t *transport) Do(r *http.Request) (*http.Response, error) { return t.serve(r, true) }

// single is the same way for requests that must not be repeated.
type single struct{ *transport }

// Do implements aws.HTTPClient.
func (t single) Do(r *http.Request) (*http.Response, error) { return t.serve(r, false) }

func (t *transport) serve(r *http.Request, repeat bool) (*http.Response, error) {
	var body io.Reader
	if r.Body != nil {
		data, err := io.ReadAll(r.Body)
		if err != nil {
			return nil, fmt.Errorf("read the body: %w", err)
		}
		if r.ContentLength = int64(len(data)); len(data) > 0 {
			body = bytes.NewReader(data)
		}
		alsoMD5(r, data)
	}
	resp, err := t.send(r, scopeOf(r), body, repeat)
	if resp != nil {
		return resp, nil
	}
	return nil, err
}

// send sends a request until there is nothing to gain by another attempt. What it is
// signed for and its body come beside it. A refusal is an error that is shaped as the
// SDK's are, and comes with the answer, of which the body is in memory.
//
// What was refused for its credentials or its date has done nothing, and is sent once
// more if there are others; anything else only if it may be repeated.
func (t *transport) send(r *http.Request, to scope, body io.Reader, repeat bool) (*http.Response, error) {
	ctx := r.Context()
	renewed, dated, plain := false, false, false
	refund := free
	t.plain(r)
	for attempt := 1; ; {
		settle, err := t.turn(ctx)
		if err != nil {
			return nil, err
		}
		resp, used, err := t.attempt(r, to, body)
		failed := err
		if err == nil && repeat {
			failed = cut(resp)
		}
		_, _ = refund(failed), settle(failed) // cannot fail
		refund = free
		if plain && !stillRefuses(failed) {
			t.sumless[side(r)].Store(true)
		}
		if failed == nil || ctx.Err() != nil {
			return resp, err
		}
		skewed := t.skewed(failed)
		switch {
		case !renewed && expired(failed) && t.renew(ctx, used):
			renewed = true
		case unexpected(resp, r):
			t.waitless.Store(true)
			r.Header.Del("Expect")
		case !plain && refusesSums(r, failed):
			plain = true
		case !dated && (skewed || late(failed)):
			dated = true
			attempt++
		case repeat && (err == nil || t.passes(failed) || body != nil && damaged(failed)) && attempt < t.rules.MaxAttempts():
			var stop error
			if refund, stop = t.pause(ctx, attempt, failed); stop != nil {
				return nil, stop
			}
			attempt++
		default:
			return resp, err
		}
		again := wire.Rewind(body)
		switch {
		case !again && plain:
			t.sumless[side(r)].Store(true)
			return nil, &smithyhttp.RequestSendError{Err: errPlain}
		case !again:
			return resp, err
		}
		r = r.Clone(ctx) // what was sent may still be read
		if plain {
			dropSums(r.Header)
		}
	}
}

// attempt sends a request once, with the credentials that it returns.
func (t *transport) attempt(r *http.Request, to scope, body io.Reader) (*http.Response, aws.Credentials, error) {
	ctx := r.Context()
	used, err := t.identity(ctx)
	if err != nil {
		return nil, used, err
	}
	t.owner.expect(ctx, awsmiddleware.GetOperationName(ctx), r.Header)
	if err := t.sign(r, to, used); err != nil {
		return nil, used, err
	}
	watch := wire.Watching(ctx)
	if err := watch.Ask(); err != nil {
		return nil, used, err
	}
	ctx, cancel := context.WithCancelCause(context.WithValue(ctx, storageKey{}, true))
	out := r.WithContext(watch.Carried(ctx))
	if body != nil {
		if out.Body, err = sent(body, r.ContentLength); err != nil {
			cancel(nil)
			return nil, used, err
		}
		out.Body = t.paced(ctx, out.Body)
		// The connection may go on reading after it has answered; the caller's
		// buffer is its own again when we return.
		defer func() { _ = out.Body.Close() }()
	}
	t.sent.request(r)
	resp, err := t.next.Do(out)
	if err != nil {
		cancel(nil)
		if said := watch.Refusal(); said != nil {
			return nil, used, said
		}
		return nil, used, &smithyhttp.RequestSendError{Err: err}
	}
	if t.observe != nil {
		t.observe(objectstore.Exchange{Method: r.Method, URL: r.URL.String(), Request: r.Header.Clone(),
			Status: resp.StatusCode, Answer: resp.Header.Clone()})
	}
	t.sent.answer(r, resp)
	err = t.take(resp, r, cancel)
	if slow(resp, r) {
		objectstore.Throttled(ctx, t.address)
	}
	return resp, used, err
}

// identity is what the credential chain gives now.
func (t *transport) identity(ctx context.Context) (aws.Credentials, error) {
	if t.chain == nil {
		return aws.Credentials{}, &identityError{errors.New("no credentials")}
	}
	c, err := t.chain.Retrieve(ctx)
	if err == nil {
		err = misread(c)
	}
	if err != nil {
		return c, &identityError{err}
	}
	return c, nil
}

const (
	unsignedPayload = "UNSIGNED-PAYLOAD"
	emptyPayload    = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

	payloadHeader = "X-Amz-Content-Sha256"
	scopeHeader   = "Authorization"
)

// scope is what a request is signed for. Of the SDK's it stands in the place of the
// signature.
type scope struct{ service, region string }

func scopeOf(r *http.Request) scope {
	service, region, _ := strings.Cut(r.Header.Get(scopeHeader), " ")
	return scope{service, region}
}

// unsigned is the SDK's signer, and leaves signing to the transport.
type unsigned struct{}

// SignHTTP implements s3.HTTPSignerV4.
func (unsigned) SignHTTP(
	_ context.Context, _ aws.Credentials, r *http.Request, _, service, region string, _ time.Time,
	_ ...func(*v4.SignerOptions),
) error {
	r.Header[scopeHeader] = []string{service + " " + region}
	return nil
}

// nobody are the credentials that the SDK needs to believe that it signs.
func nobody(context.Context) (aws.Credentials, error) {
	return aws.Credentials{AccessKeyID: "unsigned", SecretAccessKey: "unsigned"}, nil
}

// sign adds a request's date, token and signature. Its URL is escaped.
func (t *transport) sign(r *http.Request, to scope, c aws.Credentials) error {
	if to.service == "" || to.service == "s3express" { // of keys of its own
		return fmt.Errorf("%w: the bucket wants its requests signed in a way of its own", objectstore.ErrNotOffered)
	}
	for _, name := range []string{scopeHeader, "X-Amz-Security-Token", "Accept-Encoding"} {
		delete(r.Header, name) // of an attempt before
	}
	at := t.now().Add(time.Duration(t.skew.Load()))
	err := t.signer.SignHTTP(r.Context(), c, r, r.Header.Get(payloadHeader), to.service, to.region, at)
	if err != nil {
		return fmt.Errorf("sign the request: %w", err)
	}
	// Not signed: what stands between may change it.
	r.Header["Accept-Encoding"] = []string{"identity"}
	return nil
}

// copied is the size up to which bodies are copied before they are sent. With
// their header they fit into a connection's buffer.
const copied = 16 << 10

// sent wraps a body for the connection. Of small ones it makes a copy of a type that is
// known there to be in memory: then header and body go out in one write.
func sent(body io.Reader, size int64) (io.ReadCloser, error) {
	if size > copied {
		return objectstore.NewSentBody(body, size), nil
	}
	data := make([]byte, size)
	if _, err := io.ReadFull(body, data); err != nil {
		return nil, fmt.Errorf("read the body: %w", err)
	}
	return io.NopCloser(bytes.NewReader(data)), nil
}
