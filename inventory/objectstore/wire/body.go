package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

// Patience is when an answer's body counts as stalled: once Window of waiting for it has
// brought fewer than Least bytes.
type Patience struct {
	Window time.Duration
	Least  int64
}

// Patient is an answer's body whose waiting ends. Time in which nobody reads does not count.
// Cancel is called when the body is given up, has ended, or is closed.
func Patient(body io.ReadCloser, p Patience, now func() time.Time, cancel context.CancelCauseFunc) io.ReadCloser {
	return &patient{ReadCloser: body, Patience: p, now: now, cancel: cancel, left: p.Window}
}

type patient struct {
	io.ReadCloser
	Patience
	now    func() time.Time
	cancel context.CancelCauseFunc

	mu      sync.Mutex // guards what follows
	timer   *time.Timer
	left    time.Duration // of the window
	got     int64         // in this window
	since   time.Time     // when the wait began
	late    int           // timers that have ended when what was waited for had come
	stalled bool
}

// Read implements io.Reader.
func (b *patient) Read(p []byte) (int, error) {
	b.begin()
	n, err := b.ReadCloser.Read(p)
	if b.end(n) && !errors.Is(err, io.EOF) {
		return n, &stall{fmt.Sprintf("fewer than %d bytes in %s", b.Least, b.Window)}
	}
	if err != nil {
		b.cancel(nil)
	}
	return n, err
}

func (b *patient) begin() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.since = b.now(); b.timer == nil {
		b.timer = time.AfterFunc(b.left, b.over)
	} else {
		b.timer.Reset(b.left)
	}
}

// end tells whether the body was given up, of which a wait has brought so many bytes.
func (b *patient) end(n int) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.timer.Stop() {
		b.late++
	}
	b.got += int64(n)
	if b.left -= b.now().Sub(b.since); b.left <= 0 {
		b.renew()
	}
	return b.stalled
}

// over is called where a window ends and somebody waits: of what came before that in the
// window there may have been enough.
func (b *patient) over() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.late > 0 {
		b.late--
		return
	}
	b.renew()
	b.since = b.now()
	b.timer.Reset(b.left)
}

// renew begins another window, or gives up.
func (b *patient) renew() {
	if b.got < b.Least {
		b.stalled = true
		b.cancel(objectstore.ErrStalled)
	}
	b.left, b.got = b.Window, 0
}

// Close implements io.Closer.
func (b *patient) Close() error {
	err := b.ReadCloser.Close()
	b.cancel(nil)
	return err
}

// ErrEndless reports an answer that is longer than any of its kind.
var ErrEndless = errors.New("the answer does not end")

// ReadAll reads a body into a buffer, and no more than so many bytes of it. What was read is
// returned with the error that ended it.
func ReadAll(into *bytes.Buffer, body io.Reader, most int64) ([]byte, error) {
	n, err := into.ReadFrom(io.LimitReader(body, most+1))
	if err == nil && n > most {
		into.Truncate(int(most))
		err = fmt.Errorf("%w: more than %d bytes", ErrEndless, most)
	}
	return into.Bytes(), err
}

// Rewind makes a body ready to be sent again, if that is possible.
func Rewind(body io.Reader) bool {
	if body == nil {
		return true
	}
	s, ok := body.(io.Seeker)
	if !ok {
		return false
	}
	_, err := s.Seek(0, io.SeekStart)
	return err == nil
}
