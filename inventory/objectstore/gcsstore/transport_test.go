package gcsstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/gcsstore"
	"github.com/residency/residency/inventory/objectstore/storetest/google"
	"github.com/residency/residency/inventory/remedy"
)

var errFence = errors.New("the lease is lost")

func TestFenceStopsRequests(t *testing.T) {
	server, s := start(t, google.Options{})
	w := put(t, s, "versioned", "key", "one")
	before := server.Count("storage.objects.delete")
	ctx := objectstore.WithFence(t.Context(), func() error { return errFence })
	d := objectstore.Deletion{Key: "key", VersionID: w.VersionID, ETag: w.ETag}
	if err := s.DeleteIf(ctx, "versioned", d); !errors.Is(err, errFence) {
		t.Errorf("got %v", err)
	}
	if n := server.Count("storage.objects.delete") - before; n != 0 {
		t.Errorf("%d requests arrived", n)
	}
	if err := s.DeleteIf(t.Context(), "versioned", d); err != nil {
		t.Errorf("without a fence on the same connection: %v", err)
	}
}

// TestFenceStopsBodies: of a body that is being sent no more goes out once the fence is down.
func TestFenceStopsBodies(t *testing.T) {
	server, s := start(t, google.Options{})
	var asked atomic.Int32
	ctx := objectstore.WithFence(t.Context(), func() error {
		if asked.Add(1) > 3 {
			return errFence
		}
		return nil
	})
	_, err := s.Put(ctx, objectstore.NewObject{Bucket: "plain", Key: "key"},
		objectstore.Body{Reader: bytes.NewReader(make([]byte, 8<<20)), Size: 8 << 20})
	if !errors.Is(err, errFence) || errors.Is(err, objectstore.ErrUnanswered) {
		t.Errorf("got %v", err)
	}
	if n := server.Count("storage.objects.insert"); n != 0 {
		t.Errorf("%d requests arrived whole", n)
	}
}

func TestReadsAreRepeated(t *testing.T) {
	for name, f := range map[string]google.Fault{"throttled": {Status: 429, Reason: "rateLimitExceeded"},
		"quota": {Status: 403, Reason: "rateLimitExceeded"}, "down": {Status: 503, Reason: "backendError"},
		"lost": {Lost: true}} {
		server, s := start(t, google.Options{PageSize: 1})
		put(t, s, "plain", "a", "one")
		put(t, s, "plain", "b", "two")
		var throttled atomic.Int32
		server.SetFault(func(r google.Request) google.Fault {
			if r.N%2 == 1 {
				return f
			}
			return google.Fault{}
		})
		ctx := objectstore.WithThrottled(t.Context(), func(string) { throttled.Add(1) })
		if all, err := listed(ctx, s, "plain", "", ""); err != nil || len(all) != 2 {
			t.Errorf("%s: %d entries, %v", name, len(all), err)
		}
		if told := throttled.Load() > 0; told == f.Lost {
			t.Errorf("%s: told to slow down: %v", name, told)
		}
		server.SetFault(func(google.Request) google.Fault { return f })
		if _, err := listed(t.Context(), s, "plain", "", ""); err == nil || objectstore.Permanent(err) {
			t.Errorf("%s, without an end: %v", name, err)
		}
	}
}

// TestRetryAfter: a service that says for how long it wants to be left alone is, within bounds,
// and not by all at the same time.
func TestRetryAfter(t *testing.T) {
	for after, want := range map[string]string{"": "[1s 2s]", "0": "[1s 2s]", "3": "[3s 3s]", "3600": "[11s 12s]",
		"soon": "[1s 2s]"} {
		var waits []time.Duration
		server, s := start(t, google.Options{}, func(o *gcsstore.Options) {
			o.Backoff = func(attempts int) time.Duration { return time.Duration(attempts) * time.Second }
			o.Sleep = func(_ context.Context, d time.Duration) error {
				waits = append(waits, d)
				return nil
			}
		})
		put(t, s, "plain", "a", "one")
		server.SetFault(func(r google.Request) google.Fault {
			if r.N < 3 {
				return google.Fault{Status: 429, Reason: "rateLimitExceeded", After: after}
			}
			return google.Fault{}
		})
		if all, err := listed(t.Context(), s, "plain", "", ""); err != nil || len(all) != 1 || fmt.Sprint(waits) != want {
			t.Errorf("%q: %d entries, %v, after waits of %v; want %s", after, len(all), err, waits, want)
		}
	}
}

func TestCredentials(t *testing.T) {
	server, _ := start(t, google.Options{Token: "good"})
	with := func(source oauth2.TokenSource) *gcsstore.Store {
		return open(t, server, func(o *gcsstore.Options) { o.Credentials = source })
	}
	good := with(oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "good"}))
	if _, err := listed(t.Context(), good, "plain", "", ""); err != nil {
		t.Error(err)
	}
	for name, source := range map[string]oauth2.TokenSource{"none": nil,
		"another": oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "bad"}), "refused": refusing{}} {
		_, err := listed(t.Context(), with(source), "plain", "", "")
		if !errors.Is(err, objectstore.ErrCredentials) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
		if !strings.Contains(remedy.For(err), "gcloud") {
			t.Errorf("%s: remedy %q", name, remedy.For(err))
		}
	}
}

type refusing struct{}

func (refusing) Token() (*oauth2.Token, error) {
	return nil, &oauth2.RetrieveError{ErrorCode: "invalid_grant", Body: []byte("secret"), Response: &http.Response{}}
}

func TestEndpoints(t *testing.T) {
	for endpoint, want := range map[string]error{
		"":                        nil,
		"https://storage.example": nil,
		"http://127.0.0.1:4443":   nil,
		"http://localhost:1/":     nil,
		"http://[::1]:1":          nil,
		"http://storage.example":  objectstore.ErrInsecure,
	} {
		_, err := gcsstore.Open(t.Context(), gcsstore.Options{Name: "cloud", Endpoint: endpoint})
		if !errors.Is(err, want) || (want == nil) != (err == nil) {
			t.Errorf("%q: %v", endpoint, err)
		}
	}
	for _, endpoint := range []string{"storage.example", "https://user:secret@storage.example", "https://a/b",
		"ftp://a"} {
		_, err := gcsstore.Open(t.Context(), gcsstore.Options{Name: "cloud", Endpoint: endpoint})
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", endpoint, err)
		}
	}
	open := gcsstore.Options{Endpoint: "http://storage.example", Insecure: true}
	if _, err := gcsstore.Open(t.Context(), open); err != nil {
		t.Error(err)
	}
}

func TestProvider(t *testing.T) {
	p, err := gcsstore.Open(t.Context(), gcsstore.Options{Name: "cloud", Regions: []string{"europe-west4", "EU",
		"europe-west4"}})
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(p.Regions(), " "); got != "EU europe-west4" || p.Home() != "EU" || !p.Global() {
		t.Errorf("regions %s, home %s, global %v", got, p.Home(), p.Global())
	}
	a, b := p.Region("europe-west4"), p.Region("")
	if a.Endpoint() != "cloud" || !objectstore.CanCopy(a, b) ||
		objectstore.AddressOf(a) != "https://storage.googleapis.com" {
		t.Errorf("endpoint %q, address %q", a.Endpoint(), objectstore.AddressOf(a))
	}
}

// TestRegionalAddressesAreGoogles: by whichever one asks, the same service answers.
func TestRegionalAddressesAreGoogles(t *testing.T) {
	for endpoint, want := range map[string]string{"https://storage.europe-west3.rep.googleapis.com": "cloud",
		"https://storage.example": "cloud https://storage.example"} {
		p, err := gcsstore.Open(t.Context(), gcsstore.Options{Name: "cloud", Endpoint: endpoint})
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Region("").Endpoint(); got != want {
			t.Errorf("%s is %q, want %q", endpoint, got, want)
		}
	}
}

// TestAnswersOfSomethingElse: what answers need not be the service.
func TestAnswersOfSomethingElse(t *testing.T) {
	for name, c := range map[string]struct {
		answer http.HandlerFunc
		want   error
	}{
		"a redirect": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://elsewhere.example/b/secret", http.StatusTemporaryRedirect)
		}, objectstore.ErrElsewhere},
		"no end": {func(w http.ResponseWriter, _ *http.Request) {
			for chunk := make([]byte, 1<<20); ; {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		}, nil},
		"a page of a portal": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") }, nil},
		"half of a page": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"items":[`)
		}, objectstore.ErrUnanswered},
		"one token for ever": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"nextPageToken":"x"}`)
		}, objectstore.ErrOrder},
	} {
		server := httptest.NewServer(c.answer)
		p, err := gcsstore.Open(t.Context(), gcsstore.Options{Name: "cloud", Endpoint: server.URL,
			Backoff: func(int) time.Duration { return 0 }})
		if err != nil {
			t.Fatal(err)
		}
		_, err = listed(t.Context(), p.Store(""), "plain", "", "")
		if err == nil || c.want != nil && !errors.Is(err, c.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
		server.Close()
	}
}

func TestNobodyAnswers(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	p, err := gcsstore.Open(t.Context(), gcsstore.Options{Name: "cloud", Endpoint: server.URL,
		Backoff: func(int) time.Duration { return 0 }})
	if err != nil {
		t.Fatal(err)
	}
	_, err = p.Store("").Stat(t.Context(), objectstore.Ref{Bucket: "plain", Key: "secret"}, 0)
	if !errors.Is(err, objectstore.ErrUnanswered) || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Store("").Stat(ctx, objectstore.Ref{Bucket: "plain", Key: "secret"}, 0); !errors.Is(err,
		context.Canceled) || objectstore.Outage(err) {
		t.Errorf("after its end: %v", err)
	}
}

func TestWhatIsSeenOfRequests(t *testing.T) {
	var seen []objectstore.Exchange
	server, _ := start(t, google.Options{Token: "secret"})
	s := open(t, server, func(o *gcsstore.Options) {
		o.Credentials = oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "secret"})
		o.Observe = func(x objectstore.Exchange) { seen = append(seen, x) }
	})
	w := put(t, s, "plain", "key", "text")
	read(t, s, objectstore.Ref{Bucket: "plain", Key: "key", VersionID: w.VersionID})
	if err := s.DeleteIf(t.Context(), "plain", objectstore.Deletion{Key: "key", VersionID: w.VersionID}); err != nil {
		t.Fatal(err)
	}
	if sent := s.Sent(); sent != (objectstore.Sent{Put: 1, Get: 2, Delete: 1, Received: 4}) || len(seen) != 4 {
		t.Errorf("sent %+v, seen %d", sent, len(seen))
	}
	for _, x := range seen {
		if x.Request.Get("Authorization") != "" || x.Status == 0 || x.URL == "" {
			t.Errorf("%+v", x)
		}
	}
	if at, err := s.Time(t.Context()); err != nil || time.Since(at) > time.Minute {
		t.Errorf("the time is %s, %v", at, err)
	}
	denied := open(t, server) // without a token: the refusal tells the time as well
	if at, err := denied.Time(t.Context()); err != nil || at.IsZero() {
		t.Errorf("the time is %s, %v", at, err)
	}
}

type counting struct{ bytes atomic.Int64 }

func (*counting) Most() int { return 1000 }

func (c *counting) Take(_ context.Context, n int) error {
	c.bytes.Add(int64(n))
	return nil
}

func TestPace(t *testing.T) {
	pace := new(counting)
	_, s := start(t, google.Options{}, func(o *gcsstore.Options) { o.Pace = pace })
	w := put(t, s, "plain", "key", strings.Repeat("x", 10_000))
	if n := pace.bytes.Load(); n < 10_000 {
		t.Errorf("%d bytes were paced", n)
	}
	read(t, s, objectstore.Ref{Bucket: "plain", Key: "key", VersionID: w.VersionID})
	if n := pace.bytes.Load(); n < 20_000 {
		t.Errorf("%d bytes were paced both ways", n)
	}
}
