package objectstore

import "context"

type fenceKey struct{}

// WithFence returns a context under which every request, and every piece of
// one that is still being sent, asks the fence first and is not sent if it
// fails. A context that ends is seen late by a process that stood still; the
// fence is asked at the last moment. It must be quick and may be called
// concurrently. A fence that the context has already goes on to hold: it is
// asked first.
func WithFence(ctx context.Context, fence func() error) context.Context {
	if outer := Fence(ctx); outer != nil {
		inner := fence
		fence = func() error {
			if err := outer(); err != nil {
				return err
			}
			return inner()
		}
	}
	return context.WithValue(ctx, fenceKey{}, fence)
}

// Fence returns the context's fence, nil if it has none.
func Fence(ctx context.Context) func() error {
	fence, _ := ctx.Value(fenceKey{}).(func() error)
	return fence
}
