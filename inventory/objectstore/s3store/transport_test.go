package s3store

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"

	"github.com/residency/residency/inventory/objectstore"
)

// captured is an HTTP client that keeps the request and answers 200.
type captured struct {
	request *http.Request
	body    []byte
}

func (c *captured) Do(r *http.Request) (*http.Response, error) {
	c.request, c.body = r, nil
	if r.Body != nil {
		var err error
		if c.body, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Etag": {`"e"`}}, Body: http.NoBody, Request: r},
		nil
}

func testOptions(c aws.HTTPClient, region, endpoint string) s3.Options {
	o := s3.Options{
		Region: region, HTTPClient: c, Credentials: testCredentials,
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
	}
	if endpoint != "" {
		o.BaseEndpoint, o.UsePathStyle = &endpoint, true
	}
	return o
}

// populate sets every field of a request's input that is not left out, to a
// value that shows.
func populate(t *testing.T, in any, leftOut ...string) {
	t.Helper()
	v := reflect.ValueOf(in).Elem()
	for i := range v.NumField() {
		name, f := v.Type().Field(i).Name, v.Field(i)
		if !f.CanSet() || slices.Contains(leftOut, name) || name == "Body" {
			continue
		}
		switch f.Interface().(type) {
		case *string:
			f.Set(reflect.ValueOf(aws.String("a  value of " + name)))
		case *int32:
			f.Set(reflect.ValueOf(aws.Int32(7)))
		case *int64:
			f.Set(reflect.ValueOf(aws.Int64(4)))
		case *bool:
			f.Set(reflect.ValueOf(aws.Bool(true)))
		case *time.Time:
			f.Set(reflect.ValueOf(aws.Time(time.Date(2027, 1, 2, 3, 4, 5, 678e6, time.UTC))))
		case map[string]string:
			f.Set(reflect.ValueOf(map[string]string{"plain": "x", "Mixed-Case": " y  z ", "empty": "", "accent": "é"}))
		default:
			if f.Kind() != reflect.String {
				t.Fatalf("%s is of a type that this test does not know: %s", name, f.Type())
			}
			f.SetString("VALUE-" + name)
		}
	}
}

// comparable leaves what is the SDK's own affair out of a header.
func comparable(h http.Header) http.Header {
	h = maps.Clone(h)
	for name := range h {
		if strings.HasPrefix(name, "Amz-Sdk-") || slices.Contains([]string{"Authorization", "X-Amz-Date", "User-Agent",
			"Accept-Encoding", "Content-Length", "Expect"}, name) {
			delete(h, name)
		}
	}
	return h
}

// The hot operations send what the SDK sends, wherever they go.
func TestObjectsSendWhatTheSDKSends(t *testing.T) {
	clocks := []string{"IfModifiedSince", "IfUnmodifiedSince", "ResponseExpires", "Range", "ResponseCacheControl",
		"ResponseContentDisposition", "ResponseContentEncoding", "ResponseContentLanguage", "ResponseContentType"}
	writes := []string{"ChecksumAlgorithm", "ChecksumCRC32", "ChecksumCRC32C", "ChecksumCRC64NVME", "ChecksumMD5",
		"ChecksumSHA1", "ChecksumSHA256", "ChecksumSHA512", "ChecksumXXHASH128", "ChecksumXXHASH3", "ChecksumXXHASH64",
		"Expires", "ObjectLockEventHold", "ObjectLockEventHoldDurationDays", "ObjectLockEventHoldDurationYears",
		"WriteOffsetBytes"}
	keys := []string{"plain", "a/b//c", "/begins", "ends/", "white space+plus", "é%2F?&=#", "../dots/./x", "\xff\xfe",
		"~-_.!*'()"}
	places := []struct{ region, endpoint, bucket string }{
		{"us-east-1", "", "plain-bucket"}, {"eu-west-1", "", "plain-bucket"}, {"eu-west-1", "", "dotted.bucket"},
		{"cn-north-1", "", "plain-bucket"},
		{"us-east-1", "http://127.0.0.1:9000", "plain-bucket"}, {"gra", "https://s3.gra.example.net/base", "plain-bucket"},
	}
	for _, at := range places {
		for _, key := range keys {
			ours, theirs := &captured{}, &captured{}
			client := s3.New(testOptions(theirs, at.region, at.endpoint))
			w := newObjects(s3.New(testOptions(ours, at.region, at.endpoint)), testTransport(ours))
			ctx := t.Context()
			for op, send := range map[string]func(full bool) (error, error){
				"GetObject": func(full bool) (error, error) {
					in := &s3.GetObjectInput{ChecksumMode: types.ChecksumModeEnabled}
					if full {
						populate(t, in, clocks...)
					}
					in.Bucket, in.Key = &at.bucket, &key
					_, err := w.getObject(ctx, in)
					_, sdkErr := client.GetObject(ctx, in)
					return err, sdkErr
				},
				"HeadObject": func(full bool) (error, error) {
					in := &s3.HeadObjectInput{ChecksumMode: types.ChecksumModeEnabled}
					if full {
						populate(t, in, clocks...)
					}
					in.Bucket, in.Key = &at.bucket, &key
					_, err := w.headObject(ctx, in)
					_, sdkErr := client.HeadObject(ctx, in)
					return err, sdkErr
				},
				"PutObject": func(full bool) (error, error) {
					in := &s3.PutObjectInput{}
					if full {
						populate(t, in, writes...)
					}
					in.Bucket, in.Key, in.ContentLength = &at.bucket, &key, aws.Int64(4)
					in.Body = strings.NewReader("body")
					_, err := w.putObject(ctx, in, nil, unsignedPayload)
					in.Body = strings.NewReader("body")
					_, sdkErr := client.PutObject(ctx, in, s3.WithAPIOptions(v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware))
					return err, sdkErr
				},
				"UploadPart": func(full bool) (error, error) {
					in := &s3.UploadPartInput{PartNumber: aws.Int32(3), UploadId: aws.String("up+load/id==")}
					if full {
						populate(t, in, writes...)
					}
					in.Bucket, in.Key, in.ContentLength = &at.bucket, &key, aws.Int64(4)
					in.Body = strings.NewReader("body")
					_, err := w.uploadPart(ctx, in, nil, unsignedPayload)
					in.Body = strings.NewReader("body")
					_, sdkErr := client.UploadPart(ctx, in, s3.WithAPIOptions(v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware))
					return err, sdkErr
				},
			} {
				for _, full := range []bool{false, true} {
					err, sdkErr := send(full)
					if err != nil || sdkErr != nil {
						t.Fatalf("%s: %v; the SDK: %v", op, err, sdkErr)
					}
					a, b := ours.request, theirs.request
					if a.Method != b.Method || a.URL.String() != b.URL.String() || a.URL.Host != b.URL.Host {
						t.Errorf("%s %q: %s %s\nthe SDK: %s %s", op, key, a.Method, a.URL, b.Method, b.URL)
					}
					if d := cmp.Diff(comparable(b.Header), comparable(a.Header)); d != "" {
						t.Errorf("%s %q in %s: header differs (-SDK +ours):\n%s", op, key, at.region, d)
					}
					if !bytes.Equal(ours.body, theirs.body) || a.ContentLength != b.ContentLength {
						t.Errorf("%s: body %q of %d bytes, the SDK's %q of %d", op, ours.body, a.ContentLength, theirs.body,
							b.ContentLength)
					}
				}
			}
		}
	}
}

// A request is signed as it goes out, but for what stands between may change. One
// that is signed anew is as one that was not signed before.
func TestSign(t *testing.T) {
	const target = "https://b.s3.eu-west-1.amazonaws.com/%C3%A9%20/%2B?partNumber=1&versionId=a%2Fb&x-id=GetObject"
	at := time.Date(2026, 11, 24, 23, 59, 59, 0, time.FixedZone("", 3600))
	c := aws.Credentials{AccessKeyID: "AKID", SecretAccessKey: "secret", SessionToken: "session"}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, target, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header = http.Header{"If-Match": {`"x"`}, "X-Amz-Meta-A": {"  two  spaces   here "}, "User-Agent": {"x"},
		"Expect": {"100-continue"}}
	w := testTransport(nil)
	w.now = func() time.Time { return at }
	r.Header.Set(payloadHeader, emptyPayload)
	var first string
	for range 2 {
		if err := w.sign(r, scope{"s3", "eu-west-1"}, c); err != nil {
			t.Fatal(err)
		}
		got := r.Header.Get("Authorization")
		const want = "Credential=AKID/20261124/eu-west-1/s3/aws4_request, " +
			"SignedHeaders=host;if-match;x-amz-content-sha256;x-amz-date;x-amz-meta-a;x-amz-security-token, "
		if !strings.Contains(got, want) {
			t.Errorf("signed as %s, want %s", got, want)
		}
		if first == "" {
			first = got
		}
		if got != first || r.URL.String() != target || r.Header.Get("Accept-Encoding") != "identity" {
			t.Errorf("signed anew: %s, %s, %v; want %s", got, r.URL, r.Header, first)
		}
	}
}

// What a service answers becomes the same error as with the SDK, after as many requests;
// and more where it may have refused what is optional: headers about checksums and HEAD.
func TestErrorsAreTheSDKs(t *testing.T) {
	more := map[string]int64{"GetObject NotImplemented": 1, "HeadObject NotImplemented": 3, "GetObject BadRequest": 1}
	answers := []struct {
		status int
		body   string
	}{
		{404, `<?xml version="1.0"?><Error><Code>NoSuchKey</Code><Message>m</Message></Error>`}, {404, ""},
		{403, `<Error><Code>AccessDenied</Code></Error>`}, {403, ""},
		{412, `<Error><Code>PreconditionFailed</Code></Error>`}, {412, ""}, {400, `<Error><Code>ExpiredToken</Code></Error>`},
		{503, `<Error><Code>SlowDown</Code></Error>`}, {503, "<html><body>busy"},
		{500, `<Error><Code>InternalError</Code></Error>`}, {502, ""}, {501, `<Error><Code>NotImplemented</Code></Error>`},
		{301, `<Error><Code>PermanentRedirect</Code></Error>`}, {307, ""}, {304, ""},
		{400, `<Error><Message>no code</Message></Error>`}, {400, `{"not": "XML"}`}, {418, "<Error></Error>"},
		{400, `<Error><Code>XAmzContentSHA256Mismatch</Code></Error>`},
		{403, `<Error><Code>InvalidObjectState</Code></Error>`},
	}
	for _, answer := range answers {
		var requests atomic.Int64
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			requests.Add(1)
			_, _ = io.Copy(io.Discard, r.Body)
			w.WriteHeader(answer.status)
			_, _ = io.WriteString(w, answer.body)
		}))
		s := localStore(t, server.URL)
		o := testOptions(&http.Client{CheckRedirect: follow}, "us-east-1", server.URL)
		o.Retryer = impatient{aws.NopRetryer{}, 3}
		sdk := s3.New(o)
		ctx, at := t.Context(), objectstore.Ref{Bucket: "b", Key: "k"}
		in, put := &s3.GetObjectInput{Bucket: &at.Bucket, Key: &at.Key}, &s3.PutObjectInput{Bucket: &at.Bucket, Key: &at.Key,
			Body: strings.NewReader("x"), ContentLength: aws.Int64(1)}
		for op, calls := range map[string][2]func() error{
			"GetObject": {
				func() error { _, err := s.Open(ctx, at, 0); return err },
				func() error { _, err := sdk.GetObject(ctx, in); return s.fail("GetObject", "b", err) },
			},
			"HeadObject": {
				func() error { _, err := s.stat(ctx, at, 0, CustomerKey{}); return err },
				func() error {
					_, err := sdk.HeadObject(ctx, &s3.HeadObjectInput{Bucket: in.Bucket, Key: in.Key})
					return s.fail("HeadObject", "b", err)
				},
			},
			"PutObject": {
				func() error {
					_, err := s.Put(ctx, objectstore.NewObject{Bucket: "b", Key: "k"}, objectstore.Body{Reader: strings.NewReader("x"),
						Size: 1})
					return err
				},
				func() error {
					_, err := sdk.PutObject(ctx, put, func(o *s3.Options) { o.Retryer = aws.NopRetryer{} },
						s3.WithAPIOptions(v4.SwapComputePayloadSHA256ForUnsignedPayloadMiddleware))
					return s.fail("PutObject", "b", err)
				},
			},
		} {
			requests.Store(0)
			ours := calls[0]()
			n := requests.Swap(0)
			theirs := calls[1]()
			var a, b *objectstore.Error
			if !errors.As(ours, &a) || !errors.As(theirs, &b) {
				t.Errorf("%s, HTTP %d: %v; the SDK: %v", op, answer.status, ours, theirs)
				continue
			}
			if a.Code != b.Code || a.Status != b.Status || !errors.Is(a.Kind, b.Kind) || !errors.Is(b.Kind, a.Kind) ||
				n != requests.Load()+more[op+" "+a.Code] {
				t.Errorf("%s, HTTP %d %q: %v after %d requests; the SDK: %v after %d", op, answer.status, answer.body, ours, n,
					theirs, requests.Load())
			}
		}
		server.Close()
	}
}

// localStore is a store of a server on loopback; its retries do not wait.
func localStore(t *testing.T, url string) *Store {
	t.Helper()
	sends := testTransport(&http.Client{CheckRedirect: follow})
	o := testOptions(nil, "us-east-1", url)
	sends.sole(&o)
	client := s3.New(o)
	return &Store{provider: "cloud", region: "us-east-1", endpoint: url, client: client, owner: sends.owner, now: time.Now,
		objects: newObjects(client, sends), transport: sends}
}

// testTransport sends by a client of the test's, and repeats at once.
func testTransport(next aws.HTTPClient) *transport {
	return &transport{next: next, chain: testCredentials, rules: impatient{aws.NopRetryer{}, 3}, owner: &owner{},
		now: time.Now, patience: Patience{}.orDefault(), signer: newSigner()}
}

var testCredentials = credentials.NewStaticCredentialsProvider("AKID", "secret", "token")

// impatient repeats whatever the standard rules would, at once.
type impatient struct {
	aws.NopRetryer
	most int
}

func (i impatient) MaxAttempts() int                           { return i.most }
func (impatient) RetryDelay(int, error) (time.Duration, error) { return 0, nil }
func (impatient) IsErrorRetryable(err error) bool              { return retry.NewStandard().IsErrorRetryable(err) }
func (impatient) GetRetryToken(context.Context, error) (func(error) error, error) {
	return func(error) error { return nil }, nil
}

// A signature's date follows the service's clock, for writes too: what was
// refused for its date was not done.
func TestSkewIsTaken(t *testing.T) {
	const ahead = time.Hour
	var refused, done atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		now := time.Now().Add(ahead)
		w.Header().Set("Date", now.UTC().Format(http.TimeFormat))
		at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
		if err != nil || now.Sub(at).Abs() > 15*time.Minute {
			refused.Add(1)
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, "<Error><Code>RequestTimeTooSkewed</Code></Error>")
			return
		}
		if r.Method == http.MethodPut && string(body) != "body" {
			t.Errorf("body %q", body)
		}
		done.Add(1)
	}))
	defer server.Close()
	s := localStore(t, server.URL)
	for range 3 {
		if _, err := s.Put(t.Context(), objectstore.NewObject{Bucket: "b", Key: "k"},
			objectstore.Body{Reader: strings.NewReader("body"), Size: 4}); err != nil {
			t.Fatal(err)
		}
	}
	if refused.Load() != 1 || done.Load() != 3 {
		t.Errorf("%d refused and %d done, want 1 and 3", refused.Load(), done.Load())
	}
	s = localStore(t, server.URL)
	if _, err := s.Open(t.Context(), objectstore.Ref{Bucket: "b", Key: "k"}, 0); err != nil {
		t.Errorf("a read: %v", err)
	}
	s = localStore(t, server.URL)
	_, err := s.Put(t.Context(), objectstore.NewObject{Bucket: "b", Key: "k"},
		objectstore.Body{Reader: io.LimitReader(strings.NewReader("body"), 4), Size: 4,
			MD5: "841a2d689ad86bd1611447453c22c6fc"})
	if !errors.Is(err, objectstore.ErrCredentials) {
		t.Errorf("a body that cannot be sent again: %v, want it refused", err)
	}
}

// A caller's buffer is its own again when a write returns, whatever the
// connection still does.
func TestTheBodyIsLeft(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusPreconditionFailed) // before the body was read
	}))
	defer server.Close()
	s := localStore(t, server.URL)
	buf := make([]byte, 1<<20)
	for i := range 20 {
		_, err := s.Put(t.Context(), objectstore.NewObject{Bucket: "b", Key: "k"},
			objectstore.Body{Reader: bytes.NewReader(buf), Size: int64(len(buf))})
		if err == nil {
			t.Fatal("no error")
		}
		for j := range buf { // the race detector watches
			buf[j] = byte(i)
		}
	}
}

// A body that is only a reader goes to a server that reads it to its end before
// it answers.
func TestSendsWhatCanOnlyBeRead(t *testing.T) {
	const size = 3 << 20
	var whole atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if n, err := io.Copy(io.Discard, r.Body); err == nil && n == size {
			whole.Add(1)
		}
	}))
	defer server.Close()
	s := localStore(t, server.URL)
	const times = 20
	for range times {
		body := io.TeeReader(io.LimitReader(bytes.NewReader(make([]byte, size+1)), size), io.Discard)
		if _, err := s.Put(t.Context(), objectstore.NewObject{Bucket: "b", Key: "k"}, objectstore.Body{Reader: body,
			Size: size}); err != nil {
			t.Fatal(err)
		}
	}
	if whole.Load() != times {
		t.Errorf("%d bodies arrived whole, want %d", whole.Load(), times)
	}
}

// Whoever asks is told of each refusal for speed, also of those that a read
// gets over.
func TestTellsOfThrottling(t *testing.T) {
	var requests, told atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if requests.Add(1) <= 2 {
			w.WriteHeader(http.StatusServiceUnavailable)
			_, _ = io.WriteString(w, "<Error><Code>SlowDown</Code></Error>")
		}
	}))
	defer server.Close()
	ctx := objectstore.WithThrottled(t.Context(), func(string) { told.Add(1) })
	if _, err := localStore(t, server.URL).Open(ctx, objectstore.Ref{Bucket: "b", Key: "k"}, 0); err != nil {
		t.Error(err)
	}
	if requests.Load() != 3 || told.Load() != 2 {
		t.Errorf("told %d times in %d requests, want 2 in 3", told.Load(), requests.Load())
	}
}

func TestStopsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		cancel()
		<-r.Context().Done()
	}))
	defer server.Close()
	if _, err := localStore(t, server.URL).Open(ctx, objectstore.Ref{Bucket: "b", Key: "k"}, 0); !errors.Is(err,
		context.Canceled) {
		t.Errorf("Open: %v, want context.Canceled", err)
	}
}
