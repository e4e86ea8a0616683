package engine

import (
	"sync"
	"time"
)

// Crew is how many work at once, on histories and on parts of large objects
// alike. Its methods may be called concurrently.
type Crew struct {
	now func() time.Time

	mu      sync.Mutex
	tuner   *Tuner // nil: the limit is fixed
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
// to be worth having.
func NewCrew(workers int, now func() time.Time) *Crew {
	c := &Crew{now: now, limit: workers}
	if workers < 1 {
		c.tuner = NewTuner(LeastWorkers, BeginWorkers, MostWorkers)
		c.limit = c.tuner.Limit()
	}
	return c
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
	if c.tuner != nil {
		c.tuner.Arrived(c.now(), bytes)
		c.follow()
	}
}

// Throttled tells that a service asked to slow down.
func (c *Crew) Throttled() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.tuner != nil {
		c.tuner.Throttled()
		c.follow()
	}
}

// follow takes on workers if there are to be more; those that are too many
// leave by themselves.
func (c *Crew) follow() {
	c.limit = c.tuner.Limit()
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
