package gcsstore

import (
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/residency/residency/inventory/objectstore"
)

// sentCount counts what a transport sends, as objectstore.Sent has it: Google charges
// writes, copies and listings as one class of operations, reads as another, and deletions
// not at all (Cloud Storage pricing, "Operations that apply to each class").
type sentCount struct{ put, get, remove, received atomic.Int64 }

func (c *sentCount) request(r *request) {
	switch {
	case r.method == http.MethodDelete:
		c.remove.Add(1)
	case r.method != http.MethodGet, strings.HasSuffix(r.op, ".list"):
		c.put.Add(1)
	default:
		c.get.Add(1)
	}
}

// answer counts the bytes of an object that come back.
func (c *sentCount) answer(resp *http.Response) { c.received.Add(max(resp.ContentLength, 0)) }

func (c *sentCount) told() objectstore.Sent {
	return objectstore.Sent{Put: c.put.Load(), Get: c.get.Load(), Delete: c.remove.Load(), Received: c.received.Load()}
}
