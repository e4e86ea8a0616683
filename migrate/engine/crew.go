package engine

import (
	"slices"
	"sync"
	"time"
)

// Crew is how many work at once, on histories and on parts of large objects
// alike. Its methods may be called concurrently.
type Crew struct {
	now func() time.Time

	mu      sync.Mutex
	tuners  map[string]*Tuner // by the service's address; nil: the limit is fixed
	serves  []string          // the services that are worked with now
	limit   int
	workers int // that take histories
	active  int // histories and further parts in the works
	hire    func()
}

// The bounds of a crew that finds its own size.
const (
	LeastWorkers = 4
	BeginWorkers = 16
	MostWorkers  = 256
)

// NewCrew returns a crew of so many workers; 0 stands for as many as turn out
// to be worth having with the services that it serves.
func NewCrew(workers int, now func() time.Time) *Crew {
	c := &Crew{now: now, limit: workers}
	if workers < 1 {
		c.limit, c.tuners = BeginWorkers, make(map[string]*Tuner)
	}
	return c
}

// Serve says which services are worked with from now on, by their addresses. What
// was found out about one is kept for when it is served again: how many may work
// is up to the one that bears the fewest.
func (c *Crew) Serve(addresses ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.serves = slices.Compact(slices.Sorted(slices.Values(addresses)))
	if c.tuners == nil {
		return
	}
	for _, a := range c.serves {
		if c.tuners[a] == nil {
			c.tuners[a] = NewTuner(LeastWorkers, BeginWorkers, MostWorkers)
		}
	}
	c.follow()
}

// Limit is how many work at once now.
func (c *Crew) Limit() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.limit
}

// Arrived tells of a body of so many bytes, or of an entry without one (0).
func (c *Crew) Arrived(bytes int64) {
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

// Throttled tells that a service asked to slow down. One that the crew never served
// is no business of its.
func (c *Crew) Throttled(address string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if t := c.tuners[address]; t != nil {
		t.Throttled(c.limit)
		c.follow()
	}
}

// follow takes on workers if there are to be more; those that are too many
// leave by themselves.
func (c *Crew) follow() {
	c.limit = MostWorkers
	for _, a := range c.serves {
		c.limit = min(c.limit, c.tuners[a].Limit())
	}
	for c.hire != nil && c.workers < c.limit {
		c.workers++
		c.hire()
	}
}

// start has hire start a worker, now for as many as there should be and later
// for each one more. hire must not call the crew.
func (c *Crew) start(hire func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.hire = hire
	for c.workers < c.limit {
		c.workers++
		hire()
	}
}

// begin and end frame a history; after end a worker leaves if told so.
func (c *Crew) begin() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.active++
}

func (c *Crew) end() (leave bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.active--
	if c.workers > c.limit {
		c.workers--
		return true
	}
	return false
}

// left counts a worker that ended because there is nothing more to do: nobody
// is hired any more.
func (c *Crew) left() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.workers--
	c.hire = nil
}

// Take takes a place for one more part of a large object, if one is free.
func (c *Crew) Take() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.active >= c.limit {
		return false
	}
	c.active++
	return true
}

// Crowded tells whether more are at work than there should be.
func (c *Crew) Crowded() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.active > c.limit
}

// Give gives a place back.
func (c *Crew) Give() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.active--
}
