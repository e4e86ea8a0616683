package listing_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/listing"
)

func named(n int, name func(i int) string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for i := range n {
			if !yield(name(i)) {
				return
			}
		}
	}
}

func hash(i int) string {
	sum := sha256.Sum256(fmt.Append(nil, i))
	return hex.EncodeToString(sum[:16])
}

// Shapes of a bucket of n keys.
var shapes = []struct {
	name string
	key  func(i, n int) string
	// faster is how many times faster than one chain of requests it is at
	// least; requests how many it takes at most instead of a thousand.
	faster   float64
	requests int64
}{
	{"counter", func(i, _ int) string { return fmt.Sprintf("plain/%06d", i) }, 17, 1400},
	{"counter with extension", func(i, _ int) string { return fmt.Sprintf("img_%07d.jpeg", i) }, 17, 1400},
	{"hashes", func(i, _ int) string { return hash(i) }, 17, 1400},
	{"uuids under a prefix", func(i, _ int) string {
		h := hash(i)
		return "tenants/acme/" + h[:8] + "-" + h[8:12] + "-4" + h[13:16] + "-a" + h[17:20] + "-" + h[20:]
	}, 17, 1400},
	{"few directories", func(i, n int) string { return fmt.Sprintf("dir-%d/%07d", i*7/n, i) }, 15, 1600},
	{"many directories", func(i, _ int) string { return fmt.Sprintf("d%04d/f%05d", i/50, i%50) }, 15, 1800},
	{"directories of five pages", func(i, n int) string {
		return fmt.Sprintf("d%04d/f%05d", i*200/n, i%(n/200))
	}, 7, 1800},
	{"dates", func(i, _ int) string {
		return time.Unix(1700000000+int64(i)*60, 0).UTC().Format("2006/01/02/15/04") + "/" + hash(i)
	}, 14, 1600},
	{"decimal without zeroes", func(i, _ int) string { return fmt.Sprint("key", i) }, 15, 1400},
	{"unicode", func(i, _ int) string {
		return fmt.Sprintf("фото/снимок-%c%c%06d", 'а'+rune(i%32), 'а'+rune(i/32%32), i)
	}, 13, 1400},
}

// At 50 ms for each request, a thousand pages come many times faster than one
// by one, whatever the keys look like. Time is simulated: what is measured is
// how many rounds of requests it takes, not this machine.
func TestSpeed(t *testing.T) {
	for i, shape := range shapes {
		if raced && i%3 != 0 {
			continue // the detector needs some of them, the figures all
		}
		t.Run(shape.name, func(t *testing.T) {
			const n, pages = 100_000, 1_000
			entries := objects(named(n, func(i int) string { return shape.key(i, n) }))
			synctest.Test(t, func(t *testing.T) {
				b := &bucket{entries: entries, size: n / pages, delay: 50 * time.Millisecond}
				begin := time.Now()
				got, err := collect(listing.Versions(t.Context(), "", "", b.page, listing.Options{Now: time.Now}))
				times := (pages * b.delay).Seconds() / time.Since(begin).Seconds()
				if err != nil || !slices.Equal(got, entries) {
					t.Fatalf("%d of %d entries, %v", len(got), len(entries), err)
				}
				t.Logf("%.1f times faster, %d requests for %d pages, at most %d at once", times, b.requests.Load(),
					pages, b.most.Load())
				// The order in which answers of one moment are seen varies, and the figures by a fifth.
				if times < shape.faster || b.requests.Load() > shape.requests {
					t.Errorf("%.1f times faster, %d requests", times, b.requests.Load())
				}
			})
		})
	}
}

// Where pages come fast, or there are few, no request is made that one chain of
// requests would not make.
func TestRequests(t *testing.T) {
	for _, tt := range []struct {
		entries int
		delay   time.Duration
		most    int64
	}{
		{0, 50 * time.Millisecond, 1}, {99, 50 * time.Millisecond, 1}, {100, 50 * time.Millisecond, 1},
		{200, 50 * time.Millisecond, 2}, {300, 50 * time.Millisecond, 3},
		{2_000, 50 * time.Millisecond, 40},
		{20_000, 5 * time.Millisecond, 200}, {20_000, 0, 200},
	} {
		t.Run(fmt.Sprint(tt.entries, " ", tt.delay), func(t *testing.T) {
			entries := objects(named(tt.entries, hash))
			synctest.Test(t, func(t *testing.T) {
				b := &bucket{entries: entries, size: 100, delay: tt.delay}
				got, err := collect(listing.Versions(t.Context(), "", "", b.page, listing.Options{Now: time.Now}))
				if err != nil || !slices.Equal(got, entries) {
					t.Fatalf("%d of %d entries, %v", len(got), len(entries), err)
				}
				if b.requests.Load() > tt.most {
					t.Errorf("%d requests, want at most %d", b.requests.Load(), tt.most)
				}
			})
		})
	}
}

// A reader that stops costs what it has read, and leaves no request behind.
func TestStop(t *testing.T) {
	entries := objects(named(5_000, hash))
	for stop, most := range map[int]int64{1: 1, 100: 1, 101: 2, 200: 2, 201: 6, 3_000: 80} {
		synctest.Test(t, func(t *testing.T) {
			b := &bucket{entries: entries, size: 100, delay: 50 * time.Millisecond}
			n := 0
			for _, err := range listing.Versions(t.Context(), "", "", b.page, listing.Options{Now: time.Now}) {
				if err != nil {
					t.Fatal(err)
				}
				if n++; n == stop {
					break
				}
			}
			if b.requests.Load() > most || b.flying.Load() > 0 {
				t.Errorf("stopped after %d entries: %d requests, want at most %d; %d still in flight", stop,
					b.requests.Load(), most, b.flying.Load())
			}
		})
	}
}

// Any request's error ends the listing, and so does the context's end.
func TestFailure(t *testing.T) {
	entries := objects(named(20_000, hash))
	broken := errors.New("broken")
	for _, at := range []int64{1, 2, 3, 10, 60, 150} {
		synctest.Test(t, func(t *testing.T) {
			b := &bucket{entries: entries, size: 100, delay: 50 * time.Millisecond}
			ctx, cancel := context.WithCancelCause(t.Context())
			pager := func(c context.Context, from listing.Marker) (listing.Page, error) {
				p, err := b.page(c, from)
				if b.requests.Load() >= at {
					return p, broken
				}
				return p, err
			}
			got, err := collect(listing.Versions(ctx, "", "", pager, listing.Options{Now: time.Now}))
			if !errors.Is(err, broken) || !slices.Equal(got, entries[:len(got)]) || b.flying.Load() > 0 {
				t.Errorf("request %d fails: %d entries, %v, %d in flight", at, len(got), err, b.flying.Load())
			}
			b.requests.Store(-1000)
			n := 0
			for _, err = range listing.Versions(ctx, "", "", b.page, listing.Options{Now: time.Now}) {
				if n++; n == int(at)*100 {
					cancel(nil)
				}
			}
			if !errors.Is(err, context.Canceled) || b.flying.Load() > 0 {
				t.Errorf("cancelled: %v, %d in flight", err, b.flying.Load())
			}
			cancel(nil)
		})
	}
}

// A server whose order is not that of bytes is found out, in whichever range.
func TestOrder(t *testing.T) {
	for _, at := range []int{1, 98, 100, 250, 4_000, 9_997} {
		entries := objects(named(10_000, hash))
		entries[at], entries[at+1] = entries[at+1], entries[at]
		synctest.Test(t, func(t *testing.T) {
			b := &bucket{entries: entries, size: 100, delay: 50 * time.Millisecond}
			if got, err := collect(listing.Versions(t.Context(), "", "", b.page,
				listing.Options{Now: time.Now})); !errors.Is(err, objectstore.ErrOrder) {
				t.Errorf("two entries exchanged at %d: %d entries, %v", at, len(got), err)
			}
		})
	}
}

// One key's versions are one chain, however many; what lies around them is not
// held up more than by that.
func TestLongHistory(t *testing.T) {
	entries := objects(named(20_000, hash))
	long := make([]objectstore.Version, 10_000)
	for i := range long {
		long[i] = objectstore.Version{Key: "7", VersionID: fmt.Sprint(i), Latest: i == 0}
	}
	at, _ := slices.BinarySearchFunc(entries, "7", func(v objectstore.Version, key string) int {
		return strings.Compare(v.Key, key)
	})
	entries = slices.Insert(entries, at, long...)
	synctest.Test(t, func(t *testing.T) {
		b := &bucket{entries: entries, size: 100, delay: 50 * time.Millisecond}
		begin := time.Now()
		got, err := collect(listing.Versions(t.Context(), "", "", b.page, listing.Options{Now: time.Now}))
		if err != nil || !slices.Equal(got, entries) {
			t.Fatalf("%d of %d entries, %v", len(got), len(entries), err)
		}
		if rounds := time.Since(begin) / b.delay; rounds > 150 {
			t.Errorf("%d rounds for 300 pages, of which 100 are one key's", rounds)
		}
	})
}
