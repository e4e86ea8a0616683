package s3store_test

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

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/s3store"
)

// newStore is a store whose server is a handler of the test.
func newStore(t *testing.T, o s3store.Options, handler http.HandlerFunc) *s3store.Store {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return storeAt(t, o, server.URL)
}

func storeAt(t *testing.T, o s3store.Options, endpoint string) *s3store.Store {
	t.Helper()
	if o.Profile == "" {
		t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
		t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	}
	o.Name, o.Endpoints = "cloud", map[string]string{"eu-west-1": endpoint}
	p, err := s3store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return p.Region("eu-west-1")
}

var errFence = errors.New("the lease has ended")

// Nothing is sent under a fence that is down: neither a request, nor the rest
// of one that it caught in the middle of its body.
func TestFence(t *testing.T) {
	var requests, whole atomic.Int64
	arrived := make(chan struct{}, 1)
	s := newStore(t, s3store.Options{}, func(_ http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		select {
		case arrived <- struct{}{}:
		default:
		}
		if _, err := io.Copy(io.Discard, r.Body); err == nil {
			whole.Add(1)
		}
	})
	var down atomic.Bool
	ctx := objectstore.WithFence(t.Context(), func() error {
		if down.Load() {
			return errFence
		}
		return nil
	})
	if err := s.DeleteIf(ctx, "b", objectstore.Deletion{Key: "k", VersionID: "v"}); err != nil {
		t.Fatal(err)
	}
	if requests.Load() != 1 || whole.Load() != 1 {
		t.Fatalf("%d requests, %d whole, want 1", requests.Load(), whole.Load())
	}
	<-arrived
	// The body is on its way when the fence goes down.
	body := io.MultiReader(bytes.NewReader(make([]byte, 1<<20)), readerFunc(func([]byte) (int, error) {
		<-arrived
		down.Store(true)
		return 0, io.EOF
	}), bytes.NewReader(make([]byte, 1<<20)))
	if _, err := s.Put(ctx, objectstore.NewObject{Bucket: "b", Key: "k"}, objectstore.Body{Reader: body,
		Size: 2 << 20}); !errors.Is(err, errFence) || objectstore.Outage(err) {
		t.Errorf("Put = %v, want the fence's error alone", err)
	}
	// And this one is not even begun.
	for name, send := range map[string]func() error{
		"DeleteIf": func() error { return s.DeleteIf(ctx, "b", objectstore.Deletion{Key: "k", VersionID: "v"}) },
		"Delete": func() error {
			_, err := s.Delete(ctx, "b", []objectstore.Deletion{{Key: "k", VersionID: "v"}})
			return err
		},
		"PutMarker": func() error { _, err := s.PutMarker(ctx, "b", "k"); return err },
		"Stat":      func() error { _, err := s.Stat(ctx, objectstore.Ref{Bucket: "b", Key: "k"}, 0); return err },
	} {
		if err := send(); !errors.Is(err, errFence) {
			t.Errorf("%s = %v, want the fence's error", name, err)
		}
	}
	if requests.Load() != 2 || whole.Load() != 1 {
		t.Errorf("%d requests, %d of them whole; want 2 and 1", requests.Load(), whole.Load())
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// Between the attempts of a request, whoever builds it, is what Backoff says.
func TestBackoff(t *testing.T) {
	for op, send := range map[string]func(*s3store.Store) error{
		"HeadObject": func(s *s3store.Store) error {
			_, err := s.Stat(t.Context(), objectstore.Ref{Bucket: "b", Key: "k"}, 0)
			return err
		},
		"GetBucketVersioning": func(s *s3store.Store) error { _, err := s.Versioning(t.Context(), "b"); return err },
	} {
		var requests, pauses atomic.Int64
		s := newStore(t, s3store.Options{Backoff: func(attempts int, err error) (time.Duration, error) {
			if n := pauses.Add(1); int64(attempts) != n || err == nil {
				t.Errorf("%s: pause %d after %d attempts and %v", op, n, attempts, err)
			}
			return 0, nil
		}}, func(w http.ResponseWriter, _ *http.Request) {
			requests.Add(1)
			w.WriteHeader(http.StatusInternalServerError)
		})
		if err := send(s); err == nil || pauses.Load() != 2 || requests.Load() != 3 {
			t.Errorf("%s: %d requests, %d pauses, %v; want 3 and 2, and an error", op, requests.Load(), pauses.Load(), err)
		}
	}
}

// A connection that says nothing, or next to nothing, is given up.
func TestStalledRead(t *testing.T) {
	for _, tt := range []struct {
		name    string
		trickle time.Duration // a byte each
	}{{"silence", time.Hour}, {"a trickle", 5 * time.Millisecond}} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStore(t, s3store.Options{Patience: s3store.Patience{Window: 200 * time.Millisecond, Rate: 1 << 20}},
				func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Content-Length", "1000000")
					for r.Context().Err() == nil {
						_, _ = w.Write([]byte("x"))
						_ = http.NewResponseController(w).Flush()
						select {
						case <-time.After(tt.trickle):
						case <-r.Context().Done():
						}
					}
				})
			o, err := s.Open(t.Context(), objectstore.Ref{Bucket: "b", Key: "k"}, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer o.Body.Close()
			_, err = io.Copy(io.Discard, o.Body)
			if !errors.Is(err, objectstore.ErrStalled) || !strings.Contains(err.Error(), "fewer than 209715 bytes in 200ms") {
				t.Errorf("read: %v, want ErrStalled", err)
			}
		})
	}
}

// A clock that is off is told by how much.
func TestSkewedClock(t *testing.T) {
	s := newStore(t, s3store.Options{Now: func() time.Time { return time.Now().Add(17 * time.Minute) }},
		func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprint(w, "<Error><Code>RequestTimeTooSkewed</Code><Message>key k</Message></Error>")
		})
	_, err := s.Put(t.Context(), objectstore.NewObject{Bucket: "b", Key: "k"},
		objectstore.Body{Reader: strings.NewReader(""), Size: 0})
	if !errors.Is(err, objectstore.ErrCredentials) || !errors.Is(err, objectstore.ErrClock) ||
		!strings.Contains(err.Error(), "this machine's clock is 17m") || !strings.Contains(err.Error(),
		" ahead of the endpoint's") {
		t.Errorf("Put = %v", err)
	}
}

// What the test ends must not be taken for a stall.
func TestCancelledRead(t *testing.T) {
	s := newStore(t, s3store.Options{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "10")
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	o, err := s.Open(ctx, objectstore.Ref{Bucket: "b", Key: "k"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer o.Body.Close()
	cancel()
	if _, err := io.Copy(io.Discard, o.Body); !errors.Is(err, context.Canceled) || errors.Is(err, objectstore.ErrStalled) {
		t.Errorf("read: %v, want context.Canceled", err)
	}
}
