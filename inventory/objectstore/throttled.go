package objectstore

import "context"

type throttledKey struct{}

// WithThrottled returns a context under which f is called whenever a service
// answers that it wants fewer requests, also when the request is repeated and
// then succeeds. f may be called concurrently.
func WithThrottled(ctx context.Context, f func()) context.Context {
	return context.WithValue(ctx, throttledKey{}, f)
}

// Throttled is called by stores that were told to slow down.
func Throttled(ctx context.Context) {
	if f, ok := ctx.Value(throttledKey{}).(func()); ok {
		f()
	}
}
