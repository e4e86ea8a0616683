package azurestore

import (
	"context"
	"errors"
	"io"

	"github.com/residency/residency/inventory/objectstore"
)

// paced has a body wait for its turn, if there is a pace.
func (t *transport) paced(ctx context.Context, body io.Reader) io.Reader {
	return objectstore.Paced(ctx, body, t.pace)
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
