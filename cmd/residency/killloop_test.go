//go:build unix

package main

import (
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore/storetest"
)

// tally counts what is done to the destination's data, not to the state.
type tally struct {
	mu     sync.Mutex
	puts   map[string]int // by bucket and key
	proven int            // looks at what is there already
	all    int
}

func (c *tally) see(r storetest.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all++
	if !strings.HasSuffix(r.Bucket, "-eu-west-1") || strings.HasPrefix(r.Key, ".residency") {
		return
	}
	switch r.Operation {
	case "PutObject":
		c.puts[r.Bucket+"/"+r.Key]++
	case "HeadObject":
		c.proven++
	}
}

// again counts the puts beyond one for each version.
func (c *tally) again(before []storetest.Histories) (again, entries int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for i, p := range places() {
		for key, history := range before[i] {
			versions := 0
			for _, e := range history {
				if !e.Marker {
					versions++
				}
			}
			entries += len(history)
			again += max(c.puts[p.destination+"/"+key]-versions, 0)
		}
	}
	return again, entries
}

// TestKillLoop kills a migration again and again at random moments, its state in
// a bucket or, with RESIDENCY_KILLS, in either home and as often as that says,
// over 20,000 entries. The end is exact, and few copies were made twice.
func TestKillLoop(t *testing.T) {
	t.Parallel()
	kills, batches, scale, each := 1, 1, 1, int64(300)
	term := "6s" // beside other tests a lease is not always renewed in the second that 3s leave
	homes := []string{"bucket"}
	if text := os.Getenv("RESIDENCY_KILLS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		kills, batches, scale, each, term = n, 2, 100, 60_000/int64(n), "3s"
		homes = []string{"directory", "bucket"}
	}
	for _, home := range homes {
		t.Run(home, func(t *testing.T) { killLoop(t, home, term, kills, batches, scale, each) })
	}
}

func killLoop(t *testing.T, home, term string, kills, batches, scale int, each int64) {
	m := newMortal(t, scale)
	if home == "bucket" {
		m.bucketState()
		m.env = []string{"RESIDENCY_LEASE_TERM=" + term}
	}
	before := m.sources()
	c := &tally{puts: make(map[string]int)}
	for _, p := range m.proxies {
		p.SetFault(func(r storetest.Request) storetest.Fault {
			c.see(r)
			return m.count(r)
		})
	}
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	started := time.Now()
	for kill := range kills {
		if !m.runLeased("", 1+random.Int64N(each)) {
			t.Fatalf("seed %d: the migration ended before kill %d of %d", seed, kill+1, kills)
		}
	}
	for range batches {
		if !m.runLeased(erasing, 2) {
			t.Fatalf("seed %d: the migration ended without a batch of deletions", seed)
		}
		m.arrived(before, ".residency-")
	}
	if m.runLeased("", 1<<40) {
		t.Fatal("killed by nobody")
	}
	m.moved(before)
	again, entries := c.again(before)
	share := float64(again) / float64(entries)
	t.Logf("state in a %s: %d entries, %d kills while copying and %d while erasing, seed %d: %d copies made again "+
		"(%.2f%%), %d requests, %d of them looks at what was there already; %s",
		home, entries, kills, batches, seed, again, 100*share, c.all, c.proven, time.Since(started).Round(time.Second))
	if share >= 0.1 {
		t.Errorf("%.1f%% of the copies were made again, want less than 10%%", 100*share)
	}
}

// runLeased is run, begun again as long as the lease of the run before lasts.
func (m *mortal) runLeased(operation string, n int64) (killed bool) {
	m.t.Helper()
	for range 600 {
		m.leased = false
		if killed := m.run(operation, n); !m.leased {
			return killed
		}
		m.pause()
	}
	m.t.Fatal("the lease of a run that was killed does not end")
	return false
}

// pause is as long as whoever waits for a lease leaves the machine to others.
func (m *mortal) pause() {
	select {
	case <-time.After(500 * time.Millisecond):
	case <-m.t.Context().Done():
	}
}
