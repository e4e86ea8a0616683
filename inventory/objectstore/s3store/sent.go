package s3store

import (
	"net/http"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
)

// sentCount counts what a transport sends, as objectstore.Sent has it.
type sentCount struct{ objectstore.Sending }

// request counts one that is sent.
func (c *sentCount) request(r *http.Request) {
	switch {
	case r.Method == http.MethodDelete, r.Method == http.MethodPost && asks(r, "delete"):
		c.Delete()
	case r.Method == http.MethodPut, r.Method == http.MethodPost, r.Method == http.MethodGet && lists(r):
		c.Put()
	default:
		c.Get()
	}
}

// answer counts the bytes of an object that come back.
func (c *sentCount) answer(r *http.Request, resp *http.Response) {
	if success(resp) && reads(r, readsObject) && resp.ContentLength > 0 {
		c.Received(resp.ContentLength)
	}
}

// lists tells whether a GET is a listing: of buckets, entries, uploads, or parts.
func lists(r *http.Request) bool {
	if reads(r, readsObject) {
		return false
	}
	return r.URL.Path == "/" || asks(r, "list-type", "versions", "uploads", "uploadId")
}

// asks tells whether a request's query has one of some parameters.
func asks(r *http.Request, names ...string) bool {
	for part := range strings.SplitSeq(r.URL.RawQuery, "&") {
		name, _, _ := strings.Cut(part, "=")
		for _, one := range names {
			if name == one {
				return true
			}
		}
	}
	return false
}

// Sent implements objectstore.SentCounter.
func (s *Store) Sent() objectstore.Sent {
	return s.transport.sent.Sent()
}
