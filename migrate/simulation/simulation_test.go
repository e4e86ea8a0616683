package simulation_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/residency/residency/migrate/simulation"
)

var (
	seeds = flag.Int("seeds", 300, "how many seeds to run")
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

// replay shows what happened in a seed.
func replay(t *testing.T, n uint64) simulation.Outcome {
	var trace bytes.Buffer
	out := run(t, n, &trace)
	fmt.Fprintf(os.Stdout, "%s\nseed %d: %d requests in %d commands, end: %v\n", trace.Bytes(), n, out.Steps, out.Runs, out.End)
	if out.Violation != nil {
		fmt.Fprintf(os.Stdout, "VIOLATION %v\n", out.Violation)
	}
	return out
}

func TestSimulate(t *testing.T) {
	if *seed > 0 {
		if out := replay(t, *seed); out.Violation != nil {
			t.Errorf("seed %d: %v", *seed, out.Violation)
		}
		return
	}
	start := time.Now()
	var next, steps, failed atomic.Int64
	ends := make([]map[string]int, runtime.GOMAXPROCS(0))
	t.Run("all", func(t *testing.T) {
		for i := range ends {
			ends[i] = make(map[string]int)
			t.Run(fmt.Sprint(i), func(t *testing.T) {
				t.Parallel()
				for n := next.Add(1) - 1; n < int64(*seeds) && failed.Load() == 0; n = next.Add(1) - 1 {
					s := *first + uint64(n)
					out := run(t, s, nil)
					steps.Add(int64(out.Steps))
					ends[i][simulation.Class(out.End)]++
					if out.Violation != nil && failed.Add(1) == 1 {
						replay(t, s)
						t.Errorf("seed %d: %v\nreplay it with: make simulate SEED=%d", s, out.Violation, s)
					}
				}
			})
		}
	})
	took := time.Since(start)
	all := make(map[string]int)
	for _, e := range ends {
		for class, n := range e {
			all[class] += n
		}
	}
	fmt.Printf("%d seeds, %d requests in %v: %.0f seeds/s; ends: %v\n", min(next.Load(), int64(*seeds)), steps.Load(), took.Round(time.Millisecond), float64(*seeds)/took.Seconds(), all)
}
