package listing_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/listing"
)

// random makes a bucket's entries: keys of some pieces under shared prefixes,
// odd bytes among them, some with long histories.
func random(r *rand.Rand) []objectstore.Version {
	pieces := []string{"a", "b", "z", "/", "//", "0", "1", "9", "00", "é", "漢", "\x00", "\xff", "\x01", " ", "~",
		"\U0010ffff", "%", "<", "abc", ".", ".."}
	stem := ""
	if r.IntN(2) == 0 {
		stem = strings.Repeat("common/", 1+r.IntN(20))
	}
	n := []int{0, 1, 7, 300, 3000}[r.IntN(5)]
	keys := make(map[string]bool, n)
	counter := r.IntN(2) == 0
	for i := range n {
		k := stem
		if counter {
			k += fmt.Sprintf("%0*d", 1+r.IntN(8), i)
		}
		for range 1 + r.IntN(6) {
			k += pieces[r.IntN(len(pieces))]
		}
		keys[k] = true
	}
	var out []objectstore.Version
	long := r.IntN(200) + 1
	for _, k := range slices.Sorted(func(yield func(string) bool) {
		for k := range keys {
			if !yield(k) {
				return
			}
		}
	}) {
		versions := 1
		if r.IntN(long) == 0 {
			versions = 1 + r.IntN(120)
		}
		for v := range versions {
			out = append(out,
				objectstore.Version{Key: k, VersionID: fmt.Sprint(v), Latest: v == 0, Marker: r.IntN(9) == 0})
		}
	}
	return out
}

// between makes a splitter that cuts at random keys, of the bucket or made up.
func between(r *rand.Rand, entries []objectstore.Version) func(low, high string, endless bool) (string, bool) {
	return func(low, _ string, _ bool) (string, bool) {
		if len(entries) == 0 || r.IntN(8) == 0 {
			return "", false
		}
		key := entries[r.IntN(len(entries))].Key
		switch r.IntN(4) {
		case 0:
			key = key[:r.IntN(len(key)+1)]
		case 1:
			key += "\x00"
		case 2:
			key = low + string(rune('!'+r.IntN(90)))
		}
		return key, true
	}
}

// What many requests find is what one chain of requests finds, however the
// keys look, wherever they are cut, and in whatever order the answers come.
func TestEqual(t *testing.T) {
	seeds := uint64(150)
	if raced {
		seeds = 30
	}
	for seed := range seeds {
		t.Run(fmt.Sprint(seed), func(t *testing.T) { synctest.Test(t, func(t *testing.T) { equal(t, seed) }) })
	}
}

func equal(t *testing.T, seed uint64) {
	r := rand.New(rand.NewPCG(seed, 1))
	entries := random(r)
	want := entries
	prefix, after := "", ""
	if len(entries) > 0 && r.IntN(3) == 0 {
		key := entries[r.IntN(len(entries))].Key
		prefix = key[:r.IntN(len(key))]
		want = slices.DeleteFunc(slices.Clone(want), func(v objectstore.Version) bool {
			return !strings.HasPrefix(v.Key, prefix)
		})
	}
	held := want // what the pager knows
	if len(want) > 0 && r.IntN(3) == 0 {
		after = want[r.IntN(len(want))].Key
		want = slices.DeleteFunc(slices.Clone(want), func(v objectstore.Version) bool { return v.Key <= after })
	}
	size := 1 + r.IntN([]int{60, 7}[r.IntN(2)])
	o := listing.Options{Now: time.Now, Workers: 1 + r.IntN(20)}
	if r.IntN(2) == 0 {
		o.Ahead = 1 + r.IntN(30)
	}
	if r.IntN(2) == 0 {
		o.Cut = between(rand.New(rand.NewPCG(seed, 2)), entries)
	}
	included := r.IntN(4) == 0 // the server takes markers as included
	delays := rand.New(rand.NewPCG(seed, 3))
	wait := make([]time.Duration, 997)
	for i := range wait {
		wait[i] = time.Duration(20+delays.IntN(60)) * time.Millisecond
	}
	next := 0
	turn := make(chan struct{}, 1)
	pager := func(_ context.Context, from listing.Marker) (listing.Page, error) {
		turn <- struct{}{}
		next++
		d := wait[next%len(wait)]
		<-turn
		time.Sleep(d)
		if included && from.VersionID == "" && from.Key != "" {
			p := slice(held, listing.Marker{Key: from.Key[:len(from.Key)-1] + string(from.Key[len(from.Key)-1]-1)},
				size)
			if len(p.Entries) > 1 && p.Entries[0].Key == from.Key { // or all of the page are of one history
				return p, nil
			}
		}
		return slice(held, from, size), nil
	}
	got, err := collect(listing.Versions(t.Context(), prefix, after, pager, o))
	if err != nil {
		t.Fatalf("seed %d: %v", seed, err)
	}
	if !slices.Equal(got, want) {
		t.Fatalf("seed %d: %d entries, want %d", seed, len(got), len(want))
	}
}

// A range whose first pages show nothing, for the server takes the key to begin behind as
// included and that key's history is long, is read on when the reader waits for it, however
// many pages of others wait and however few requests there may be then.
func TestReaderWaitsForWhatIsAsked(t *testing.T) {
	entries := objects(named(5, func(i int) string { return fmt.Sprintf("a%d", i) }))
	for i := range 4 {
		entries = append(entries, objectstore.Version{Key: "m", VersionID: fmt.Sprint(i)})
	}
	entries = append(entries, objects(named(40, func(i int) string { return fmt.Sprintf("n%02d", i) }))...)
	// The range behind "m" is begun late, and two requests bring no more then than one does.
	synctest.Test(t, func(t *testing.T) {
		var begun atomic.Bool
		pager := func(_ context.Context, from listing.Marker) (listing.Page, error) {
			switch {
			case from == listing.Marker{Key: "m"}:
				time.Sleep(500 * time.Millisecond)
				begun.Store(true)
				from.Key = "l"
			case begun.Load() && from.Key == "m":
				time.Sleep(70 * time.Millisecond)
			case begun.Load():
				time.Sleep(30 * time.Millisecond)
			default:
				time.Sleep(20 * time.Millisecond)
			}
			return slice(entries, from, 1), nil
		}
		cut := func(low, _ string, endless bool) (string, bool) {
			if low < "m" {
				return "m", endless
			}
			return "n05", endless && low == "m"
		}
		var got []objectstore.Version
		o := listing.Options{Now: time.Now, Workers: 2, Cut: cut}
		for v, err := range listing.Versions(t.Context(), "", "", pager, o) {
			if err != nil {
				t.Fatal(err)
			}
			if got = append(got, v); v.Key == "a2" {
				time.Sleep(time.Second) // the reader has other things to do
			}
		}
		if !slices.Equal(got, entries) {
			t.Errorf("%d of %d entries", len(got), len(entries))
		}
	})
}

func FuzzEqual(f *testing.F) {
	for seed := range uint64(8) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) { synctest.Test(t, func(t *testing.T) { equal(t, seed) }) })
}

// A server that misreads markers it did not make cannot hide anything: the
// ranges do not meet, and what lies behind is read in sequence.
func TestMisreadMarkers(t *testing.T) {
	entries := objects(named(6000, func(i int) string { return fmt.Sprintf("k%07d", i) }))
	known := make(map[string]bool)
	for _, v := range entries {
		known[v.Key] = true
	}
	for name, misread := range map[string]func(listing.Page) (listing.Page, error){
		"begins late": func(p listing.Page) (listing.Page, error) {
			p.Entries = p.Entries[min(7, len(p.Entries)):]
			return p, nil
		},
		"is empty": func(listing.Page) (listing.Page, error) { return listing.Page{}, nil },
		"is refused": func(listing.Page) (listing.Page, error) {
			return listing.Page{}, fmt.Errorf("marker: %w", objectstore.ErrRejected)
		},
		"begins early": func(listing.Page) (listing.Page, error) { return slice(entries, listing.Marker{}, 100), nil },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := &bucket{entries: entries, size: 100, delay: 50 * time.Millisecond}
				pager := func(ctx context.Context, from listing.Marker) (listing.Page, error) {
					p, err := b.page(ctx, from)
					if from.VersionID == "" && from.Key != "" {
						return misread(p)
					}
					return p, err
				}
				got, err := collect(listing.Versions(t.Context(), "", "", pager, listing.Options{Now: time.Now}))
				if name == "begins early" && errors.Is(err, objectstore.ErrOrder) {
					return
				}
				if err != nil || !slices.Equal(got, entries) {
					t.Errorf("%d of %d entries, %v", len(got), len(entries), err)
				}
			})
		})
	}
}
