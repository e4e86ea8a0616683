package copier

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
)

func TestSpread(t *testing.T) {
	p := newPlaces(3)
	var at, most, calls atomic.Int64
	seen := make([]atomic.Int64, 101)
	err := spread(t.Context(), 100, p, func(_ context.Context, i int) error {
		for n := at.Add(1); ; {
			if m := most.Load(); n <= m || most.CompareAndSwap(m, n) {
				break
			}
		}
		defer at.Add(-1)
		calls.Add(1)
		seen[i].Add(1)
		return nil
	})
	if err != nil || calls.Load() != 100 || most.Load() > 4 || p.free.Load() != 3 {
		t.Errorf("%v, %d calls, %d at once, %d places left", err, calls.Load(), most.Load(), p.free.Load())
	}
	for i := 1; i <= 100; i++ {
		if seen[i].Load() != 1 {
			t.Errorf("part %d: %d calls", i, seen[i].Load())
		}
	}
}

func TestSpreadStops(t *testing.T) {
	broken := errors.New("broken")
	p := newPlaces(3)
	var after atomic.Int64
	err := spread(t.Context(), 1000, p, func(ctx context.Context, i int) error {
		if i == 5 {
			return broken
		}
		if i > 5 {
			after.Add(1)
			<-ctx.Done()
			return ctx.Err()
		}
		return nil
	})
	if !errors.Is(err, broken) || after.Load() > 3 || p.free.Load() != 3 {
		t.Errorf("%v, %d calls after it, %d places left", err, after.Load(), p.free.Load())
	}
	// Without a place, one after the other.
	none := newPlaces(0)
	last := 0
	if err := spread(t.Context(), 10, none, func(_ context.Context, i int) error {
		if i != last+1 {
			t.Errorf("part %d after %d", i, last)
		}
		last = i
		return nil
	}); err != nil || last != 10 {
		t.Errorf("%v after %d", err, last)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := spread(ctx, 1, none, func(context.Context, int) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("ended context: %v", err)
	}
}
