package limit

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// Pool bounds how many histories, and further parts of large objects, are worked on at
// once, over all segments that share it. Its methods may be called concurrently.
type Pool struct {
	now func() time.Time

	mu      sync.Mutex
	tuners  map[string]*Tuner // by the service's address; nil: the limit is fixed
	serves  []string          // the services that are worked with now
	most    int
	limit   int
	within  int             // histories in the works
	parts   int             // beside them
	waiting []chan struct{} // of histories, the first to be let in at the front; each has room for one
	doors   []chan struct{} // that nobody waits at any more
}

// The bounds of a pool that finds its own size.
const (
	LeastWorkers = 4
	BeginWorkers = 16
	MostWorkers  = 256
)

// NewPool returns a pool of so many places; 0 stands for as many as turn out to be worth
// having with the services that it serves, up to most, for which 0 stands for MostWorkers.
func NewPool(workers, most int, now func() time.Time) *Pool {
	c := &Pool{now: now, limit: workers, most: cmp.Or(most, MostWorkers)}
	if workers < 1 {
		c.limit, c.tuners = min(BeginWorkers, c.most), make(map[string]*Tuner)
	}
	return c
}

// Serve says which services are worked with from now on, by their addresses. What
// was found out about one is kept for when it is served again: how many may work
// is up to the one that bears the fewest.
func (c *Pool) Serve(addresses ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.serves = slices.Compact(slices.Sorted(slices.Values(addresses)))
	if c.tuners == nil {
		return
	}
	for _, a := range c.serves {
		if c.tuners[a] == nil {
			c.tuners[a] = NewTuner(min(LeastWorkers, c.most), min(BeginWorkers, c.most), c.most)
		}
	}
	c.follow()
}

// Limit is how many work at once now.
func (c *Pool) Limit() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.limit
}

// Arrived tells of a body of so many bytes, or of an entry without one (0).
func (c *Pool) Arrived(bytes int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tuners == nil || len(c.serves) == 0 {
		return
	}
	now := c.now()
	for _, a := range c.serves {
		c.tuners[a].Arrived(now, bytes)
	}
	c.follow()
}

// Throttled tells that a service asked to slow down. One that the pool never served
// is no business of its.
func (c *Pool) Throttled(address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.tuners[address]; t != nil {
		t.Throttled(c.limit)
		c.follow()
	}
}

// follow takes the limit that the services bear.
func (c *Pool) follow() {
	c.limit = c.most
	for _, a := range c.serves {
		c.limit = min(c.limit, c.tuners[a].Limit())
	}
	c.admit()
}

// admit lets those in who wait, in the order in which they came, as far as there are places.
func (c *Pool) admit() {
	for len(c.waiting) > 0 && c.within < c.limit {
		c.within++
		c.waiting[0] <- struct{}{}
		c.waiting = slices.Delete(c.waiting, 0, 1)
	}
}

// Enter waits for the place of a history. Who comes first is let in first, so that segments
// which share the pool take turns. Parts that hold more than their share are given back
// while a history is in the works.
func (c *Pool) Enter(ctx context.Context) error {
	// Asked first: of two cases that are ready, select takes either.
	if err := ctx.Err(); err != nil {
		return err
	}
	c.mu.Lock()
	if len(c.waiting) == 0 && c.within < c.limit {
		c.within++
		c.mu.Unlock()
		return nil
	}
	in := c.door()
	c.waiting = append(c.waiting, in)
	c.mu.Unlock()
	var err error
	select {
	case <-in:
	case <-ctx.Done():
		err = ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil {
		if i := slices.Index(c.waiting, in); i >= 0 {
			c.waiting = slices.Delete(c.waiting, i, i+1)
		} else { // it was let in meanwhile
			<-in
			c.within--
			c.admit()
		}
	}
	c.doors = append(c.doors, in)
	return err
}

// door is what one who waits is let in by: one that nobody uses any more, if there is one.
func (c *Pool) door() chan struct{} {
	if n := len(c.doors); n > 0 {
		in := c.doors[n-1]
		c.doors = c.doors[:n-1]
		return in
	}
	return make(chan struct{}, 1)
}

// Leave gives the place of a history back.
func (c *Pool) Leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.within--
	c.admit()
}

// Take takes a place for one more part of a large object, if one is free.
func (c *Pool) Take() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.within+c.parts >= c.limit {
		return false
	}
	c.parts++
	return true
}

// Crowded tells whether more are at work than there should be.
func (c *Pool) Crowded() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.within+c.parts > c.limit
}

// Give gives the place of a part back.
func (c *Pool) Give() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.parts--
}
