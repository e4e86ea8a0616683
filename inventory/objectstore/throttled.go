package objectstore

import "context"

type throttledKey struct{}

// WithThrottled returns a context under which f is called whenever a service
// answers that it wants fewer requests, also when the request is repeated and
// then succeeds, and when the answer is a success that only says so within. f is
// given the service's address, see AddressOf, and may be called concurrently.
func WithThrottled(ctx context.Context, f func(address string)) context.Context {
	return context.WithValue(ctx, throttledKey{}, f)
}

// Throttled is called by stores that were told to slow down.
func Throttled(ctx context.Context, address string) {
	if f, ok := ctx.Value(throttledKey{}).(func(string)); ok {
		f(address)
	}
}

// AddressOf is what a store's service is told apart by where it is told to slow
// down: the address that answers.
func AddressOf(s Store) string {
	if at, ok := s.(Addressed); ok {
		return at.URL()
	}
	return s.Endpoint()
}
