package azurestore

import (
	"context"
	"sync"
	"time"

	"github.com/residency/residency/inventory/objectstore"
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
	at    time.Time // when it was asked for
	until time.Time // zero: there is none
}

func newMemo[T any]() memo[T] { return memo[T]{turn: make(chan struct{}, 1)} }

// get returns what is remembered, unless the context asks for what is newer, or loads it. load
// tells for how long that holds.
func (m *memo[T]) get(
	ctx context.Context, now func() time.Time, load func() (T, time.Duration, error),
) (value T, err error) {
	select {
	case m.turn <- struct{}{}:
	case <-ctx.Done():
		return value, ctx.Err()
	}
	defer func() { <-m.turn }()
	at := now()
	if at.Before(m.until) && !m.at.Before(objectstore.Since(ctx)) {
		return m.value, nil
	}
	value, holds, err := load()
	if err != nil {
		return value, err
	}
	m.value, m.at, m.until = value, at, now().Add(holds)
	return value, nil
}

// forget has the next call load anew.
func (m *memo[T]) forget() {
	m.turn <- struct{}{}
	m.until = time.Time{}
	<-m.turn
}

// memos are those of many containers, by name. Their zero value can be used, and is safe for concurrent use.
type memos[T any] struct {
	mu sync.Mutex
	of map[string]*memo[T]
}

// maxMemos bounds the containers that something is remembered of; then all are forgotten.
const maxMemos = 1000

func (m *memos[T]) get(name string) *memo[T] {
	m.mu.Lock()
	defer m.mu.Unlock()
	one := m.of[name]
	if one != nil {
		return one
	}
	if m.of == nil || len(m.of) >= maxMemos {
		m.of = make(map[string]*memo[T])
	}
	made := newMemo[T]()
	m.of[name] = &made
	return &made
}
