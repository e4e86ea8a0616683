package copier

import (
	"context"
	"math/bits"
	"sync"

	"golang.org/x/sync/semaphore"
)

// Budget bounds the memory of all bodies held at once and reuses their
// buffers. It is safe for concurrent use.
type Budget struct {
	limit int64
	sem   *semaphore.Weighted
	pools [classes]sync.Pool
}

// Buffers come in powers of two from 4 KiB.
const (
	smallest = 12 // bits
	classes  = 20 // up to 2 GiB
)

// NewBudget returns a budget of so many bytes.
func NewBudget(limit int64) *Budget {
	return &Budget{limit: limit, sem: semaphore.NewWeighted(limit)}
}

// Fits tells whether a buffer of n bytes can ever be had.
func (b *Budget) Fits(n int64) bool {
	return n <= 1<<(smallest+classes-1) && 1<<(smallest+class(n)) <= b.limit
}

func class(n int64) int {
	if n <= 1<<smallest {
		return 0
	}
	return bits.Len64(uint64(n-1)) - smallest
}

// Get waits until n bytes are free and returns a buffer of that length; n must
// fit. The caller calls release once.
func (b *Budget) Get(ctx context.Context, n int64) (buf []byte, release func(), err error) {
	c := class(n)
	weight := int64(1) << (smallest + c)
	if err := b.sem.Acquire(ctx, weight); err != nil {
		return nil, nil, err
	}
	p, ok := b.pools[c].Get().(*[]byte)
	if !ok {
		fresh := make([]byte, weight)
		p = &fresh
	}
	return (*p)[:n], func() {
		b.pools[c].Put(p)
		b.sem.Release(weight)
	}, nil
}
