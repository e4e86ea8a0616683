package state_test

import (
	"context"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/state"
)

// heldAnswers does what the writes after the first ask for, and answers them when the
// request is given up.
type heldAnswers struct {
	objectstore.Store
	puts    int
	renewed chan struct{} // closed when the second write was done
}

// Capabilities spare the lease to try whether conditions are compared.
func (*heldAnswers) Capabilities() objectstore.Capabilities {
	return objectstore.Capabilities{ConditionsWrites: true}
}

func (s *heldAnswers) Put(ctx context.Context, o objectstore.NewObject, body objectstore.Body) (objectstore.Written, error) {
	s.puts++
	n := s.puts
	w, err := s.Store.Put(ctx, o, body)
	if n == 2 {
		close(s.renewed)
		<-ctx.Done()
		return objectstore.Written{}, ctx.Err()
	}
	return w, err
}

// A run that ends while its lease is renewed gives the lease back, also if the
// renewal was done and not heard of.
func TestLeaseGivenBackInARenewal(t *testing.T) {
	store := &heldAnswers{Store: newStore(t), renewed: make(chan struct{})}
	c, w := newClock(), newWaiter()
	open := func(holder string) *state.Bucket {
		b := state.NewBucket(store, objectstore.Location{Provider: "cloud", Bucket: "ci-state"}, holder)
		b.Now, b.After = c.Now, w.after
		return b
	}
	_, release, err := open("first").Lease(t.Context(), "p")
	if err != nil {
		t.Fatal(err)
	}
	<-w.waits
	c.advance(20 * time.Second)
	w.ticks <- c.Now()
	<-store.renewed
	if err := release(); err != nil {
		t.Errorf("release: %v", err)
	}
	_, release, err = open("second").Lease(t.Context(), "p")
	if err != nil {
		t.Fatalf("right after it was given back: %v", err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
}
