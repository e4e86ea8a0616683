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
	return &pacedBody{ReadCloser: body, ctx: ctx, pace: t.pace}
}

// pacedBody hands on no more than its pace allows.
type pacedBody struct {
	io.ReadCloser
	ctx  context.Context // of the request that the body is of
	pace objectstore.Pace
}

func (b *pacedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p[:min(len(p), b.pace.Most())])
	if waited := b.pace.Take(b.ctx, n); waited != nil {
		return 0, waited
	}
	return n, err
}
