package limit

import (
	"context"
	"sync"
)

// Brake bounds how many requests to one service are under way. Told to slow down,
// it halves that; where answers come without such a word it allows one more now
// and then. Its methods may be called concurrently; nil bounds nothing.
type Brake struct {
	mu       sync.Mutex
	most     int
	limit    int
	under    int           // way
	settling int           // of them, those that were under way when the limit was halved
	calm     int           // answers since the limit was changed
	changed  chan struct{} // closed when a place may have become free
}

// calmFor is how many answers for each place there is are waited for until one
// more is allowed.
const calmFor = 8

// NewBrake allows most requests at first.
func NewBrake(most int) *Brake {
	return &Brake{most: max(most, 1), limit: max(most, 1), changed: make(chan struct{})}
}

// Limit is how many may be under way now.
func (b *Brake) Limit() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.limit
}

// Slow tells that the service asked to slow down. What it answers to the requests
// of one moment counts once.
func (b *Brake) Slow() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.settling > 0 {
		return
	}
	at := b.limit
	if b.under > 0 {
		at = min(at, b.under)
	}
	b.limit, b.settling, b.calm = max(at/2, 1), b.under, 0
}

// Enter waits for a place.
func (b *Brake) Enter(ctx context.Context) error {
	if b == nil {
		return ctx.Err()
	}
	for {
		b.mu.Lock()
		if b.under < b.limit {
			b.under++
			b.mu.Unlock()
			return ctx.Err()
		}
		changed := b.changed
		b.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Leave gives a place back.
func (b *Brake) Leave() {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.under--
	if b.settling > 0 {
		b.settling--
	} else if b.calm++; b.calm >= calmFor*b.limit && b.limit < b.most {
		b.limit++
		b.calm = 0
	}
	close(b.changed)
	b.changed = make(chan struct{})
}
