package azurestore

import (
	"context"
	"time"
)

// memoTime is for how long an answer of Resource Manager's is remembered. It takes far fewer
// requests than storage does: 100 lists in five minutes ("Scalability and performance targets
// for standard storage accounts", storage resource provider).
const memoTime = time.Minute

// memo remembers what was loaded last. It is safe for concurrent use, and one caller at a time
// loads. Failures are not remembered.
type memo[T any] struct {
	turn  chan struct{} // holds one while the value is looked at
	value T
	until time.Time // zero: there is none
}

func newMemo[T any]() memo[T] { return memo[T]{turn: make(chan struct{}, 1)} }

// get returns what is remembered, or loads it. load tells for how long that holds.
func (m *memo[T]) get(
	ctx context.Context, now func() time.Time, load func() (T, time.Duration, error),
) (value T, err error) {
	select {
	case m.turn <- struct{}{}:
	case <-ctx.Done():
		return value, ctx.Err()
	}
	defer func() { <-m.turn }()
	if now().Before(m.until) {
		return m.value, nil
	}
	value, holds, err := load()
	if err != nil {
		return value, err
	}
	m.value, m.until = value, now().Add(holds)
	return value, nil
}

// forget has the next call load anew.
func (m *memo[T]) forget() {
	m.turn <- struct{}{}
	m.until = time.Time{}
	<-m.turn
}
