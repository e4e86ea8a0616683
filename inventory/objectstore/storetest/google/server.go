package google

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"
)

// Options describes a server. The zero value is one that gives full pages to everybody.
type Options struct {
	// Token is the one that requests have to carry; empty: none is looked at.
	Token string
	// PageSize bounds the entries of a page; default 1,000, the most that there are.
	PageSize int
	// EmptyPages has each listing begin with a page that has nothing but a token.
	EmptyPages bool
	// RewriteStep is how many bytes one request copies to another location or storage
	// class; default 1 GiB.
	RewriteStep int64
	// KMSKeys are the names of keys that there are.
	KMSKeys []string
	Now     func() time.Time // default time.Now
}

// Server is the service. Its methods may be called concurrently.
type Server struct {
	URL string

	options Options
	mu      sync.Mutex
	buckets map[string]*Bucket
	copies  map[string]*copying
	last    int64 // generation, or number of an upload or a copy
	counts  map[string]int
	fault   func(Request) Fault

	permitted, used, denied map[string]bool // of Permit
	limited                 bool
}

// Start runs a server on loopback until the test ends.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s := New(o)
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// New makes one that is served elsewhere.
func New(o Options) *Server {
	if o.PageSize == 0 {
		o.PageSize = mostItems
	}
	if o.RewriteStep == 0 {
		o.RewriteStep = 1 << 30
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Server{options: o, buckets: make(map[string]*Bucket), copies: make(map[string]*copying),
		counts: make(map[string]int)}
}

// mostItems is the most that one page has (JSON API, "Objects: list", maxResults).
const mostItems = 1000

// mostBody bounds what is taken of one request, in bytes.
const mostBody = 256 << 20

// call is one request on its way.
type call struct {
	*Server
	r           *http.Request
	op          string
	bucket, key string // as the path names them
	to          target // of a copy
	query       url.Values
	body        []byte
}

type target struct{ bucket, key string }

// answer is what a request gets.
type answer struct {
	status int
	header http.Header
	body   []byte
	json   any  // in place of body
	length bool // tell the body's length
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, mostBody))
	if err != nil {
		panic(http.ErrAbortHandler) // of a request that came in half nothing is done
	}
	c := &call{Server: s, r: r, body: body}
	a, err := c.serve()
	if err != nil {
		a = refusalOf(err).answer(c.isXML())
	}
	if a == nil { // the answer is lost
		panic(http.ErrAbortHandler)
	}
	a.write(w)
}

// serve finds out what is asked for, and does it.
func (c *call) serve() (*answer, error) {
	do, err := c.route()
	if err != nil {
		return nil, err
	}
	if want := c.options.Token; want != "" && c.r.Header.Get("Authorization") != "Bearer "+want {
		return nil, refuse(http.StatusUnauthorized, "authError", "Invalid Credentials")
	}
	f := c.decide()
	if f.Status != 0 {
		return nil, &refusal{f.Status, f.Reason, "asked for by the test", f.After}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.purge()
	if err := c.paid(); err != nil {
		return nil, err
	}
	if err := c.allowed(); err != nil {
		return nil, err
	}
	a, err := do(c)
	if f.Lost {
		return nil, errLost
	}
	return a, err
}

func (a *answer) write(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	if a.json != nil {
		a.body = mustJSON(a.json)
		w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	}
	if a.status == 0 {
		a.status = http.StatusOK
	}
	w.WriteHeader(a.status)
	// One that stops reading has its answer.
	_, _ = io.Copy(w, bytes.NewReader(a.body))
	if f, ok := w.(http.Flusher); ok && !a.length {
		f.Flush()
	}
}

// next is a number above all that were given: of generations, the time in microseconds
// (Cloud Storage documentation, "Object Versioning", generation numbers).
func (s *Server) next() int64 {
	s.last = max(s.last+1, s.options.Now().UnixMicro())
	return s.last
}
