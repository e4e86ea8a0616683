package objectstore

import (
	"context"
	"time"

	"golang.org/x/time/rate"
)

// Pace bounds how many bytes pass in a time. It is shared by all that it bounds.
type Pace interface {
	// Most is how many bytes can be taken at once.
	Most() int
	// Take waits until so many bytes may pass, or returns the context's error as soon as
	// that has ended.
	Take(ctx context.Context, bytes int) error
}

// pieces bound how much passes at once, in bytes: each of many connections has to have
// its turn before a service gives it up.
const (
	leastPiece = 1 << 10
	mostPiece  = 32 << 10
)

// NewPace bounds bytes per second. In any time no more than a piece passes beyond that.
func NewPace(bytesPerSecond int64, now func() time.Time, sleep func(context.Context, time.Duration) error) Pace {
	piece := int(min(max(bytesPerSecond/64, leastPiece), mostPiece))
	return &pace{limiter: rate.NewLimiter(rate.Limit(bytesPerSecond), piece), piece: piece, now: now, sleep: sleep}
}

type pace struct {
	limiter *rate.Limiter
	piece   int
	now     func() time.Time
	sleep   func(context.Context, time.Duration) error
}

func (p *pace) Most() int { return p.piece }

func (p *pace) Take(ctx context.Context, bytes int) error {
	now := p.now()
	if delay := p.limiter.ReserveN(now, bytes).DelayFrom(now); delay > 0 {
		return p.sleep(ctx, delay)
	}
	return nil
}
