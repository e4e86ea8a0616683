package s3store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/residency/residency/inventory/objectstore"
)

// A service that says how long it wants to be left alone is, within bounds.
func TestDelayed(t *testing.T) {
	const amazons, others = "X-Amz-Retry-After", "Retry-After"
	for _, tt := range []struct {
		header, value string
		want          time.Duration
	}{
		{"", "", time.Second}, {amazons, "500", time.Second}, {amazons, "1500", 1500 * time.Millisecond},
		{amazons, "3600000", 6 * time.Second}, {amazons, "-1", time.Second}, {amazons, "soon", time.Second},
		{others, "3", 3 * time.Second}, {others, "3600", 6 * time.Second},
	} {
		resp := &http.Response{StatusCode: http.StatusServiceUnavailable,
			Header: http.Header{"Date": {"Sat, 28 Nov 2026 12:00:00 GMT"}}}
		if tt.header != "" {
			resp.Header.Set(tt.header, tt.value)
		}
		if got := delayed(time.Second, refused(resp, new(document))); got != tt.want {
			t.Errorf("%s %q: %s, want %s", tt.header, tt.value, got, tt.want)
		}
	}
	if got := delayed(time.Second, errors.New("no answer")); got != time.Second {
		t.Errorf("without an answer: %s", got)
	}
}

// counted are rules that count the attempts that they are asked to permit.
type counted struct {
	impatient
	asked, settled atomic.Int64
}

func (c *counted) GetAttemptToken(context.Context) (func(error) error, error) {
	c.asked.Add(1)
	return func(error) error { c.settled.Add(1); return nil }, nil
}

// Rules that bound how many attempts there are at a time see all of them, whoever has built
// the request.
func TestEveryAttemptIsPermitted(t *testing.T) {
	var requests atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		requests.Add(1)
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer server.Close()
	s := localStore(t, server.URL)
	rules := &counted{impatient: impatient{aws.NopRetryer{}, 3}}
	s.transport.rules = rules
	at := objectstore.Ref{Bucket: "b", Key: "k"}
	for op, send := range map[string]func() error{
		"Open": func() error { _, err := s.Open(t.Context(), at, 0); return err },
		"Put": func() error {
			_, err := s.Put(t.Context(), objectstore.NewObject{Bucket: "b", Key: "k"},
				objectstore.Body{Reader: strings.NewReader("x"), Size: 1})
			return err
		},
		"Versioning": func() error { _, err := s.Versioning(t.Context(), "b"); return err },
		"Copy": func() error {
			_, err := s.Copy(t.Context(), at, objectstore.NewObject{Bucket: "b", Key: "l"})
			return err
		},
	} {
		requests.Store(0)
		rules.asked.Store(0)
		rules.settled.Store(0)
		err := send()
		if n := requests.Load(); err == nil || n == 0 || rules.asked.Load() != n || rules.settled.Load() != n {
			t.Errorf("%s: %d requests, %d permitted, %d settled, %v", op, n, rules.asked.Load(), rules.settled.Load(), err)
		}
	}
}

// Whoever has built a request, one that is refused for its credentials is sent once more
// with those that the chain gives then, and not again.
func TestEveryRequestIsRenewed(t *testing.T) {
	for _, tt := range []struct{ good, refused, taken int64 }{{2, 1, 1}, {3, 2, 0}} {
		for op, send := range map[string]func(*Store) error{
			"Open": func(s *Store) error {
				_, err := s.Open(t.Context(), objectstore.Ref{Bucket: "b", Key: "k"}, 0)
				return err
			},
			"Put": func(s *Store) error {
				_, err := s.Put(t.Context(), objectstore.NewObject{Bucket: "b", Key: "k"},
					objectstore.Body{Reader: strings.NewReader("text"), Size: 4})
				return err
			},
			"Versioning":    func(s *Store) error { _, err := s.Versioning(t.Context(), "b"); return err },
			"SetVersioning": func(s *Store) error { return s.SetVersioning(t.Context(), "b", objectstore.Enabled) },
			"PutMarker":     func(s *Store) error { _, err := s.PutMarker(t.Context(), "b", "k"); return err },
		} {
			var refused, taken, given atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if strings.Contains(r.Header.Get("Authorization"), fmt.Sprintf("Credential=AKID%d/", tt.good)) &&
					r.Header.Get("X-Amz-Security-Token") == fmt.Sprintf("token%d", tt.good) {
					taken.Add(1)
					return
				}
				refused.Add(1)
				w.WriteHeader(http.StatusBadRequest)
				fmt.Fprint(w, "<Error><Code>ExpiredToken</Code></Error>")
			}))
			s := localStore(t, server.URL)
			s.transport.chain = aws.NewCredentialsCache(aws.CredentialsProviderFunc(
				func(context.Context) (aws.Credentials, error) {
					n := given.Add(1)
					return aws.Credentials{AccessKeyID: fmt.Sprintf("AKID%d", n), SecretAccessKey: "s",
						SessionToken: fmt.Sprintf("token%d", n)}, nil
				}))
			err := send(s)
			server.Close()
			if refused.Load() != tt.refused || taken.Load() != tt.taken ||
				tt.taken == 0 && !errors.Is(err, objectstore.ErrCredentials) {
				t.Errorf("%s, credentials %d are good: refused %d, taken %d, %v; want %d and %d", op, tt.good, refused.Load(),
					taken.Load(), err, tt.refused, tt.taken)
			}
		}
	}
}

// How much of an answer is read depends on what may be in it.
func TestMost(t *testing.T) {
	for _, tt := range []struct {
		method, query string
		status        int
		want          int64
	}{
		{http.MethodGet, "versions=", 200, maxAnswer}, {http.MethodPost, "delete=", 200, maxAnswer},
		{http.MethodPut, "x-id=PutObject", 200, maxShort}, {http.MethodGet, "annotation=&" + readsAnnotations, 200, maxShort},
		{http.MethodPut, "x-id=PutObject", 503, maxError}, {http.MethodGet, readsObject, 404, maxError},
	} {
		r := &http.Request{Method: tt.method, URL: &url.URL{RawQuery: tt.query}}
		if got := most(&http.Response{StatusCode: tt.status}, r); got != tt.want {
			t.Errorf("%s %s, HTTP %d: %d, want %d", tt.method, tt.query, tt.status, got, tt.want)
		}
	}
}
