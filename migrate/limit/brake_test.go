package limit

import (
	"context"
	"errors"
	"testing"
)

// What a service answers to the requests of one moment counts once; calm answers
// allow one more, little by little.
func TestBrake(t *testing.T) {
	b := NewBrake(8)
	for range 8 {
		if err := b.Enter(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for range 8 {
		b.Slow()
	}
	if b.Limit() != 4 {
		t.Errorf("%d after the refusals of one moment, want 4", b.Limit())
	}
	for range 8 {
		b.Leave()
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for range 4 {
		_ = b.Enter(t.Context())
	}
	if err := b.Enter(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("a fifth: %v, want that it waits until the context ends", err)
	}
	b.Slow()
	for range 4 {
		b.Leave()
	}
	b.Slow() // nothing is under way
	b.Slow()
	if b.Limit() != 1 {
		t.Errorf("%d, want one, and never fewer", b.Limit())
	}
	answers := 0
	for b.Limit() < 8 {
		if err := b.Enter(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.Leave()
		answers++
	}
	if want := calmFor * (1 + 2 + 3 + 4 + 5 + 6 + 7); answers != want {
		t.Errorf("all are allowed again after %d calm answers, want %d", answers, want)
	}
}
