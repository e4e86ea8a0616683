package simulation

import (
	"context"
	"fmt"
	"math"
	"sync/atomic"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/progress"
)

// process is one life of the program under test, from its start to its end or
// its crash. What a dead process asks for is not done.
type process struct {
	world    *world
	operator *operator
	number   int
	step     int // in which it was started
	cancel   context.CancelFunc
	over     <-chan struct{} // closed when it has ended, or is to end
	dead     bool
	stopped  bool // it was asked to: what it is about to prove then stays unproven
	frozen   bool // it stands still between two requests
	thaws    int  // step
	ended    bool
	err      error // what it ended with
	// crashNext: it crashes before its next request.
	crashNext bool
	// progress is what it shows of itself.
	progress *progress.Progress
	// pages are what it was shown of listings since it last wrote a copy.
	pages []shown
	// looked has when it last looked at a key at the source.
	looked      map[string]int
	tagged      map[string]int // the same of tags of copies, but while it copies
	uploadsSeen map[string]int // by bucket, the step of the last listing of its uploads at the source
	erased      bool           // it has deleted at the source
	erasedAt    int            // the step at which it began to erase; later listings look for single keys
	last        time.Time      // of its requests to a store
	lost        int            // what it has erased and is at neither end
	named       atomic.Int64   // names that it was given
}

// random stands in for chance. What names are made of, which is drawn from all there
// is, comes once in a world; pauses are a process's own.
func (p *process) random(n int64) int64 {
	drawn := int64(p.number) * 7919
	if n == math.MaxInt64 {
		drawn += p.named.Add(1) * 1e9
	}
	return drawn % n
}

// shown is a stretch of keys that a page of a listing covered.
type shown struct {
	side, bucket string
	after        string // first key not covered before it
	last         string // last key covered
	end          bool   // everything behind it too
	step         int
	hidden       string // a key of which something was left out
}

func (s shown) covers(side, bucket, key string) bool {
	return s.side == side && s.bucket == bucket && key > s.after && (s.end || key <= s.last)
}

// enter waits for a request's turn. Its error is the answer.
func (p *process) enter(ctx context.Context, k kind, name string) (*request, error) {
	r := &request{process: p, kind: k, name: name}
	return r, p.begin(ctx, r)
}

func (p *process) begin(ctx context.Context, r *request) error {
	p.world.scheduler.wait(r)
	if p.erasedAt == 0 && p.phase() == "erasing" {
		p.erasedAt = p.world.step
	}
	if p.dead {
		return errDead
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if fence := objectstore.Fence(ctx); fence != nil {
		if err := fence(); err != nil {
			return err // as every real store asks it before it sends
		}
	}
	switch r.fault {
	case refused:
		if r.kind == kindDisk {
			return errDisk
		}
		return pick(p.world.dice, errReset, internal(r.name))
	case slowDown:
		return throttled(r.name)
	case crashBefore:
		p.crash()
		return errDead
	case interrupted:
		p.stopped = true
		p.cancel()
	}
	p.world.oracle.actor, p.last = p, p.world.Now()
	p.world.oracle.mayChange(r)
	return nil
}

// leave ends a request that was done: its error is the answer.
func (p *process) leave(r *request, err error) error {
	p.world.oracle.look()
	p.world.oracle.actor = nil
	p.world.repeat()
	switch {
	case r.fault == crashAfter:
		p.crash()
		return errDead
	case r.fault == lost && err == nil:
		return errReset
	}
	return err
}

func (p *process) phase() any { return p.progress.Phase.Load() }

// after is time as it goes by for the process's timers: some fire when the seed
// wills, the others when nothing else happens any more. Which ones do follows from
// when they are to fire, for two that are set at once are set in any order.
func (p *process) after(d time.Duration) <-chan time.Time {
	if d > 0 && p.world.Now().Add(d).UnixMilli()%3 > 0 {
		return time.After(d)
	}
	return p.world.scheduler.tick(&request{process: p, kind: kindQueue, name: "time goes by"})
}

func (p *process) crash() {
	p.dead, p.frozen = true, false
	p.cancel()
	p.world.disk.unlock(p)
}

// disk is the process's view of the disk.
func (p *process) disk() files {
	return files{disk: p.world.disk, process: p, enter: func(step string) error {
		r, err := p.enter(context.Background(), kindDisk, step)
		if err != nil {
			return err
		}
		p.world.oracle.actor = nil
		if r.fault == crashAfter {
			r.fault = none // a step on the disk ends after this; the next one crashes
			p.crashNext = true
		}
		return nil
	}}
}

func ref(r objectstore.Ref) string {
	return fmt.Sprintf("%s/%s@%s", r.Bucket, r.Key, r.VersionID)
}
