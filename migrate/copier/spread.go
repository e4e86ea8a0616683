package copier

import (
	"context"
	"sync/atomic"

	"golang.org/x/sync/errgroup"
)

// Spare is places that further parts of large objects may take while they are
// free, so that one object and many share the same workers. Its methods may be
// called concurrently.
type Spare interface {
	Take() bool    // takes a place if one is free
	Crowded() bool // tells that a place should be given back
	Give()
}

// places is a fixed number of them.
type places struct{ free atomic.Int64 }

// spareParts is how many parts of one object are in flight beside the first
// where nobody says how many there may be.
const spareParts = 3

func newPlaces(n int64) *places {
	p := new(places)
	p.free.Store(n)
	return p
}

func (p *places) Take() bool {
	if p.free.Add(-1) >= 0 {
		return true
	}
	p.free.Add(1)
	return false
}

func (p *places) Crowded() bool { return false }
func (p *places) Give()         { p.free.Add(1) }

// spread calls do for 1 to n, in order but at once as far as there are places;
// one call needs none. After an error no further call begins.
func spread(ctx context.Context, n int, spare Spare, do func(ctx context.Context, i int) error) error {
	if spare == nil {
		spare = newPlaces(spareParts)
	}
	g, ctx := errgroup.WithContext(ctx)
	var last atomic.Int64
	var work func(helps bool) error
	work = func(helps bool) error {
		for {
			i := int(last.Add(1))
			if i > n {
				return nil
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if i < n && spare.Take() {
				g.Go(func() error {
					defer spare.Give()
					return work(true)
				})
			}
			if err := do(ctx, i); err != nil {
				return err
			}
			if helps && spare.Crowded() {
				return nil
			}
		}
	}
	g.Go(func() error { return work(false) })
	return g.Wait()
}
