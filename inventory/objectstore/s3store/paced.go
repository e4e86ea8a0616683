package s3store

import (
	"context"
	"io"
	"net/http"

	"github.com/residency/residency/inventory/objectstore"
)

// paced has a body wait for its turn, if there is a pace. Of an answer it lies around what
// gives up slow ones, whose time does not run while it waits.
func (t *transport) paced(ctx context.Context, body io.ReadCloser) io.ReadCloser {
	if t.pace == nil || body == nil || body == http.NoBody {
		return body
	}
	return objectstore.PacedCloser(ctx, body, t.pace)
}
