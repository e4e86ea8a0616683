package azurestore

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/listing"
	"github.com/residency/residency/inventory/objectstore/storetest/azure"
)

// distant is a stand-in that each request takes so long to.
type distant struct {
	*azure.Server
	requests atomic.Int64
	cuts     atomic.Int64 // ranges that were begun at a name of ours
}

const (
	away        = 50 * time.Millisecond
	distantName = "acmefar"
	container   = distantName + ".records"
)

// RoundTrip implements http.RoundTripper.
func (d *distant) RoundTrip(r *http.Request) (*http.Response, error) {
	d.requests.Add(1)
	if q := r.URL.Query(); q.Get("startFrom") != "" && q.Get("marker") == "" {
		d.cuts.Add(1)
	}
	select {
	case <-time.After(away):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	w := httptest.NewRecorder()
	in := r.Clone(r.Context())
	in.RequestURI = r.URL.RequestURI()
	if in.Body == nil {
		in.Body = http.NoBody
	}
	d.ServeHTTP(w, in)
	return w.Result(), nil
}

// far is a container's worth of odd names and histories.
func far(pageSize int, empty bool, fill func(put func(name string, versions int))) *distant {
	d := &distant{Server: azure.New(azure.Options{PageSize: pageSize, EmptyPages: empty,
		Accounts: []azure.Account{{Name: distantName, Versioning: true, Key: []byte("secret")}}})}
	d.URL = "http://127.0.0.1:1"
	d.Container(distantName, "records")
	fill(func(name string, versions int) {
		for range versions {
			d.Put(distantName, "records", name, "x")
		}
	})
	return d
}

func (d *distant) store(t testing.TB, listers int) *Store {
	t.Helper()
	p, err := Open(t.Context(), Options{Name: "blob", Endpoint: d.URL, Listers: listers,
		Regions:    map[string][]string{"westeurope": {distantName}},
		SharedKeys: map[string][]byte{distantName: []byte("secret")}})
	if err != nil {
		t.Fatal(err)
	}
	p.send.client.Transport = d
	s, ok := p.Region("westeurope").(*Store)
	if !ok {
		t.Fatal("another store")
	}
	return s
}

func gathered(t testing.TB, s *Store, prefix, after string) (all []objectstore.Version) {
	t.Helper()
	for v, err := range s.Versions(t.Context(), container, prefix, after) {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, v)
	}
	return all
}

func alike(a, b objectstore.Version) bool {
	return a.Same(b) && a.Marker == b.Marker && a.Latest == b.Latest && a.ETag == b.ETag && a.Modified.Equal(b.Modified) &&
		(a.Marker || a.Content.Claimed == b.Content.Claimed)
}

// mixed are flat names, directories, odd characters, long histories and what was deleted.
func mixed(put func(string, int)) {
	for i := range 1500 {
		put(fmt.Sprintf("flat/%05d", i), 1)
	}
	for i := range 600 {
		put(fmt.Sprintf("dir-%d/sub %d/é%03d", i%6, i%3, i), 1+i%2)
	}
	for i := range 300 {
		put(fmt.Sprintf("odd/漢%c/%%+&=#?%d\t\"", rune(0xe000+i*7), i), 1)
	}
	for i := range 10 {
		put(fmt.Sprintf("h/%04d", i), 50) // a history over several pages
	}
}

// TestParallelListing: what many requests find is what one chain of requests finds.
func TestParallelListing(t *testing.T) {
	for _, empty := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			d := far(20, empty, mixed)
			s := d.store(t, 1)
			for _, name := range []string{"flat/00100", "h/0003", "dir-1/sub 1/é001"} {
				if _, err := s.deleteCurrent(t.Context(), container, name, ""); err != nil {
					t.Fatal(err)
				}
			}
			d.requests.Store(0)
			began := time.Now()
			want := gathered(t, s, "", "")
			chain, slow := d.requests.Load(), time.Since(began)
			if len(want) < 2600 {
				t.Fatalf("%d entries", len(want))
			}
			for _, c := range []struct{ prefix, after string }{{"", ""}, {"flat/", ""}, {"flat/", "flat/00777"}, {"dir-3/", ""},
				{"h", "h/0005"}, {"odd/", ""}} {
				d.requests.Store(0)
				began = time.Now()
				got := gathered(t, d.store(t, 0), c.prefix, c.after)
				part := slices.DeleteFunc(slices.Clone(want), func(v objectstore.Version) bool {
					return v.Key <= c.after || !strings.HasPrefix(v.Key, c.prefix)
				})
				if !slices.EqualFunc(got, part, alike) {
					t.Errorf("prefix %q after %q: %d entries, want %d", c.prefix, c.after, len(got), len(part))
				}
				if n := d.requests.Load(); !empty && n > 2*chain+chain/2 {
					t.Errorf("prefix %q after %q: %d requests; a chain for everything takes %d", c.prefix, c.after, n, chain)
				}
				if took := time.Since(began); !empty && c.prefix == "" && took > slow/2 {
					t.Errorf("everything took %s, and one by one %s", took, slow)
				}
			}
			if d.cuts.Load() < 20 {
				t.Errorf("only %d ranges were cut", d.cuts.Load())
			}
		})
	}
}

// TestCutsAreAnywhere: at names that are there, in the midst of long histories, before the
// first and behind the last, the ranges meet.
func TestCutsAreAnywhere(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 1))
			var names []string
			d := far(1+r.IntN(7), r.IntN(2) == 0, func(put func(string, int)) {
				for i := range 1 + r.IntN(150) {
					names = append(names, fmt.Sprintf("%s%d", []string{"a", "b/", "é", "漢", "\ue000", "\uff5e"}[r.IntN(6)], i))
					put(names[i], 1+r.IntN(3)*r.IntN(12))
				}
			})
			s := d.store(t, 1)
			for _, name := range names {
				if r.IntN(5) == 0 {
					if _, err := s.deleteCurrent(t.Context(), container, name, ""); err != nil {
						t.Fatal(err)
					}
				}
			}
			want := gathered(t, s, "", "")
			var got []objectstore.Version
			w := walk{yield: func(v objectstore.Version, _ error) bool {
				got = append(got, v)
				return true
			}}
			pages, err := s.pager(t.Context(), container, "", "snapshots,versions")
			if err != nil {
				t.Fatal(err)
			}
			cut := func(string, string, bool) (string, bool) {
				name := names[r.IntN(len(names))]
				return []string{name, name + "!", name[:1], "zzz"}[r.IntN(4)], true
			}
			for v, err := range listing.Versions(t.Context(), "", "", pages, listing.Options{Now: time.Now, Cut: cut}) {
				if err != nil {
					t.Fatal(err)
				}
				w.add(v)
			}
			if w.flush(); w.err != nil {
				t.Fatal(w.err)
			}
			if !slices.EqualFunc(got, want, alike) {
				t.Errorf("seed %d: %d entries, want %d", seed, len(got), len(want))
			}
		})
	}
}

// TestOrderBetweenRanges fails a container whose names are ordered otherwise than by their bytes, also where
// the two orders part at the seam of two ranges and at the end of a page.
func TestOrderBetweenRanges(t *testing.T) {
	for _, tt := range []struct {
		name             string
		folders          bool
		first, then, cut string
	}{
		{"by folder", true, "n/%03d", "n-%03d", "n-zzz"},
		{"by UTF-16", false, "n\U0001F600%03d", "n\ue000%03d", "n\uf000"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d := &distant{Server: azure.New(azure.Options{PageSize: 10,
					Accounts: []azure.Account{{Name: distantName, HNS: tt.folders, Key: []byte("secret")}}})}
				d.URL = "http://127.0.0.1:1"
				d.Container(distantName, "records")
				for name, n := range map[string]int{"a%03d": 50, tt.first: 10, tt.then: 1, "z%03d": 9} {
					for i := range n {
						d.Put(distantName, "records", fmt.Sprintf(name, i), "x")
					}
				}
				pages, err := d.store(t, 1).pager(t.Context(), container, "", "snapshots,versions")
				if err != nil {
					t.Fatal(err)
				}
				cut := func(low, _ string, endless bool) (string, bool) { return tt.cut, endless && low < tt.cut }
				n := 0
				for _, err = range listing.Versions(t.Context(), "", "", pages, listing.Options{Now: time.Now, Cut: cut}) {
					n++
				}
				if !errors.Is(err, objectstore.ErrKeyOrder) {
					t.Errorf("%d of 70 entries, then %v; want %v", n, err, objectstore.ErrKeyOrder)
				}
			})
		})
	}
}

// TestWrittenBehindTheEnd: what is written behind the last name, between the answers of the range that
// ends there and of the one that was cut off behind it, neither fails a listing nor hides anything.
func TestWrittenBehindTheEnd(t *testing.T) {
	for _, versions := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			d := &distant{Server: azure.New(azure.Options{PageSize: 10,
				Accounts: []azure.Account{{Name: distantName, Versioning: versions, Key: []byte("secret")}}})}
			d.URL = "http://127.0.0.1:1"
			d.Container(distantName, "records")
			for i := range 30 {
				d.Put(distantName, "records", fmt.Sprintf("a%03d", i), "x")
			}
			s := d.store(t, 4)
			s.provider.send.client.Transport = &appended{distant: d}
			pages, err := s.pager(t.Context(), container, "", "snapshots,versions")
			if err != nil {
				t.Fatal(err)
			}
			cut := func(low, _ string, endless bool) (string, bool) { return "b", endless && low < "b" }
			n := 0
			for _, err := range listing.Versions(t.Context(), "", "", pages, listing.Options{Now: time.Now, Cut: cut}) {
				if n++; err != nil {
					t.Fatal(err)
				}
			}
			if n != 35 {
				t.Errorf("versions %t: %d entries, want 35", versions, n)
			}
		})
	}
}

// appended is a stand-in to which somebody writes before the range behind "b" is answered, and after the
// one before it; the answer to that is on its way for longer.
type appended struct {
	*distant
	lists atomic.Int64
}

func (a *appended) RoundTrip(r *http.Request) (*http.Response, error) {
	q := r.URL.Query()
	lists := a.lists.Add(1)
	switch {
	case q.Get("startFrom") == "b" && q.Get("marker") == "":
		time.Sleep(2 * away)
		for i := range 5 {
			a.Put(distantName, "records", fmt.Sprintf("b%03d", i), "x")
		}
	case lists > 2 && q.Get("startFrom") == "":
		defer time.Sleep(4 * away)
	}
	return a.distant.RoundTrip(r)
}

// BenchmarkListing lists 1,000 pages of a service that is 50 ms away, by its own clock: with
// one request at a time, and as it is.
func BenchmarkListing(b *testing.B) {
	for name, listers := range map[string]int{"one by one": 1, "as it is": 0} {
		b.Run(name, func(b *testing.B) {
			d := far(20, false, func(put func(string, int)) {
				for i := range 20_000 {
					put(fmt.Sprintf("img_%07d.jpeg", i), 1)
				}
			})
			for b.Loop() {
				d.requests.Store(0)
				if n := len(gathered(b, d.store(b, listers), "", "")); n != 20_000 {
					b.Fatalf("%d entries", n)
				}
			}
			b.ReportMetric(float64(d.requests.Load()), "requests")
		})
	}
}
