package engine

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/residency/residency/inventory/objectstore"
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

// enter waits for a place.
func (b *Brake) enter(ctx context.Context) error {
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

// leave gives a place back.
func (b *Brake) leave() {
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

// slowTries is how often what a service was too busy for, or what failed for the
// moment, is asked for, with ever longer pauses: half a minute in all.
const (
	slowTries = 6
	slowPause = time.Second
)

// patient does one thing, within the bounds of the brake, and does it again as long
// as it is told to slow down, or to come again.
func (e *Eraser) patient(ctx context.Context, do func() error) error {
	pause := slowPause
	for try := 1; ; try++ {
		if err := e.Brake.enter(ctx); err != nil {
			return err
		}
		err := do()
		e.Brake.leave()
		if try == slowTries || e.Sleep == nil || !again(err) {
			return err
		}
		if err := e.Sleep(ctx, pause); err != nil {
			return err
		}
		pause *= 2
	}
}

// again tells whether what was asked for is worth asking for again at once.
func again(err error) bool {
	return errors.Is(err, objectstore.ErrThrottled) || errors.Is(err, objectstore.ErrPassing)
}

// remove deletes versions by their IDs. Those that the service was too busy for, or
// that failed for the moment, are asked for again, and no others.
func (e *Eraser) remove(ctx context.Context, deletions []objectstore.Deletion) ([]error, error) {
	results := make([]error, len(deletions))
	places := make([]int, len(deletions)) // in results, of what is asked for
	for i := range places {
		places[i] = i
	}
	answered := false
	err := e.patient(ctx, func() error {
		asked := make([]objectstore.Deletion, len(places))
		for j, i := range places {
			asked[j] = deletions[i]
		}
		answers, err := e.Source.Delete(ctx, e.Bucket, asked)
		if err != nil {
			for _, i := range places {
				results[i] = err
			}
			return err
		}
		answered = true
		var busy error
		rest := places[:0]
		for j, i := range places {
			if results[i] = answers[j]; again(answers[j]) {
				rest, busy = append(rest, i), answers[j]
			}
		}
		places = rest
		return busy
	})
	if answered && !stops(ctx, err) {
		return results, nil // of each its own
	}
	return results, err
}
