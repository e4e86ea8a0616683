package gcsstore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

// paced has a body wait for its turn, if there is a pace.
func (t *transport) paced(ctx context.Context, body io.ReadCloser) io.ReadCloser {
	if t.pace == nil {
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

// sentBody is a body of so many bytes, of which nobody reads any more once it is closed. The
// connection looks for more behind the last one, perhaps when the answer has begun already;
// an error would then cost it its connection, and the caller the rest of the answer.
type sentBody struct {
	mu   sync.Mutex
	from io.Reader
	left int64
	err  error // of the bytes' own
}

func (b *sentBody) Read(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.left == 0:
		return 0, io.EOF
	case b.from == nil:
		return 0, http.ErrBodyReadAfterClose
	}
	n, err := b.from.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		b.err = &bodyError{err}
	}
	return n, err
}

// failure is what reading the body has ended with.
func (b *sentBody) failure() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.err
}

// bodyError is an error of bytes that were to be sent, and not of the way.
type bodyError struct{ error }

func (e *bodyError) Unwrap() error { return e.error }

func (b *sentBody) Close() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.from = nil
	return nil
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
