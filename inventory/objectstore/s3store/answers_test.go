package s3store_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/s3store"
)

// requests are one of each kind, of both ways in which requests are built.
func requests() map[string]func(context.Context, *s3store.Store) error {
	at := objectstore.Ref{Bucket: "bucket", Key: "key-xq", VersionID: "v"}
	to := objectstore.NewObject{Bucket: "bucket", Key: "key-xq"}
	body := func() objectstore.Body { return objectstore.Body{Reader: bytes.NewReader(make([]byte, 10)), Size: 10} }
	deletions := []objectstore.Deletion{{Key: "key-xq", VersionID: "v"}}
	return map[string]func(context.Context, *s3store.Store) error{
		"GetObject":  func(ctx context.Context, s *s3store.Store) error { _, err := s.Open(ctx, at, 0); return err },
		"HeadObject": func(ctx context.Context, s *s3store.Store) error { _, err := s.Stat(ctx, at, 0); return err },
		"PutObject": func(ctx context.Context, s *s3store.Store) error {
			_, err := s.Put(ctx, to, body())
			return err
		},
		"UploadPart": func(ctx context.Context, s *s3store.Store) error {
			_, err := s.UploadPart(ctx, "bucket", "key-xq", "u", 1, body())
			return err
		},
		"CopyObject": func(ctx context.Context, s *s3store.Store) error { _, err := s.Copy(ctx, at, to); return err },
		"CopyPart": func(ctx context.Context, s *s3store.Store) error {
			_, err := s.CopyPart(ctx, at, 0, 9, "bucket", "key-xq", "u", 1)
			return err
		},
		"CreateUpload": func(ctx context.Context, s *s3store.Store) error {
			_, err := s.CreateUpload(ctx, to)
			return err
		},
		"PutMarker": func(ctx context.Context, s *s3store.Store) error {
			_, err := s.PutMarker(ctx, "bucket", "key-xq")
			return err
		},
		"DeleteObject": func(ctx context.Context, s *s3store.Store) error {
			return s.DeleteIf(ctx, "bucket", deletions[0])
		},
		"DeleteObjects": func(ctx context.Context, s *s3store.Store) error {
			_, err := s.Delete(ctx, "bucket", deletions)
			return err
		},
		"Tags": func(ctx context.Context, s *s3store.Store) error { _, err := s.Tags(ctx, at); return err },
		"Versions": func(ctx context.Context, s *s3store.Store) error {
			for _, err := range s.Versions(ctx, "bucket", "", "") {
				return err
			}
			return nil
		},
		"Policy": func(ctx context.Context, s *s3store.Store) error {
			_, err := s.Setting(ctx, "bucket", objectstore.Policy)
			return err
		},
		"CompleteUpload": func(ctx context.Context, s *s3store.Store) error {
			_, err := s.CompleteUpload(ctx, to, "u", []objectstore.Part{{Number: 1, Size: 10, ETag: "e"}},
				objectstore.Checksum{})
			return err
		},
	}
}

// What passes by itself is told apart from what is wrong with a request, whatever its
// status: whoever may repeats it, and a write is never repeated here.
func TestPassing(t *testing.T) {
	for _, tt := range []struct {
		status int
		code   string
	}{
		{500, "InternalError"}, {400, "RequestTimeout"}, {400, "IncompleteBody"}, {409, "OperationAborted"},
		{409, "ConditionalRequestConflict"},
	} {
		var asked atomic.Int64
		s := newStore(t, s3store.Options{}, func(w http.ResponseWriter, _ *http.Request) {
			asked.Add(1)
			w.WriteHeader(tt.status)
			fmt.Fprintf(w, "<Error><Code>%s</Code></Error>", tt.code)
		})
		writes := []string{"PutObject", "UploadPart", "CopyObject", "CopyPart", "CreateUpload", "CompleteUpload",
			"PutMarker"}
		for op, send := range requests() {
			asked.Store(0)
			err := send(t.Context(), s)
			if op == "HeadObject" {
				continue // has no code
			}
			if !errors.Is(err, objectstore.ErrPassing) || objectstore.Permanent(err) || objectstore.Lasting(err) ||
				objectstore.Hopeless(err) {
				t.Errorf("%s, %s: %v, want that it passes", op, tt.code, err)
			}
			want := int64(3)
			switch {
			case slices.Contains(writes, op):
				want = 1
			case op == "Versions":
				want = 6 // the bucket's versioning is asked for before
			}
			if n := asked.Load(); n != want {
				t.Errorf("%s, %s: asked %d times, want %d", op, tt.code, n, want)
			}
		}
	}
}

// What was signed too long ago is signed and sent once more; a clock that is wrong is
// found out.
func TestLateSignatures(t *testing.T) {
	for _, wrong := range []bool{false, true} {
		var asked atomic.Int64
		s := newStore(t, s3store.Options{}, func(w http.ResponseWriter, _ *http.Request) {
			if asked.Add(1) == 1 || wrong {
				w.WriteHeader(http.StatusForbidden)
				fmt.Fprint(w, "<Error><Code>RequestTimeTooSkewed</Code></Error>")
			}
		})
		err := requests()["PutObject"](t.Context(), s)
		if wrong != errors.Is(err, objectstore.ErrClock) || asked.Load() != 2 {
			t.Errorf("a wrong clock %t: %v after %d requests, want 2", wrong, err, asked.Load())
		}
	}
}

// Whoever builds a request, it is signed by the service's clock once that is known: what
// was refused for its date is sent once more, at once, and has not been done before.
func TestEveryRequestTakesTheServicesClock(t *testing.T) {
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	for op, send := range requests() {
		var refused, taken atomic.Int64
		s := newStore(t, s3store.Options{}, func(w http.ResponseWriter, r *http.Request) {
			now := time.Now().Add(time.Hour).UTC()
			w.Header().Set("Date", now.Format(http.TimeFormat))
			at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
			if err == nil && now.Sub(at).Abs() < 15*time.Minute {
				taken.Add(1)
				return
			}
			refused.Add(1)
			w.WriteHeader(http.StatusForbidden)
			if r.Method != http.MethodHead {
				fmt.Fprint(w, "<Error><Code>RequestTimeTooSkewed</Code></Error>")
			}
		})
		_ = send(t.Context(), s) // the answer is empty, whatever it should be
		if op == "HeadObject" {
			continue // a refusal without a code
		}
		if refused.Load() != 1 || taken.Load() == 0 {
			t.Errorf("%s: refused %d times and taken %d times, want once and then", op, refused.Load(), taken.Load())
		}
	}
}

// What goes to an endpoint carries keys and data, and goes nowhere else because
// the endpoint says so.
func TestRedirectsAreNotFollowed(t *testing.T) {
	var elsewhere atomic.Int64
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere.Add(1) }))
	t.Cleanup(other.Close)
	for _, status := range []int{301, 302, 303, 307, 308} {
		s := newStore(t, s3store.Options{}, func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other.URL+r.URL.RequestURI(), status)
		})
		for op, send := range requests() {
			err := send(t.Context(), s)
			if !errors.Is(err, objectstore.ErrElsewhere) || !strings.Contains(err.Error(),
				"it points to "+other.URL+", which is not followed") || strings.Contains(err.Error(), "key-xq") {
				t.Errorf("%s, HTTP %d: %v, want ErrElsewhere", op, status, err)
			}
		}
	}
	if n := elsewhere.Load(); n > 0 {
		t.Errorf("%d requests went elsewhere", n)
	}
}

// A redirect within the endpoint is its own affair.
func TestRedirectWithinTheEndpoint(t *testing.T) {
	s := newStore(t, s3store.Options{}, func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasPrefix(r.URL.Path, "/inside") {
			http.Redirect(w, r, "/inside"+r.URL.RequestURI(), http.StatusTemporaryRedirect)
			return
		}
		w.Header().Set("Etag", `"e"`)
		_, _ = w.Write([]byte("1234"))
	})
	for range 2 {
		if info, err := s.Stat(t.Context(), objectstore.Ref{Bucket: "bucket", Key: "k"}, 0); err != nil ||
			info.ETag != "e" {
			t.Errorf("%+v, %v", info, err)
		}
	}
	loop := newStore(t, s3store.Options{}, func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.RequestURI(), http.StatusTemporaryRedirect)
	})
	if _, err := loop.Stat(t.Context(), objectstore.Ref{Bucket: "bucket", Key: "k"}, 0); !errors.Is(err,
		objectstore.ErrElsewhere) {
		t.Errorf("a loop: %v, want ErrElsewhere", err)
	}
}

// Nobody but the program writes to its standard error, whatever a service answers.
func TestNothingIsSaidBesideErrors(t *testing.T) {
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	said, err := os.CreateTemp(t.TempDir(), "")
	if err != nil {
		t.Fatal(err)
	}
	stderr := os.Stderr
	t.Cleanup(func() { os.Stderr = stderr })
	os.Stderr = said
	all := requests()
	all["Annotations"] = func(ctx context.Context, s *s3store.Store) error {
		_, err := s.Annotations(ctx, objectstore.Ref{Bucket: "bucket", Key: "key-xq"})
		return err
	}
	for _, answer := range []string{strings.Repeat("x", 1<<17), "<Result>" + strings.Repeat("<x>", 100)} {
		for _, send := range all {
			s := newStore(t, s3store.Options{}, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Length", strconv.Itoa(1<<20)) // more than comes
				_, _ = w.Write([]byte(answer))
			})
			_ = send(t.Context(), s)
		}
	}
	if text, err := os.ReadFile(said.Name()); err != nil || len(text) > 0 {
		t.Errorf("%v, standard error has %s", err, text)
	}
}

// No answer takes memory without bound, whatever was asked and however it was
// answered. An object is as long as it is: whoever reads it bounds it.
func TestEndlessAnswers(t *testing.T) {
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	const most = 100 << 20 // a few bounded answers
	for _, status := range []int{200, 403, 404, 500} {
		for op, send := range requests() {
			if op == "GetObject" && status == 200 || op == "HeadObject" {
				continue
			}
			var sent atomic.Int64
			ctx, cancel := context.WithCancel(t.Context())
			s := newStore(t, s3store.Options{}, func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(status)
				piece := []byte("<Error><Code>" + strings.Repeat("x", 1<<20))
				for {
					n, err := w.Write(piece)
					if sent.Add(int64(n)) > most {
						cancel() // the test's own bound
					}
					if err != nil {
						return
					}
					piece = piece[len(piece)-1<<20:]
				}
			})
			err := send(ctx, s)
			if ctx.Err() != nil {
				t.Errorf("%s, HTTP %d: more than %d bytes were taken", op, status, most)
			}
			if whole := op == "PutObject" || op == "UploadPart" || op == "PutMarker" ||
				op == "DeleteObject"; err == nil &&
				(!whole || status != 200) {
				t.Errorf("%s, HTTP %d: no error", op, status)
			}
			cancel()
		}
	}
}

// Whoever asks is told by every kind of request that it is to slow down.
func TestEveryRequestTellsOfThrottling(t *testing.T) {
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	for _, status := range []int{429, 503} {
		s := newStore(t, s3store.Options{}, func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = w.Write([]byte("<Error><Code>SlowDown</Code></Error>"))
		})
		for op, send := range requests() {
			var told atomic.Int64
			err := send(objectstore.WithThrottled(t.Context(), func(address string) {
				if told.Add(1); address != objectstore.AddressOf(s) {
					t.Errorf("%s: told of %q, the store is at %q", op, address, objectstore.AddressOf(s))
				}
			}), s)
			if !errors.Is(err, objectstore.ErrThrottled) || told.Load() == 0 {
				t.Errorf("%s, HTTP %d: told %d times, %v", op, status, told.Load(), err)
			}
		}
	}
}

// A success that says within that it is to be slower is throttling as well, told
// once for each answer.
func TestSuccessesTellOfThrottling(t *testing.T) {
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	for op, body := range map[string]string{
		"CompleteUpload": "<Error><Code>SlowDown</Code><Message>slow</Message></Error>",
		"CopyObject":     "<Error><Code>SlowDown</Code><Message>slow</Message></Error>",
		"CopyPart":       "<Error><Code>ServiceUnavailable</Code></Error>",
		"DeleteObjects":  "<DeleteResult><Error><Key>k</Key><VersionId>v</VersionId><Code>SlowDown</Code></Error><Error><Key>l</Key><VersionId>v</VersionId><Code>SlowDown</Code></Error></DeleteResult>",
	} {
		s := newStore(t, s3store.Options{}, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`<?xml version="1.0" encoding="UTF-8"?>` + "\n" + body))
		})
		var told atomic.Int64
		err := requests()[op](objectstore.WithThrottled(t.Context(), func(string) { told.Add(1) }), s)
		if op != "DeleteObjects" && !errors.Is(err, objectstore.ErrThrottled) || told.Load() != 1 {
			t.Errorf("%s: told %d times, %v", op, told.Load(), err)
		}
	}
}

// A refusal for speed under another status, as some services give it, is told once.
func TestOtherStatusesTellOfThrottling(t *testing.T) {
	t.Setenv("AWS_MAX_ATTEMPTS", "1")
	s := newStore(t, s3store.Options{}, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte("<Error><Code>RequestLimitExceeded</Code></Error>"))
	})
	for _, op := range []string{"PutObject", "GetObject", "DeleteObject", "CreateUpload"} {
		var told atomic.Int64
		err := requests()[op](objectstore.WithThrottled(t.Context(), func(string) { told.Add(1) }), s)
		if !errors.Is(err, objectstore.ErrThrottled) || told.Load() != 1 {
			t.Errorf("%s: told %d times, %v", op, told.Load(), err)
		}
	}
}
