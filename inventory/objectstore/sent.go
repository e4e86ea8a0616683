package objectstore

import "sync/atomic"

// Sent is how many requests were sent, repeated ones included, by what services charge them as
// (Amazon S3 pricing, "Requests and data retrievals"), and how many bytes of objects the
// answers had.
type Sent struct {
	Put      int64 // PUT, COPY, POST and LIST
	Get      int64 // GET, HEAD and all others
	Delete   int64 // of one, or of many
	Received int64
}

// SentCounter is a Store that counts what it sends.
type SentCounter interface{ Sent() Sent }

// Sending counts what is sent. Its zero value works; its methods may be called concurrently.
type Sending struct{ put, get, remove, received atomic.Int64 }

// Put counts a request that is charged as a write or a listing, Get as a read, Delete as a
// deletion, and Received bytes of objects.
func (s *Sending) Put() { s.put.Add(1) }

// Get counts a read; see Put.
func (s *Sending) Get() { s.get.Add(1) }

// Delete counts a deletion; see Put.
func (s *Sending) Delete() { s.remove.Add(1) }

// Received counts bytes; what is not known, below zero, counts for none.
func (s *Sending) Received(bytes int64) { s.received.Add(max(bytes, 0)) }

// Sent is what was counted.
func (s *Sending) Sent() Sent {
	return Sent{Put: s.put.Load(), Get: s.get.Load(), Delete: s.remove.Load(), Received: s.received.Load()}
}
