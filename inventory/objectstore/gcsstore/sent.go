package gcsstore

import (
	"net/http"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
)

// sentCount counts what a transport sends, as objectstore.Sent has it: Google charges
// writes, copies and listings as one class of operations, reads as another, and deletions
// not at all (Cloud Storage pricing, "Operations that apply to each class").
type sentCount struct{ objectstore.Sending }

func (c *sentCount) request(r *request) {
	switch {
	case r.method == http.MethodDelete:
		c.Delete()
	case r.method != http.MethodGet, strings.HasSuffix(r.op, ".list"):
		c.Put()
	default:
		c.Get()
	}
}

// answer counts the bytes of an object that come back.
func (c *sentCount) answer(resp *http.Response) { c.Received(resp.ContentLength) }
