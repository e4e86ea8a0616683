package amazon

import (
	"io"
	"net/http"
	"net/url"
	"slices"
	"sync"
)

// Request is a request as a fault function sees it. Its maps are not to be changed.
type Request struct {
	User, Region, Operation string
	Bucket, Key             string
	N                       int // the n-th request of this operation since the start or Forget, from 1
	Query                   url.Values
	Header                  http.Header
}

// Fault is what becomes of one request. The zero value lets it pass.
type Fault struct {
	Status  int    // answer this, with an error document of Code, without doing anything
	Code    string // such as SlowDown, RequestTimeout, ConditionalRequestConflict
	Message string
	// AfterStart answers 200 and then the error document, as CopyObject,
	// UploadPartCopy and CompleteMultipartUpload do for what fails on their way
	// (Amazon S3 API Reference, their pages).
	AfterStart bool
	// Done has the request carried out all the same.
	Done bool
}

// SetFault has f decide on every request from now on; nil lets all pass. It is called
// by many requests at once.
func (s *Server) SetFault(f func(Request) Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// decide counts a request and asks the fault function.
func (s *Server) decide(c *call) (Fault, bool) {
	s.mu.Lock()
	s.counts[c.operation]++
	n, f := s.counts[c.operation], s.fault
	s.mu.Unlock()
	if f == nil {
		return Fault{}, false
	}
	fault := f(Request{
		User: c.user.Name, Region: c.host.region, Operation: c.operation, Bucket: c.name, Key: c.key, N: n,
		Query: c.query, Header: c.r.Header,
	})
	return fault, fault.Status != 0 || fault.AfterStart
}

// fail answers as a fault says.
func (c *call) fail(f Fault) *refusal {
	if f.Done && c.host.service == "s3" {
		w := c.w
		c.w = discarded{http.Header{}}
		_ = c.carryOut()
		c.w = w
	} else if c.r.Header.Get("Expect") == "" {
		_, _ = io.Copy(io.Discard, c.r.Body) // a client gone meanwhile is found out on answering
		c.read = true
	}
	refused := refuse(f.Status, f.Code, "%s", f.Message)
	if f.AfterStart {
		return c.answer(http.StatusOK, refused.document(c.id))
	}
	return refused
}

// discarded takes an answer that nobody gets.
type discarded struct{ header http.Header }

func (d discarded) Header() http.Header         { return d.header }
func (d discarded) Write(p []byte) (int, error) { return len(p), nil }
func (d discarded) WriteHeader(int)             {}

// Plan is a fault function that has the first requests of operations fail, those of
// one operation in their order. It tells how many are left.
func Plan(faults map[string][]Fault) (decide func(Request) Fault, left func() int) {
	var mu sync.Mutex
	waiting := make(map[string][]Fault, len(faults))
	for operation, list := range faults {
		waiting[operation] = slices.Clone(list)
	}
	return func(r Request) Fault {
			mu.Lock()
			defer mu.Unlock()
			list := waiting[r.Operation]
			if len(list) == 0 {
				return Fault{}
			}
			waiting[r.Operation] = list[1:]
			return list[0]
		}, func() int {
			mu.Lock()
			defer mu.Unlock()
			n := 0
			for _, list := range waiting {
				n += len(list)
			}
			return n
		}
}
