package objectstore

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
