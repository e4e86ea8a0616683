package azurestore

import (
	"net/http"

	"github.com/residency/residency/inventory/objectstore"
)

// sentCount counts what a transport sends, as objectstore.Sent has it. Requests to Resource
// Manager cost nothing ("Azure Blob Storage pricing", Operations), and are left out.
type sentCount struct{ objectstore.Sending }

func (n *sentCount) request(c *call) {
	switch {
	case c.account == "":
	case c.method == http.MethodDelete:
		n.Delete()
	case c.method == http.MethodPut, c.op == listBlobs, c.op == listContainers:
		n.Put()
	default:
		n.Get()
	}
}

func (n *sentCount) answer(c *call, resp *http.Response) {
	if c.op == getBlob && resp.ContentLength > 0 {
		n.Received(resp.ContentLength)
	}
}
