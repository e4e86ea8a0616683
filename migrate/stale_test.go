package migrate_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/s3store"
	"github.com/residency/residency/migrate"
)

// cache answers listings as it did before, once it is told to, as a proxy that takes them for
// pages does.
type cache struct {
	mu    sync.Mutex
	pages map[string]*httptest.ResponseRecorder
	stale bool
}

func (c *cache) serve(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q := r.URL.Query()
		if r.Method != http.MethodGet || !q.Has("versions") && !q.Has("list-type") {
			next.ServeHTTP(w, r)
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		page := c.pages[r.URL.String()]
		if page == nil || !c.stale {
			page = httptest.NewRecorder()
			next.ServeHTTP(page, r)
			c.pages[r.URL.String()] = page
		}
		for name, values := range page.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(page.Code)
		_, _ = w.Write(page.Body.Bytes())
	})
}

// A listing from before, with copies that are gone since, is no proof: nothing is erased.
func TestStaleListing(t *testing.T) {
	for _, versioned := range []bool{true, false} {
		f := newFixture(t, versioned)
		f.fill(10, 100)
		to, err := url.Parse(f.box.Endpoints[eu])
		f.must(nil, err)
		c := &cache{pages: make(map[string]*httptest.ResponseRecorder)}
		between := httptest.NewServer(c.serve(&httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(to)
			r.Out.Host = r.In.Host // which is signed
			if n := r.In.ContentLength; n > 0 {
				// What a connection looks for behind the last byte is not there, even once this body is closed.
				r.Out.Body = struct {
					io.Reader
					io.Closer
				}{io.LimitReader(r.Out.Body, n), r.Out.Body}
			}
		}}))
		defer between.Close()
		f.provider, err = s3store.Open(t.Context(), s3store.Options{Name: "cloud", Profile: "sandbox", Backoff: atOnce,
			Endpoints: map[string]string{us: f.from.URL(), eu: between.URL}})
		f.must(nil, err)
		before := f.snapshot(us, f.bucket)
		p := f.plan("auto")
		f.keep(p)
		c.mu.Lock()
		c.stale = true
		c.mu.Unlock()
		key := "plain/00003"
		gone := &s3.DeleteObjectInput{Bucket: aws.String(f.destination()), Key: &key}
		if versioned {
			gone.VersionId = &f.snapshot(eu, f.destination())[key][0].VersionID
		}
		f.must(f.box.Client(eu).DeleteObject(t.Context(), gone))
		if r, err := f.runner().Erase(t.Context(), p); !errors.Is(err, migrate.ErrStale) {
			t.Errorf("versioned %t: %v, want a listing that is stale\n%s", versioned, err, problems(r))
		}
		f.intact(before)
		if there := f.snapshot(eu, f.destination()); len(there[key]) > 0 {
			t.Errorf("the destination holds %v", there[key])
		}
		for name := range f.snapshot(eu, f.destination()) {
			if strings.HasPrefix(name, objectstore.ProbePrefix) {
				t.Errorf("versioned %t: %s was left", versioned, name)
			}
		}
	}
}
