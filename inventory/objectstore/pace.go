package objectstore

import (
	"context"
	"io"
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

// Paced hands on no more of a body than a pace allows; without a pace it is the body itself.
// The context is that of the request that the body is of.
func Paced(ctx context.Context, body io.Reader, pace Pace) io.Reader {
	if pace == nil || body == nil {
		return body
	}
	return &paced{from: body, ctx: ctx, pace: pace}
}

// PacedCloser is Paced, for a body that is to be closed.
func PacedCloser(ctx context.Context, body io.ReadCloser, pace Pace) io.ReadCloser {
	if pace == nil || body == nil {
		return body
	}
	return struct {
		io.Reader
		io.Closer
	}{Paced(ctx, body, pace), body}
}

type paced struct {
	from io.Reader
	ctx  context.Context
	pace Pace
}

func (r *paced) Read(p []byte) (int, error) {
	n, err := r.from.Read(p[:min(len(p), r.pace.Most())])
	if waited := r.pace.Take(r.ctx, n); waited != nil {
		return 0, waited
	}
	return n, err
}
