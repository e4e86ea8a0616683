package eraser

import (
	"context"
	"errors"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

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
		if err := e.Brake.Enter(ctx); err != nil {
			return err
		}
		err := do()
		e.Brake.Leave()
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
