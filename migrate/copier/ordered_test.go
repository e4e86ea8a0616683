package copier

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"

	"golang.org/x/sync/errgroup"
)

// Parts of two objects that share a budget of three buffers come in any order,
// more at once than there are buffers: each object's hash is that of its bytes,
// and nobody waits for ever.
func TestOrdered(t *testing.T) {
	const parts, size, workers = 60, 4 << 10, 8
	for round := range uint64(20) {
		budget := NewBudget(3 * size)
		var g errgroup.Group
		for object := range 2 {
			random := rand.New(rand.NewPCG(round, uint64(object)))
			data := make([]byte, parts*size)
			for i := range data {
				data[i] = byte(random.Uint32())
			}
			o := newOrdered(nil)
			g.Go(func() error {
				err := spread(t.Context(), parts, newPlaces(workers-1), func(ctx context.Context, n int) error {
					for range n % 7 {
						runtime.Gosched()
					}
					piece := data[(n-1)*size : n*size]
					if n%10 == 0 { // one that is not held
						return o.read(ctx, n, func(w io.Writer) error { _, err := w.Write(piece); return err })
					}
					buf, release, err := o.buffer(ctx, n, budget, size)
					if err != nil {
						return err
					}
					defer release()
					copy(buf, piece)
					return o.add(ctx, n, buf)
				})
				if want := sha256.Sum256(data); err == nil && o.sum() != hex.EncodeToString(want[:]) {
					t.Errorf("round %d: SHA-256 is %s, want %x", round, o.sum(), want)
				}
				return err
			})
		}
		if err := g.Wait(); err != nil {
			t.Fatal(err)
		}
	}
}

// Who waits behind a part that failed leaves with the context.
func TestOrderedStops(t *testing.T) {
	broken := errors.New("broken")
	o := newOrdered(nil)
	g, ctx := errgroup.WithContext(t.Context())
	g.Go(func() error { return o.add(ctx, 2, nil) })
	g.Go(func() error { return o.read(ctx, 1, func(io.Writer) error { return broken }) })
	if err := g.Wait(); !errors.Is(err, broken) {
		t.Errorf("%v", err)
	}
}
