package objectstore

import (
	"context"
	"time"
)

type sinceKey struct{}

// WithSince returns a context under which a store tells of a service's settings nothing that it
// remembers from before that time, but asks again.
func WithSince(ctx context.Context, at time.Time) context.Context {
	return context.WithValue(ctx, sinceKey{}, at)
}

// Since is that time; zero: whatever is remembered will do.
func Since(ctx context.Context) time.Time {
	at, _ := ctx.Value(sinceKey{}).(time.Time)
	return at
}
