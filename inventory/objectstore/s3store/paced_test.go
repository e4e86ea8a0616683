package s3store_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/s3store"
)

// clock passes while somebody sleeps, and else stands still.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) sleep(ctx context.Context, d time.Duration) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
	return ctx.Err()
}

// TestPaced has bodies of all sizes go both ways under one pace: what was read and what
// was written together take the time that they may, and arrive as they are.
func TestPaced(t *testing.T) {
	const rate = 1 << 20
	for _, size := range []int{1, 4 << 10, 100 << 10, 3 << 20} {
		content := bytes.Repeat([]byte("0123456789abcdef"), size/16+1)[:size]
		var got []byte
		c := &clock{at: time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)}
		s := newStore(t, s3store.Options{Pace: objectstore.NewPace(rate, c.now, c.sleep)},
			func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodPut {
					got, _ = io.ReadAll(r.Body)
					return
				}
				_, _ = w.Write(content)
			})
		began := c.now()
		if _, err := s.Put(t.Context(), objectstore.NewObject{Bucket: "b", Key: "k"},
			objectstore.Body{Reader: bytes.NewReader(content), Size: int64(size)}); err != nil {
			t.Fatal(err)
		}
		o, err := s.Open(t.Context(), objectstore.Ref{Bucket: "b", Key: "k"}, 0)
		if err != nil {
			t.Fatal(err)
		}
		read, err := io.ReadAll(o.Body)
		_ = o.Body.Close()
		if err != nil || !bytes.Equal(read, content) || !bytes.Equal(got, content) {
			t.Errorf("%d bytes: %d arrived and %d came back, %v", size, len(got), len(read), err)
		}
		const piece = 16 << 10
		want := time.Duration(max(2*size-piece, 0)) * time.Second / rate
		if took := c.now().Sub(began); took < want-time.Millisecond || took > want+100*time.Millisecond {
			t.Errorf("%d bytes both ways took %s, want %s", size, took, want)
		}
	}
}
