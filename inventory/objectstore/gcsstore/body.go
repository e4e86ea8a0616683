package gcsstore

import (
	"context"
	"io"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

// paced has a body wait for its turn, if there is a pace.
func (t *transport) paced(ctx context.Context, body io.ReadCloser) io.ReadCloser {
	return objectstore.PacedCloser(ctx, body, t.pace)
}

// ourError is an error of this side, the bytes' or the fence's, and not of the way.
type ourError struct{ error }

func (e *ourError) Unwrap() error { return e.error }

// ofOurs marks what has failed on this side; nil if nothing has.
func ofOurs(err error) error {
	if err == nil {
		return nil
	}
	return &ourError{err}
}

// window is the longest wait for the next piece of a body, either way.
const window = 30 * time.Second
