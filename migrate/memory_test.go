//go:build !race

package migrate_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/audit"
	"github.com/residency/residency/migrate/state"
)

// watched is a state whose every write is a moment at which what lives in
// memory is measured.
type watched struct {
	state.Home
	mu    sync.Mutex
	every int
	n     int
	most  uint64 // bytes
}

func (w *watched) Put(ctx context.Context, name string, data []byte) error {
	w.measure()
	return w.Home.Put(ctx, name, data)
}

func (w *watched) measure() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.n++; w.n%w.every != 0 {
		return
	}
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	w.most = max(w.most, m.HeapAlloc)
}

// Law L10: what a run keeps in memory does not grow with the number of objects.
func TestConstantMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("copies 120,000 objects of a simulated store")
	}
	most := func(keys, every int) uint64 {
		w := &watched{Home: state.NewScratch(t.TempDir()), every: every}
		m := newHollowMove(t, keys, 1, w)
		if r := m.run(t, m.plan(t), migrate.Options{Fresh: true}); !r.SourceEmpty {
			t.Fatalf("left: %+v", r.Left)
		}
		return w.most
	}
	// With fewer, what waits in queues on a busy machine does not fill them yet.
	few, many := most(20_000, 5), most(100_000, 25)
	t.Logf("%.1f MiB live with 20,000 entries, %.1f MiB with 100,000", float64(few)/(1<<20), float64(many)/(1<<20))
	// What is in flight at a moment varies by some MiB; a tenth of a KiB kept of
	// each entry is more, and comes each time.
	bound := few*12/10 + 4<<20
	if many > bound {
		many = min(many, most(100_000, 25))
		t.Logf("measured again: %.1f MiB", float64(many)/(1<<20))
	}
	if many > bound {
		t.Errorf("%d bytes live with 100,000 entries, %d with 20,000", many, few)
	}
}

// One key's history is listed, and written to one segment, as a whole: what that
// takes of memory for each version is bounded.
func TestConstantMemoryOfAHistory(t *testing.T) {
	if testing.Short() {
		t.Skip("copies a history of 30,000 versions of a simulated store")
	}
	most := func(versions int) uint64 {
		w := &watched{Home: state.NewScratch(t.TempDir()), every: 1}
		m := newHollowMove(t, 1, versions, w)
		m.source.watch, m.destination.watch = w.measure, w.measure
		if r := m.run(t, m.plan(t), migrate.Options{Fresh: true}); !r.SourceEmpty {
			t.Fatalf("left: %+v", r.Left)
		}
		return w.most
	}
	few, many := most(1_000), most(30_000)
	each := (many - few) / 29_000
	t.Logf("%.1f MiB live with 1,000 versions, %.1f MiB with 30,000: %d bytes for each", float64(few)/(1<<20),
		float64(many)/(1<<20), each)
	if many > few && each > 320 {
		t.Errorf("%d bytes live for each version", each)
	}
}

// reads is a state of which every read is such a moment.
type reads struct {
	state.Home
	watched *watched
}

func (r *reads) Get(ctx context.Context, name string) ([]byte, error) {
	r.watched.measure()
	return r.Home.Get(ctx, name)
}

// Whoever checks a certificate needs no more memory for one of more entries.
func TestConstantMemoryOfAnAudit(t *testing.T) {
	if testing.Short() {
		t.Skip("copies 60,000 objects of a simulated store")
	}
	most := func(keys, every int) uint64 {
		dir := t.TempDir()
		m := newHollowMove(t, keys, 1, state.NewScratch(dir))
		p := m.plan(t)
		m.run(t, p, migrate.Options{Fresh: true})
		m.source, m.destination = nil, nil
		w := &watched{every: every}
		r, err := audit.Verify(t.Context(), &reads{Home: audit.Folder(filepath.Join(dir, p.ID)), watched: w}, audit.Trust{})
		if err != nil || !r.Valid || !r.Recomputed || r.Said.Entries != int64(keys) {
			t.Fatal(err, r)
		}
		return w.most
	}
	few, many := most(4_000, 1), most(60_000, 10)
	t.Logf("%.1f MiB live with 4,000 entries, %.1f MiB with 60,000", float64(few)/(1<<20), float64(many)/(1<<20))
	if many > few*12/10+4<<20 {
		t.Errorf("%d bytes live with 60,000 entries, %d with 4,000", many, few)
	}
}

// TestPeakMemory is what scripts/memory runs, in a process of its own: a whole
// move of so many keys with so many versions each, the most memory that the
// process ever had, and the most of it that was in use; then what checking its
// certificate takes, in seconds and in memory that is in use.
func TestPeakMemory(t *testing.T) {
	keys, versions, ok := strings.Cut(os.Getenv("RESIDENCY_MEMORY_OF"), "x")
	if !ok {
		t.Skip("run by scripts/memory")
	}
	k, errK := strconv.Atoi(keys)
	v, errV := strconv.Atoi(versions)
	if errK != nil || errV != nil {
		t.Fatal(errK, errV)
	}
	dir := t.TempDir()
	w := &watched{Home: state.NewScratch(dir), every: max(1, k*v/25_000)}
	m := newHollowMove(t, k, v, w)
	before := peak(t)
	p := m.plan(t)
	planned := peak(t)
	if r := m.run(t, p, migrate.Options{}); !r.SourceEmpty {
		t.Fatalf("left: %+v", r.Left)
	}
	fmt.Printf("memory %d %d %d %d %d %d\n", k, v, before, planned, peak(t), w.most>>10)
	m.source, m.destination = nil, nil
	checked := &watched{every: max(1, k*v/25_000)}
	began := time.Now()
	a, err := audit.Verify(t.Context(), &reads{Home: audit.Folder(filepath.Join(dir, p.ID)), watched: checked}, audit.Trust{})
	if err != nil || !a.Valid || !a.Recomputed || a.Said.Entries != int64(k)*int64(v) {
		t.Fatal(err, a)
	}
	fmt.Printf("audit %.1f %d\n", time.Since(began).Seconds(), checked.most>>10)
}

// peak is the most memory that this process ever had resident, in KiB.
func peak(t *testing.T) int {
	t.Helper()
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Skip("no /proc here")
	}
	for line := range strings.Lines(string(status)) {
		if rest, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			n, err := strconv.Atoi(strings.Fields(rest)[0])
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatal("no VmHWM")
	return 0
}
