package azure

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// Account is a storage account. Only Name is required.
type Account struct {
	Name      string
	Key       []byte // of Shared Key; nil: tokens alone
	Location  string // default westeurope
	Secondary string // of a redundancy that reaches another region
	SKU       string // default Standard_LRS
	Group     string // the resource group; default "group"

	Versioning     bool
	SoftDelete     int // days; 0: off
	ContainerDays  int // of containers' soft deletion; 0: off
	HNS            bool
	KeyVault       string // the address of the key of its encryption
	FailedOver     string // when it did, in RFC 3339
	ReplicateTo    string // another account, to which every container is replicated
	LegalHold      bool   // each container is under one
	VersionLocking bool   // each container is made with version-level immutability
	Closed         bool   // its network rules let no other account's service in; see Close
	// Lifecycle are the rules of its lifecycle policy, in the form of the service's documents
	// ("Lifecycle management policy structure"); empty: there is none.
	Lifecycle []json.RawMessage
}

// Options says what an Azure is like.
type Options struct {
	Accounts     []Account
	Subscription string           // default 00000000-0000-0000-0000-000000000001
	Token        string           // that a bearer must have; default "token"
	Now          func() time.Time // default time.Now
	// NoManager has Resource Manager deny everything.
	NoManager bool
	// EmptyPages puts an empty page with a marker in front of each ("List Blobs", Remarks:
	// a page may have fewer results than were asked for, or none).
	EmptyPages bool
	PageSize   int // at most so many blobs in a page, whatever is asked for; default 5,000
	Deleted    []Account
}

// Server is an Azure. Its methods may be called concurrently.
type Server struct {
	URL string // of both services

	o        Options
	mu       sync.Mutex // guards what follows
	accounts map[string]*account
	last     time.Time // the time of the last write; none has the time of another
	counter  uint64    // of ETags
	fault    func(Request) Fault
	seen     []Request

	permitted, used, denied map[string]bool // of Permit
	limited                 bool
}

// Request is one that was answered, or is about to be.
type Request struct {
	Op            string // as the documents call it
	Account, Name string // the account, and container/blob
	Query         string
	Header        http.Header
	Status        int // 0: not yet answered
	// Received are the bytes of the request's body, and Sent those of the answer's.
	Received, Sent int
}

// Fault is what happens to a request instead of, or after, what it asks for. The zero value is nothing.
type Fault struct {
	Status int    // is answered, and nothing is done
	Code   string // of that answer
	// Lost has the request done and the connection closed without an answer.
	Lost bool
	// Alters changes accounts, by their names, before anything else.
	Alters func(account func(name string) *Account)
}

// Start serves on loopback until the test ends.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s := New(o)
	server := httptest.NewServer(s)
	s.URL = server.URL
	t.Cleanup(server.Close)
	return s
}

// New makes an Azure that is served by whoever calls its ServeHTTP, and sets URL.
func New(o Options) *Server {
	if o.Subscription == "" {
		o.Subscription = "00000000-0000-0000-0000-000000000001"
	}
	if o.Token == "" {
		o.Token = "token"
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.PageSize == 0 {
		o.PageSize = 5000
	}
	s := &Server{o: o, accounts: make(map[string]*account)}
	for _, a := range o.Accounts {
		if a.Location == "" {
			a.Location = "westeurope"
		}
		if a.SKU == "" {
			a.SKU = "Standard_LRS"
		}
		if a.Group == "" {
			a.Group = "group"
		}
		s.accounts[a.Name] = &account{Account: a, containers: make(map[string]*container)}
	}
	return s
}

// Subscription is the ID of the one that the accounts are of.
func (s *Server) Subscription() string { return s.o.Subscription }

// Token is the one that requests are believed by.
func (s *Server) Token() string { return s.o.Token }

// Fail has each request from now on ask f what happens to it; nil: nothing does. f is called
// while the server is locked, and must not call it.
func (s *Server) Fail(f func(Request) Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// Requests are those that were answered since the last call.
func (s *Server) Requests() []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	seen := s.seen
	s.seen = nil
	return seen
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := readBody(r)
	if err != nil {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	s.mu.Lock()
	var a *answer
	var lost bool
	if strings.HasPrefix(strings.ToLower(r.URL.Path), "/subscriptions/") {
		a = s.manage(r, body)
	} else {
		a, lost = s.data(r, body)
	}
	s.mu.Unlock()
	if lost {
		panic(http.ErrAbortHandler) // closes the connection
	}
	a.write(w, r, s.o.Now())
}

// answer is what a request is answered.
type answer struct {
	status int
	header map[string]string
	body   []byte
	length int // of a HEAD's body
}

func (a *answer) write(w http.ResponseWriter, r *http.Request, now time.Time) {
	h := w.Header()
	for name, value := range a.header {
		h.Set(name, value)
	}
	h.Set("Date", now.UTC().Format(http.TimeFormat))
	h.Set("x-ms-version", apiVersion)
	length := len(a.body)
	if r.Method == http.MethodHead {
		length = a.length
	}
	h.Set("Content-Length", fmt.Sprint(length))
	w.WriteHeader(a.status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(a.body)
	}
}

// tick is the time of a write: later than any before, to the 100 ns of version IDs.
func (s *Server) tick() time.Time {
	now := s.o.Now().UTC().Truncate(100 * time.Nanosecond)
	if !now.After(s.last) {
		now = s.last.Add(100 * time.Nanosecond)
	}
	s.last = now
	return now
}

// etag is one that no other write has had.
func (s *Server) etag() string {
	s.counter++
	return fmt.Sprintf("0x8D%013X", s.counter)
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.0000000Z") }
