package azurestore

import (
	"net/http"
	"sync/atomic"

	"github.com/residency/residency/inventory/objectstore"
)

// sentCount counts what a transport sends, as objectstore.Sent has it. Requests to Resource
// Manager cost nothing ("Azure Blob Storage pricing", Operations), and are left out.
type sentCount struct{ put, get, remove, received atomic.Int64 }

func (n *sentCount) request(c *call) {
	switch {
	case c.account == "":
	case c.method == http.MethodDelete:
		n.remove.Add(1)
	case c.method == http.MethodPut, c.op == listBlobs, c.op == listContainers:
		n.put.Add(1)
	default:
		n.get.Add(1)
	}
}

func (n *sentCount) answer(c *call, resp *http.Response) {
	if c.op == getBlob && resp.ContentLength > 0 {
		n.received.Add(resp.ContentLength)
	}
}

func (n *sentCount) total() objectstore.Sent {
	return objectstore.Sent{Put: n.put.Load(), Get: n.get.Load(), Delete: n.remove.Load(), Received: n.received.Load()}
}
