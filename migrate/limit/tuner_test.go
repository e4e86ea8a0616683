package limit

import (
	"context"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// link is a simulated service: each request takes a round trip, and all
// together no more than rate per second get through.
type link struct {
	roundTrip time.Duration
	rate      float64 // requests per second; 0: no bound
	most      int     // requests at once, beyond which it asks to slow down; 0: no bound
}

// run drives a tuner on the link for so many requests of a size and returns
// the limits at which it was, by how long.
func (l link) run(t *Tuner, requests int, size int64) (limits []int) {
	now := time.Unix(0, 0)
	for range requests {
		limit := t.Limit()
		perSecond := float64(limit) / l.roundTrip.Seconds()
		if l.rate > 0 {
			perSecond = min(perSecond, l.rate)
		}
		now = now.Add(time.Duration(float64(time.Second) / perSecond))
		if l.most > 0 && limit > l.most {
			t.Throttled(t.Limit())
			continue
		}
		t.Arrived(now, size)
		limits = append(limits, t.Limit())
	}
	return limits
}

func TestTuner(t *testing.T) {
	for _, tt := range []struct {
		name        string
		link        link
		requests    int
		size        int64
		least, most int // of the limit at the end
	}{
		{"a long way", link{roundTrip: 160 * time.Millisecond}, 5000, 4096, 256, 256},
		{"a long way that is narrow", link{roundTrip: 160 * time.Millisecond, rate: 400}, 20000, 4096, 48, 100},
		{"a short way, busy machine", link{roundTrip: time.Millisecond, rate: 2000}, 20000, 4096, 16, 32},
		{"large bodies, narrow", link{roundTrip: time.Second, rate: 20}, 2000, 8 << 20, 16, 40},
		{"asked to slow down", link{roundTrip: 160 * time.Millisecond, most: 40}, 20000, 4096, 8, 50},
		{"asked to slow down at once", link{roundTrip: 10 * time.Millisecond, most: 5}, 2000, 4096, 4, 8},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tuner := NewTuner(LeastWorkers, BeginWorkers, MostWorkers)
			limits := tt.link.run(tuner, tt.requests, tt.size)
			for _, l := range limits {
				if l < LeastWorkers || l > MostWorkers {
					t.Fatalf("%d workers", l)
				}
			}
			if got := tuner.Limit(); got < tt.least || got > tt.most {
				t.Errorf("%d workers at the end, want %d to %d", got, tt.least, tt.most)
			}
		})
	}
}

// Each worker has its own clock, and its first object takes two round trips
// more, for connections: the way to the top must still be short.
func TestTunerOnALongWay(t *testing.T) {
	const each = 160 * time.Millisecond
	tuner := NewTuner(LeastWorkers, BeginWorkers, MostWorkers)
	now := time.Unix(0, 0)
	var due []time.Time // of each worker's object
	begun, done := now, 0
	for tuner.Limit() < MostWorkers {
		for len(due) < tuner.Limit() {
			due = append(due, now.Add(2*each+time.Duration(len(due))*time.Millisecond))
		}
		next := 0
		for i := range due {
			if due[i].Before(due[next]) {
				next = i
			}
		}
		now = due[next]
		due[next] = now.Add(each)
		tuner.Arrived(now, 4096)
		tuner.Arrived(now, 0)
		if done++; done > 5000 {
			t.Fatalf("still %d workers after %d objects and %s", tuner.Limit(), done, now.Sub(begun))
		}
	}
	if took := now.Sub(begun); took > 6*time.Second {
		t.Errorf("%s until there were %d workers", took, MostWorkers)
	}
	t.Logf("%d workers after %s and %d objects", MostWorkers, now.Sub(begun), done)
}

// A service that asked to slow down is asked for more only little by little,
// and the many refusals of one moment count once.
func TestTunerThrottled(t *testing.T) {
	tuner := NewTuner(4, 64, 256)
	for range 64 {
		tuner.Throttled(tuner.Limit())
	}
	if got := tuner.Limit(); got != 32 {
		t.Errorf("after refusals of one moment: %d workers, want 32", got)
	}
	last, now := 32, time.Unix(0, 0)
	for range 20000 {
		now = now.Add(time.Second / time.Duration(tuner.Limit()) / 10)
		tuner.Arrived(now, 0)
		if got := tuner.Limit(); got > last+max(last/4, 1) {
			t.Fatalf("from %d to %d workers at once", last, got)
		} else {
			last = got
		}
	}
	if last <= 32 {
		t.Errorf("%d workers, and never more", last)
	}
}

// The same events give the same limits, whatever they are.
func TestTunerStaysWithinBounds(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 1))
		a, b := NewTuner(2, 10, 20), NewTuner(2, 10, 20)
		now := time.Unix(0, 0)
		for range 2000 {
			now = now.Add(time.Duration(random.Int64N(int64(50 * time.Millisecond))))
			if random.IntN(200) == 0 {
				a.Throttled(a.Limit())
				b.Throttled(b.Limit())
			}
			size := random.Int64N(1 << 24)
			a.Arrived(now, size)
			b.Arrived(now, size)
			if a.Limit() != b.Limit() || a.Limit() < 2 || a.Limit() > 20 {
				t.Fatalf("seed %d: limits %d and %d", seed, a.Limit(), b.Limit())
			}
		}
	}
}

// A pool has as many places as its limit says; a fixed one stays as it is. Parts take
// what histories leave.
func TestPool(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Unix(0, 0)
		c := NewPool(0, 0, func() time.Time { return now })
		c.Serve("source", "destination")
		enter := func(c *Pool) error {
			ended, cancel := context.WithCancel(t.Context())
			defer cancel()
			stop := time.AfterFunc(10*time.Millisecond, cancel) // there is no place
			defer stop.Stop()
			return c.Enter(ended)
		}
		for n := range BeginWorkers {
			if err := enter(c); err != nil {
				t.Fatalf("no place beside %d: %v", n, err)
			}
		}
		if err := enter(c); err == nil {
			t.Fatal("more places than the limit at first")
		}
		for range 10000 {
			now = now.Add(160 * time.Millisecond / time.Duration(c.Limit()))
			c.Leave()
			c.Arrived(0)
			if err := enter(c); err != nil {
				t.Fatal(err)
			}
		}
		if c.Limit() != MostWorkers {
			t.Errorf("a limit of %d on a long way", c.Limit())
		}
		for taken := BeginWorkers; taken < MostWorkers; taken++ {
			if !c.Take() {
				t.Fatalf("no place beside %d", taken)
			}
		}
		if c.Take() || c.Crowded() {
			t.Error("more places than the limit, or fewer")
		}
		c.Throttled("elsewhere")
		if c.Crowded() {
			t.Error("another service's word counts")
		}
		c.Throttled("destination")
		if !c.Crowded() {
			t.Error("not crowded with half the places")
		}
		if err := enter(c); err != nil {
			t.Errorf("a history waits for parts that are to be given back: %v", err)
		}

		fixed := NewPool(1, 0, nil)
		fixed.Serve("one")
		fixed.Throttled("one")
		if err := enter(fixed); err != nil {
			t.Fatal(err)
		}
		fixed.Arrived(1)
		if fixed.Limit() != 1 || fixed.Take() || enter(fixed) == nil {
			t.Error("a fixed pool does not stay as it is")
		}
	})
}

// Pools are called from everywhere at once, and whoever waits comes in, also where
// another who was told of a place has given up.
func TestPoolConcurrently(t *testing.T) {
	c := NewPool(0, 0, time.Now)
	c.Serve("one")
	var within atomic.Int64
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			for n := range 200 {
				ctx, cancel := context.WithCancel(t.Context())
				if (i+n)%7 == 0 {
					go cancel()
				}
				if err := c.Enter(ctx); err == nil {
					if within.Add(1) > MostWorkers {
						t.Error("more than there are places")
					}
					if c.Take() {
						c.Give()
					}
					c.Arrived(1)
					within.Add(-1)
					c.Leave()
				} else if (i+n)%7 != 0 {
					t.Errorf("enter: %v", err)
				}
				cancel()
			}
		})
	}
	wg.Wait()
	if got := fmt.Sprint(c.within, c.parts); got != "0 0" {
		t.Errorf("left behind: %s", got)
	}
}

// Each service has a measure of its own: what one asks for holds wherever it is
// served again, and not where it is not.
func TestPoolServesSeveral(t *testing.T) {
	c := NewPool(0, 0, func() time.Time { return time.Unix(0, 0) })
	c.Serve("source", "destination")
	c.Throttled("source")
	if got := c.Limit(); got != BeginWorkers/2 {
		t.Errorf("%d workers after the source's word, want %d", got, BeginWorkers/2)
	}
	c.Serve("other", "destination")
	if got := c.Limit(); got != BeginWorkers {
		t.Errorf("%d workers with another source, want %d", got, BeginWorkers)
	}
	c.Throttled("source") // late
	c.Throttled("destination")
	if got := c.Limit(); got != BeginWorkers/2 {
		t.Errorf("%d workers after the destination's word, want %d", got, BeginWorkers/2)
	}
	c.Serve("third", "destination")
	if got := c.Limit(); got != BeginWorkers/2 {
		t.Errorf("%d workers with a third source and the same destination, want %d", got, BeginWorkers/2)
	}
	c.Throttled("third") // with as many at work as the destination bears
	if got := c.Limit(); got != BeginWorkers/4 {
		t.Errorf("%d workers after the third's word, want %d", got, BeginWorkers/4)
	}
}

// A pool stays below the most that it may have, however much more is worth.
func TestPoolStaysBelow(t *testing.T) {
	for most, want := range map[int]int{0: MostWorkers, 40: 40, 2: 2} {
		now := time.Unix(0, 0)
		c := NewPool(0, most, func() time.Time { return now })
		c.Serve("one")
		for range 100_000 { // the more work at once, the faster
			now = now.Add(10 * time.Millisecond / time.Duration(c.Limit()))
			c.Arrived(1)
			if c.Limit() > want {
				t.Fatalf("%d at once, and no more than %d may be", c.Limit(), want)
			}
		}
		if c.Limit() != want {
			t.Errorf("%d at once, want %d", c.Limit(), want)
		}
	}
}
