package objectstore

import "context"

type fenceKey struct{}

// WithFence returns a context under which every request, and every piece of
// one that is still being sent, asks the fence first and is not sent if it
// fails. A context that ends is seen late by a process that stood still; the
// fence is asked at the last moment. It must be quick and may be called
// concurrently.
func WithFence(ctx context.Context, fence func() error) context.Context {
	return context.WithValue(ctx, fenceKey{}, fence)
}

// Fence returns the context's fence, nil if it has none.
func Fence(ctx context.Context) func() error {
	fence, _ := ctx.Value(fenceKey{}).(func() error)
	return fence
}
