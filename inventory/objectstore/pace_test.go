package objectstore_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

// clock passes while somebody sleeps, and else stands still.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func (c *clock) sleep(ctx context.Context, d time.Duration) error {
	c.at = c.at.Add(d)
	return ctx.Err()
}

func TestPace(t *testing.T) {
	for _, rate := range []int64{64 << 10, 1 << 20, 1 << 30} {
		c := &clock{at: time.Date(2026, 11, 28, 0, 0, 0, 0, time.UTC)}
		began := c.at
		p := objectstore.NewPace(rate, c.now, c.sleep)
		for taken := int64(0); taken < 3*rate; taken += int64(p.Most()) {
			if err := p.Take(t.Context(), p.Most()); err != nil {
				t.Fatal(err)
			}
			allowed := rate*int64(c.at.Sub(began))/int64(time.Second) + 2*int64(p.Most())
			if taken+int64(p.Most()) > allowed {
				t.Fatalf("%d bytes a second: %d in %s", rate, taken+int64(p.Most()), c.at.Sub(began))
			}
		}
		if took := c.at.Sub(began); took < 2900*time.Millisecond || took > 3100*time.Millisecond {
			t.Errorf("%d bytes a second: 3 seconds' worth took %s", rate, took)
		}
		// Who waits for nothing is not made up for later.
		c.at = c.at.Add(time.Hour)
		began = c.at
		for range 10 {
			if err := p.Take(t.Context(), p.Most()); err != nil {
				t.Fatal(err)
			}
		}
		want := time.Duration(9 * int64(p.Most()) * int64(time.Second) / rate)
		if took := c.at.Sub(began); took < want*9/10 {
			t.Errorf("%d bytes a second: after a pause 10 pieces took %s, want %s", rate, took, want)
		}
	}
}

func TestPaceEndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	p := objectstore.NewPace(1<<10, time.Now, objectstore.Sleep)
	var err error
	for i := 0; i < 1000 && err == nil; i++ {
		err = p.Take(ctx, p.Most())
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Take = %v, want context.Canceled", err)
	}
}
