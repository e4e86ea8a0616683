package simulation_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/residency/residency/migrate/simulation"
)

var (
	seeds = flag.Int("seeds", 200, "how many seeds to run")
	first = flag.Uint64("first", 1, "the first seed")
	seed  = flag.Uint64("seed", 0, "run this seed alone and show its trace")
)

// run is one seed in a bubble with a clock of its own.
func run(t *testing.T, n uint64, trace *bytes.Buffer) (out simulation.Outcome) {
	synctest.Test(t, func(*testing.T) {
		c := simulation.Config{Seed: n, Settle: synctest.Wait, Now: time.Now}
		if trace != nil {
			c.Trace = trace
		}
		out = simulation.Run(c)
	})
	return out
}

// replay shows what happens in a seed.
func replay(t *testing.T, n uint64) simulation.Outcome {
	var trace bytes.Buffer
	out := run(t, n, &trace)
	fmt.Fprintf(os.Stdout, "%s\nseed %d: %d requests in %d commands, end: %v\n", trace.Bytes(), n, out.Steps, out.Runs,
		out.End)
	if out.Violation != nil {
		fmt.Fprintf(os.Stdout, "VIOLATION %v\n", out.Violation)
	}
	return out
}

// sweep is what many seeds came to.
type sweep struct {
	mu        sync.Mutex
	next      uint64
	seeds     int
	steps     int
	ends      map[string]int
	failed    uint64 // the lowest seed with a violation; 0: none
	violation *simulation.Violation
}

// over runs seeds on all cores until one fails.
func over(t *testing.T, name string, first uint64, n int) *sweep {
	s := &sweep{next: first, ends: make(map[string]int)}
	t.Run(name, func(t *testing.T) {
		for i := range runtime.GOMAXPROCS(0) {
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				for {
					at, ok := s.take(first + uint64(n))
					if !ok {
						return
					}
					s.add(at, run(t, at, nil))
				}
			})
		}
	})
	return s
}

func (s *sweep) take(end uint64) (uint64, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	return s.next - 1, s.failed == 0 && s.next <= end
}

func (s *sweep) add(at uint64, out simulation.Outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seeds++
	s.steps += out.Steps
	s.ends[simulation.Class(out.End)]++
	if out.Violation != nil && (s.failed == 0 || at < s.failed) {
		s.failed, s.violation = at, out.Violation
	}
}

func TestSimulate(t *testing.T) {
	if *seed > 0 {
		if out := replay(t, *seed); out.Violation != nil {
			t.Errorf("seed %d: %v", *seed, out.Violation)
		}
		return
	}
	defer debug.SetGCPercent(debug.SetGCPercent(400)) // a seed's garbage is small and short-lived
	start := time.Now()
	s := over(t, "seeds", *first, *seeds)
	took := time.Since(start)
	fmt.Printf("%d seeds from %d on, %d requests in %v: %.0f seeds/s\nends: %v\n", s.seeds, *first, s.steps,
		took.Round(time.Second/10), float64(s.seeds)/took.Seconds(), s.ends)
	if s.failed > 0 {
		replay(t, s.failed)
		t.Errorf("seed %d: %v\nreplay it with: make simulate SEED=%d", s.failed, s.violation, s.failed)
	}
}

// The same seed is the same course of events, however many workers there are
// and whatever the machine does meanwhile.
func TestReplay(t *testing.T) {
	for n := range uint64(40) {
		a, b := run(t, n+1, nil), run(t, n+1, nil)
		if a.Print != b.Print || a.Steps != b.Steps || simulation.Class(a.End) != simulation.Class(b.End) {
			t.Errorf("seed %d: %d requests (%x, %v), then %d (%x, %v)", n+1, a.Steps, a.Print, a.End, b.Steps, b.Print, b.End)
		}
	}
}
