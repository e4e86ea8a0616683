package azurestore

import (
	"context"
	"errors"
	"io"

	"github.com/residency/residency/inventory/objectstore"
)

// paced has a body wait for its turn, if there is a pace.
func (t *transport) paced(ctx context.Context, body io.Reader) io.Reader {
	if t.pace == nil || body == nil {
		return body
	}
	return &pacedReader{from: body, ctx: ctx, pace: t.pace}
}

// pacedReader hands on no more than its pace allows.
type pacedReader struct {
	from io.Reader
	ctx  context.Context // of the request that the body is of
	pace objectstore.Pace
}

func (r *pacedReader) Read(p []byte) (int, error) {
	n, err := r.from.Read(p[:min(len(p), r.pace.Most())])
	if waited := r.pace.Take(r.ctx, n); waited != nil {
		return 0, waited
	}
	return n, err
}

// receivedBody is an answer's body. What fails it says so without an address.
type receivedBody struct {
	io.Reader
	io.Closer
	ctx context.Context // of the request
}

func (b *receivedBody) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = named(b.ctx, err)
	}
	return n, err
}
