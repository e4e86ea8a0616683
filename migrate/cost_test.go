//go:build !race

package migrate_test

import (
	"context"
	"runtime"
	"testing"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/state"
)

// costs is what one entry may cost: allocations, bytes of them, and requests by
// a thousand entries. They are counts, the same on every machine; what is
// allowed is what it was when it was last looked at, and a tenth. Who makes
// something cheaper lowers its line.
var costs = []struct {
	name        string
	entries     int
	work        func(t testing.TB, entries int) (do func(), requests func() float64)
	allocations float64
	bytes       float64
	requests    float64 // by a thousand entries
}{
	{"list, over HTTP", 20_000, listCost, 5.2, 1_510, 1},
	{"write a segment", 10_000, segmentCost, 0.1, 35, 0},
	{"read a segment", 10_000, readSegmentCost, 1.2, 175, 0},
	{"write receipts", 1_000, receiptsCost, 0.1, 85, 0},
	{"plan", 10_000, planCost, 7.8, 430, 4},
	{"copy, count, gate, erase, certify", 3_000, moveCost, 100, 9_500, 2_020},
}

// TestCost fails when an entry costs more allocations or requests than it did.
func TestCost(t *testing.T) {
	for _, c := range costs {
		t.Run(c.name, func(t *testing.T) {
			do, requests := c.work(t, c.entries)
			do() // what is made once is not counted
			var before, after runtime.MemStats
			sent := requests()
			runtime.ReadMemStats(&before)
			do()
			runtime.ReadMemStats(&after)
			n := float64(c.entries)
			allocations, bytes, asked := float64(after.Mallocs-before.Mallocs)/n,
				float64(after.TotalAlloc-before.TotalAlloc)/n,
				(requests()-sent)*1000/n
			t.Logf("an entry: %.2f allocations, %.0f bytes; %.2f requests by a thousand", allocations, bytes, asked)
			if allocations > c.allocations || bytes > c.bytes || asked > c.requests {
				t.Errorf("allowed are %.2f allocations, %.0f bytes and %.2f requests", c.allocations, c.bytes,
					c.requests)
			}
		})
	}
}

func BenchmarkCost(b *testing.B) {
	for _, c := range costs {
		b.Run(c.name, func(b *testing.B) {
			do, _ := c.work(b, c.entries)
			b.ReportAllocs()
			for b.Loop() {
				do()
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(c.entries), "ns/entry")
		})
	}
}

func none() float64 { return 0 }

// listCost counts the server's allocations too: it is in this process.
func listCost(t testing.TB, n int) (func(), func() float64) {
	c := newCanned(t, hollowBucket, n)
	store := c.open(t).Region(us)
	return func() {
		i := 0
		for _, err := range store.Versions(t.Context(), hollowBucket, "", "") {
			if err != nil {
				t.Fatal(err)
			}
			i++
		}
		if i != n {
			t.Fatal(i)
		}
	}, func() float64 { return float64(c.requests.Load()) }
}

func hollowEntries(n int) []manifest.Entry {
	entries := make([]manifest.Entry, n)
	for i := range entries {
		entries[i] = manifest.FromVersion(objectstore.Version{Key: hollowKey(i), VersionID: "s0", ETag: hollowETag(i),
			Size: 23, Modified: hollowTime})
	}
	return entries
}

// written are the segments of n entries, kept.
func written(t testing.TB, entries []manifest.Entry) ([]manifest.Segment, map[string][]byte) {
	files := make(map[string][]byte)
	w := manifest.NewWriter(func(_ context.Context, name string, data []byte) error { files[name] = data; return nil })
	for i := range entries {
		if err := w.Add(t.Context(), entries[i:i+1]); err != nil {
			t.Fatal(err)
		}
	}
	segments, err := w.Close(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return segments, files
}

func segmentCost(t testing.TB, n int) (func(), func() float64) {
	entries := hollowEntries(n)
	w := manifest.NewWriter(func(context.Context, string, []byte) error { return nil })
	return func() {
		for i := range entries {
			if err := w.Add(t.Context(), entries[i:i+1]); err != nil {
				t.Fatal(err)
			}
		}
	}, none
}

func readSegmentCost(t testing.TB, n int) (func(), func() float64) {
	segments, files := written(t, hollowEntries(n))
	codec := new(state.Codec)
	return func() {
		for _, s := range segments {
			if _, err := s.Decode(codec, files[s.File("manifest")]); err != nil {
				t.Fatal(err)
			}
		}
	}, none
}

func receiptsCost(t testing.TB, n int) (func(), func() float64) {
	entries := hollowEntries(n)
	receipts := make([]receipt.Receipt, n)
	for i, e := range entries {
		receipts[i] = receipt.Receipt{Key: e.Key, VersionID: e.VersionID, Size: e.Size, Verdict: receipt.Verified,
			Method: receipt.SHA256, DestinationVersionID: "d0", DestinationETag: e.ETag, At: hollowTime}
	}
	codec := new(state.Codec)
	return func() {
		if _, err := receipt.Encode(codec, manifest.Segment{Number: 1, Entries: n}, receipts); err != nil {
			t.Fatal(err)
		}
	}, none
}

func (m *hollowMove) asked() float64 {
	s, d := m.source.requests, m.destination.requests
	return float64(s.lists.Load() + d.lists.Load() + s.opens.Load() + d.opens.Load() + s.stats.Load() + d.stats.Load() +
		s.puts.Load() + d.puts.Load() + s.deletes.Load() + d.deletes.Load())
}

func planCost(t testing.TB, n int) (func(), func() float64) {
	m := newHollowMove(t, n, 1, nil)
	return func() {
		m.home = state.NewScratch(t.TempDir())
		m.plan(t)
	}, m.asked
}

func moveCost(t testing.TB, n int) (func(), func() float64) {
	m := newHollowMove(t, n, 1, nil)
	return func() {
		for i := range n {
			m.source.set(i, true)
			m.destination.set(i, false)
		}
		m.home = state.NewScratch(t.TempDir())
		if r := m.run(t, m.plan(t), migrate.Options{Fresh: true}); !r.SourceEmpty {
			t.Fatalf("left: %+v", r.Left)
		}
	}, m.asked
}
