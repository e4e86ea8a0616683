package objectstore

import (
	"context"
	"sync"
	"time"
)

// StopTime is how long may be spent, in all, on putting down what has been done once the
// context that it was done under has ended.
const StopTime = 6 * time.Second

type stopKey struct{}

// stopped is when a context was first found to have ended.
type stopped struct {
	once sync.Once
	at   time.Time
}

// WithStop returns a context after whose end all that asks Stopping shares one StopTime:
// services that do not answer hold up a stop once, not once for each thing that is yet to
// be put down.
func WithStop(ctx context.Context) context.Context {
	return context.WithValue(ctx, stopKey{}, new(stopped))
}

// Stopping returns a context for what must be tried even if the one given has ended. It
// keeps its values and ends StopTime after that was first found out; while the one given
// goes on, StopTime from now.
func Stopping(ctx context.Context) (context.Context, context.CancelFunc) {
	now := time.Now()
	if s, ok := ctx.Value(stopKey{}).(*stopped); ok && ctx.Err() != nil {
		s.once.Do(func() { s.at = now })
		now = s.at
	}
	return context.WithDeadline(context.WithoutCancel(ctx), now.Add(StopTime))
}
