package copier

import (
	"context"
	"errors"
	"testing"
)

func TestBudget(t *testing.T) {
	b := NewBudget(16 << 10)
	for n, fits := range map[int64]bool{0: true, 1: true, 4096: true, 4097: true, 16 << 10: true, 16<<10 + 1: false,
		1 << 40: false} {
		if b.Fits(n) != fits {
			t.Errorf("Fits(%d) = %t", n, !fits)
		}
	}
	buf, release, err := b.Get(t.Context(), 9000)
	if err != nil || len(buf) != 9000 {
		t.Fatalf("Get(9000) = %d bytes, %v", len(buf), err)
	}
	// 16 KiB are taken: nothing more is to be had before they are given back.
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := b.Get(ctx, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("Get from a spent budget: %v", err)
	}
	got := make(chan error)
	go func() {
		_, again, err := b.Get(t.Context(), 16<<10)
		if err == nil {
			again()
		}
		got <- err
	}()
	release()
	if err := <-got; err != nil {
		t.Error(err)
	}
}
