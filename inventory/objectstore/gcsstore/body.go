package gcsstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

// paced has a body wait for its turn, if there is a pace.
func (t *transport) paced(ctx context.Context, body io.ReadCloser) io.ReadCloser {
	return objectstore.PacedCloser(ctx, body, t.pace)
}

// bodyError is an error of bytes that were to be sent, and not of the way.
type bodyError struct{ error }

func (e *bodyError) Unwrap() error { return e.error }

// ofBody marks what reading a body has ended with; nil if it has not failed.
func ofBody(err error) error {
	if err == nil {
		return nil
	}
	return &bodyError{err}
}

// window is the longest wait for the next piece of a body, either way.
const window = 30 * time.Second

// patient is an answer's body whose waiting ends. The time in which nobody reads does not
// count.
type patient struct {
	io.ReadCloser
	cancel  context.CancelCauseFunc
	timer   *time.Timer
	stalled atomic.Bool
}

func newPatient(body io.ReadCloser, cancel context.CancelCauseFunc) *patient {
	return &patient{ReadCloser: body, cancel: cancel}
}

func (b *patient) Read(p []byte) (int, error) {
	if b.timer == nil {
		b.timer = time.AfterFunc(window, func() {
			b.stalled.Store(true)
			b.cancel(objectstore.ErrStalled)
		})
	} else {
		b.timer.Reset(window)
	}
	n, err := b.ReadCloser.Read(p)
	b.timer.Stop()
	if b.stalled.Load() && !errors.Is(err, io.EOF) {
		return n, fmt.Errorf("%w: no byte in %s", objectstore.ErrStalled, window)
	}
	return n, err
}

func (b *patient) Close() error {
	err := b.ReadCloser.Close()
	b.cancel(nil)
	return err
}
