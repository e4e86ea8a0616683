package azurestore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"github.com/residency/residency/inventory/objectstore"
)

// given is a credential that does as it is told.
type given func() (azcore.AccessToken, error)

func (g given) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return g()
}

func always() given {
	return func() (azcore.AccessToken, error) {
		return azcore.AccessToken{Token: "the token", ExpiresOn: time.Now().Add(time.Hour)}, nil
	}
}

// against opens a store of one account that a handler serves.
func against(t *testing.T, o Options, handler http.HandlerFunc) *Store {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	o.Name, o.Endpoint, o.Regions = "blob", server.URL, map[string][]string{"westeurope": {"acme"}}
	o.Getenv = func(string) string { return "" }
	o.Backoff = func(int) time.Duration { return 0 }
	if o.Credential == nil {
		o.Credential = always()
	}
	p, err := Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	return p.store("westeurope")
}

const secretKey = "a-person/9876"

func stat(t *testing.T, s *Store) error {
	_, err := s.Stat(t.Context(), objectstore.Ref{Bucket: "acme.records", Key: secretKey}, 0)
	return err
}

// TestNobodyTold has no error tell a key, whatever becomes of a request.
func TestNobodyTold(t *testing.T) {
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })
	for name, test := range map[string]struct {
		o       Options
		handler http.HandlerFunc
		want    error
	}{
		"redirected": {handler: func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "https://elsewhere.example/"+secretKey, http.StatusTemporaryRedirect)
		}, want: objectstore.ErrElsewhere},
		"closed": {handler: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			want: objectstore.ErrUnanswered},
		"silent": {o: Options{Patience: 20 * time.Millisecond}, handler: func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-stop:
			case <-r.Context().Done():
			}
		}, want: objectstore.ErrUnanswered},
		"code with a key": {handler: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("x-ms-error-code", "no "+secretKey)
			w.WriteHeader(http.StatusBadRequest)
		}, want: objectstore.ErrRejected},
		"no ETag": {handler: func(http.ResponseWriter, *http.Request) {}, want: nil},
		"huge header": {handler: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("x", strings.Repeat("x", 1<<20))
		}},
		"bad metadata": {handler: func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("ETag", "x")
			w.Header().Set("x-ms-meta-residency_x_1", secretKey)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			err := stat(t, against(t, test.o, test.handler))
			var answer *objectstore.Error
			if !errors.As(err, &answer) || test.want != nil && !errors.Is(err, test.want) {
				t.Errorf("%v, want %v", err, test.want)
			}
			if err != nil && strings.Contains(err.Error(), "9876") {
				t.Errorf("the key is told: %v", err)
			}
		})
	}
}

// TestObserved shows requests without what they are believed by.
func TestObserved(t *testing.T) {
	var seen []objectstore.Exchange
	s := against(t, Options{Observe: func(x objectstore.Exchange) { seen = append(seen, x) }},
		func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "Bearer the token" {
				t.Errorf("authorized by %q", r.Header.Get("Authorization"))
			}
			w.Header().Set("ETag", `"x"`)
			w.Header().Set("Content-Length", "0")
			w.Header().Set("x-ms-blob-type", "BlockBlob")
		})
	if err := stat(t, s); err != nil {
		t.Fatal(err)
	}
	if len(seen) != 1 || seen[0].Status != 200 || seen[0].Request.Get("Authorization") != "left out" {
		t.Errorf("seen %+v", seen)
	}
}

// TestBounds has no answer be held that is longer than any that there can be.
func TestBounds(t *testing.T) {
	s := against(t, Options{}, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.CopyN(w, endless{}, maxTagsBody*2)
	})
	_, err := s.Tags(t.Context(), objectstore.Ref{Bucket: "acme.records", Key: secretKey})
	var answer *objectstore.Error
	if !errors.As(err, &answer) || answer.Kind != nil {
		t.Errorf("an endless answer: %v", err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { return len(p), nil }

// TestCut fails a body that ends before its length.
func TestCut(t *testing.T) {
	s := against(t, Options{}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("ETag", `"x"`)
		w.Header().Set("Content-Length", "10")
		_, _ = w.Write([]byte("12345"))
	})
	o, err := s.Open(t.Context(), objectstore.Ref{Bucket: "acme.records", Key: secretKey}, 0)
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(o.Body)
	if err == nil || len(data) != 5 {
		t.Errorf("%d bytes, %v", len(data), err)
	}
	_ = o.Body.Close()
}

// TestStalled gives up a body of which nothing comes any more.
func TestStalled(t *testing.T) {
	s := against(t, Options{Patience: 20 * time.Millisecond}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"x"`)
		w.Header().Set("Content-Length", "10")
		_, _ = w.Write([]byte("12345"))
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	})
	o, err := s.Open(t.Context(), objectstore.Ref{Bucket: "acme.records", Key: secretKey}, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err = io.ReadAll(o.Body); !errors.Is(err, objectstore.ErrStalled) {
		t.Errorf("got %v", err)
	}
	_ = o.Body.Close()
}

// TestStalledRefusal gives up the body of a refusal of which nothing comes any more, and takes the refusal for what
// its header says.
func TestStalledRefusal(t *testing.T) {
	stop := make(chan struct{})
	t.Cleanup(func() { close(stop) })
	for code, want := range map[string]error{"": objectstore.ErrPassing, "ServerBusy": objectstore.ErrThrottled} {
		s := against(t, Options{Patience: 20 * time.Millisecond}, func(w http.ResponseWriter, r *http.Request) {
			if code != "" {
				w.Header().Set("x-ms-error-code", code)
			}
			w.Header().Set("Content-Length", "10")
			w.WriteHeader(http.StatusInternalServerError)
			_ = http.NewResponseController(w).Flush()
			select {
			case <-stop:
			case <-r.Context().Done():
			}
		})
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		_, err := s.Open(ctx, objectstore.Ref{Bucket: "acme.records", Key: secretKey}, 0)
		if ctx.Err() != nil || !errors.Is(err, want) {
			t.Errorf("%q: got %v, and %v", code, err, ctx.Err())
		}
		cancel()
	}
}

// TestRetryAfter leaves a service alone for as long as it asks, within bounds.
func TestRetryAfter(t *testing.T) {
	var waits []time.Duration
	answers := []string{"3", "", "3600", "Sat, 28 Nov 2026 12:00:04 GMT"}
	s := against(t, Options{Sleep: func(_ context.Context, d time.Duration) error {
		waits = append(waits, d)
		return nil
	}}, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Date", "Sat, 28 Nov 2026 12:00:00 GMT")
		if n := len(waits); n < len(answers) {
			w.Header().Set("Retry-After", answers[n])
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.Header().Set("ETag", `"x"`)
		w.Header().Set("Content-Length", "0")
		w.Header().Set("x-ms-blob-type", "BlockBlob")
	})
	if err := stat(t, s); err != nil || fmt.Sprint(waits) != "[3s 0s 10s 4s]" {
		t.Errorf("%v, after waits of %v", err, waits)
	}
}

// counted is a pace that counts.
type counted struct{ n int }

func (c *counted) Most() int                           { return 4 }
func (c *counted) Take(_ context.Context, n int) error { c.n += n; return nil }

// TestPaced has bodies of both ways pass by the pace.
func TestPaced(t *testing.T) {
	pace := new(counted)
	s := against(t, Options{Pace: pace}, func(w http.ResponseWriter, r *http.Request) {
		data, _ := io.ReadAll(r.Body)
		w.Header().Set("ETag", `"x"`)
		w.WriteHeader(http.StatusCreated)
		_, _ = w.Write(data)
	})
	_, err := s.Put(t.Context(), objectstore.NewObject{Bucket: "acme.records", Key: "k"},
		objectstore.Body{Reader: strings.NewReader("0123456789"), Size: 10})
	if err != nil || pace.n != 20 {
		t.Errorf("%d bytes, %v", pace.n, err)
	}
}

// TestPages fails listings that would never end.
func TestPages(t *testing.T) {
	for name, next := range map[string]func(int) string{
		"one marker":       func(int) string { return "m" },
		"two in turn":      func(n int) string { return []string{"a", "b"}[n%2] },
		"always a new one": func(n int) string { return strings.Repeat("x", n%100) + string(rune('a'+n%26)) },
	} {
		n := 0
		s := against(t, Options{}, func(w http.ResponseWriter, _ *http.Request) {
			n++
			_, _ = io.WriteString(w, "<EnumerationResults><Blobs/><NextMarker>"+next(n)+"</NextMarker></EnumerationResults>")
		})
		var last error
		for _, err := range s.Versions(t.Context(), "acme.records", "", "") {
			last = err
		}
		if !errors.Is(last, objectstore.ErrOrder) {
			t.Errorf("%s: %v after %d pages", name, last, n)
		}
	}
}

// TestTokens asks for a token when the one that it has is about to end, and lives with an old one meanwhile.
func TestTokens(t *testing.T) {
	now := time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)
	asked := 0
	var refused error
	tokens := newTokens(given(func() (azcore.AccessToken, error) {
		asked++
		return azcore.AccessToken{Token: "t", ExpiresOn: now.Add(time.Hour)}, refused
	}), "scope", func() time.Time { return now })
	for _, test := range []struct {
		later   time.Duration
		refused error
		asked   int
		fails   bool
	}{
		{asked: 1}, {later: 54 * time.Minute, asked: 1}, {later: 2 * time.Minute, asked: 2},
		{later: 56 * time.Minute, refused: errors.New("away"), asked: 3},
		{later: 10 * time.Minute, refused: errors.New("away"), asked: 4, fails: true}, {asked: 5},
	} {
		now, refused = now.Add(test.later), test.refused
		_, err := tokens.get(t.Context())
		if asked != test.asked || errors.Is(err, objectstore.ErrCredentials) != test.fails {
			t.Errorf("%+v: asked %d times, %v", test, asked, err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	tokens.turn <- struct{}{}
	if _, err := tokens.get(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("behind somebody else, when the context has ended: %v", err)
	}
}

// TestOpen refuses options that cannot be meant.
func TestOpen(t *testing.T) {
	named := map[string][]string{"westeurope": {"acme"}}
	for name, test := range map[string]struct {
		o    Options
		env  map[string]string
		want error
	}{
		"nothing named":    {want: errNothingNamed},
		"in the clear":     {o: Options{Regions: named, Endpoint: "http://example.com"}, want: objectstore.ErrInsecure},
		"manager in clear": {o: Options{Regions: named, ARMEndpoint: "http://example.com"}, want: objectstore.ErrInsecure},
		"accepted":         {o: Options{Regions: named, Endpoint: "http://example.com", Insecure: true}},
		"bad key": {o: Options{Regions: named}, env: map[string]string{"AZURE_STORAGE_ACCOUNT": "acme",
			"AZURE_STORAGE_KEY": "?"}, want: objectstore.ErrCredentials},
		"bad chain": {o: Options{Regions: named}, env: map[string]string{"AZURE_TOKEN_CREDENTIALS": "x"},
			want: objectstore.ErrCredentials},
		"no certificate": {o: Options{Regions: named}, env: map[string]string{"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c",
			"AZURE_CLIENT_CERTIFICATE_PATH": "/nowhere"}, want: objectstore.ErrCredentials},
		"secret": {o: Options{Regions: named}, env: map[string]string{"AZURE_TENANT_ID": "t", "AZURE_CLIENT_ID": "c",
			"AZURE_CLIENT_SECRET": "s"}},
	} {
		test.o.Getenv = func(name string) string { return test.env[name] }
		if _, err := Open(t.Context(), test.o); !errors.Is(err, test.want) || (err == nil) != (test.want == nil) {
			t.Errorf("%s: %v, want %v", name, err, test.want)
		}
	}
}

// TestManaged gives a managed identity up where nobody answers, in a way that the chain goes on.
func TestManaged(t *testing.T) {
	if c, err := net.DialTimeout("tcp", metadataService, metadataTime); err == nil {
		_ = c.Close()
		t.Skip("there is a metadata service here")
	}
	m := managed{given(func() (azcore.AccessToken, error) {
		t.Error("asked all the same")
		return azcore.AccessToken{}, nil
	}), func(string) string { return "" }}
	chain, err := azidentity.NewChainedTokenCredential([]azcore.TokenCredential{m, always()}, nil)
	if err != nil {
		t.Fatal(err)
	}
	token, err := chain.GetToken(t.Context(), policy.TokenRequestOptions{Scopes: []string{"scope"}})
	if err != nil || token.Token != "the token" {
		t.Errorf("%q, %v", token.Token, err)
	}
}
