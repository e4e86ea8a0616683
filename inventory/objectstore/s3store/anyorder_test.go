package s3store

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/listing"
)

// heap is a service that lists so many entries in an order of its own, one key in seven with
// two versions. Leave tells what a listing leaves out, by its number from 0.
type heap struct {
	entries  []objectstore.Version
	listings int
	leave    func(listing int, v objectstore.Version) bool
}

func newHeap(n int) *heap {
	h := &heap{}
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for i := range n {
		v := objectstore.Version{Key: fmt.Sprintf("k\xff%06d", i), VersionID: "b", Latest: true, ETag: "e", Size: int64(i),
			Modified: at.Add(time.Hour), Restore: &objectstore.Restore{Until: at}}
		h.entries = append(h.entries, v)
		if i%7 == 0 {
			v.VersionID, v.Latest, v.Modified = "a", false, at
			h.entries = append(h.entries, v)
		}
	}
	random := rand.New(rand.NewPCG(1, 2))
	random.Shuffle(len(h.entries), func(i, j int) { h.entries[i], h.entries[j] = h.entries[j], h.entries[i] })
	first := make(map[string]int)
	for i, v := range h.entries { // the newest of each key comes first
		if j, ok := first[v.Key]; ok && v.Latest {
			h.entries[i], h.entries[j] = h.entries[j], h.entries[i]
		} else if !ok {
			first[v.Key] = i
		}
	}
	return h
}

func (h *heap) page(_ context.Context, _, _ string, from listing.Marker) (*page, error) {
	start := 0
	if from.VersionID != "" {
		_, _ = fmt.Sscan(from.VersionID, &start)
	} else {
		h.listings++
	}
	p := &page{}
	for i := start; i < len(h.entries); i++ {
		if len(p.versions) == 1000 {
			p.truncated, p.nextKey, p.nextID = true, "page", fmt.Sprint(i)
			break
		}
		if v := h.entries[i]; h.leave == nil || !h.leave(h.listings-1, v) {
			p.versions = append(p.versions, v)
		}
	}
	return p, nil
}

func (h *heap) list(ctx context.Context, after string, most int) (n int, err error) {
	l := &lister{Store: &Store{}, op: "ListObjectVersions", bucket: "b", page: h.page}
	var last objectstore.Version
	err = l.sorted(ctx, after, func(v objectstore.Version, err error) bool {
		if err == nil {
			err = objectstore.Follows(last, v, "")
		}
		if err == nil && (v.Restore == nil || v.Restore.Until.Year() != 2026 || v.Size < 0) {
			err = fmt.Errorf("%+v is not what was listed", v)
		}
		if err != nil {
			panic(err)
		}
		last = v
		n++
		return n != most
	})
	return n, err
}

// A long listing is sorted through files, and comes whole, in byte order of keys, also those
// that are no text.
func TestAnyOrderOfManyEntries(t *testing.T) {
	h := newHeap(sortedAtOnce + 1000)
	if n, err := h.list(t.Context(), "", -1); err != nil || n != len(h.entries) || h.listings != 2 {
		t.Errorf("%d of %d entries after %d listings: %v", n, len(h.entries), h.listings, err)
	}
	const keys = 500
	h = newHeap(keys)
	if n, err := h.list(t.Context(), fmt.Sprintf("k\xff%06d", keys-8), -1); err != nil || n < 7 || n > 9 {
		t.Errorf("%d entries behind a key: %v", n, err)
	}
	if n, err := h.list(t.Context(), "", 5); !errors.Is(err, errEnough) || n != 5 {
		t.Errorf("%d entries of which 5 were wanted: %v", n, err)
	}
}

// Listings that tell different things are not taken, however alike they are; what differs
// once only is read again.
func TestAnyOrderThatDiffers(t *testing.T) {
	a, b := "k\xff000003", "k\xff000004"
	for _, tt := range []struct {
		name  string
		leave func(listing int, v objectstore.Version) bool
		taken bool
	}{
		{"an entry in each second one", func(l int, v objectstore.Version) bool { return l%2 == 1 && v.Key == a }, false},
		{"as many, but not the same", func(l int, v objectstore.Version) bool {
			return l%2 == 0 && v.Key == a || l%2 == 1 && v.Key == b
		}, false},
		{"an entry in the first one", func(l int, v objectstore.Version) bool { return l == 0 && v.Key == a }, true},
		{"nothing at first", func(l int, _ objectstore.Version) bool { return l == 0 }, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			h := newHeap(50)
			h.leave = tt.leave
			n, err := h.list(t.Context(), "", -1)
			if tt.taken && (err != nil || n != len(h.entries)) {
				t.Errorf("%d entries: %v", n, err)
			}
			if !tt.taken && (!errors.Is(err, objectstore.ErrOrder) || n != 0) {
				t.Errorf("%d entries were handed over: %v", n, err)
			}
		})
	}
}

// A history whose current entry does not come first is refused.
func TestAnyOrderOfHistories(t *testing.T) {
	h := newHeap(20)
	for i, v := range h.entries {
		if v.Key == "k\xff000007" {
			h.entries[i].Latest = !v.Latest
		}
	}
	if n, err := h.list(t.Context(), "", -1); !errors.Is(err, objectstore.ErrOrder) {
		t.Errorf("%d entries: %v", n, err)
	}
}

func FuzzDecodeListed(f *testing.F) {
	data, _ := listed{Version: objectstore.Version{Key: "k\xff", VersionID: "v"}, Place: 3}.encode()
	f.Add(data)
	f.Fuzz(func(t *testing.T, data []byte) {
		e, err := decodeListed(data)
		if err != nil {
			return
		}
		again, err := e.encode()
		if err != nil {
			return // a time that JSON does not write
		}
		if back, err := decodeListed(again); err != nil || back.Version.Key != e.Version.Key {
			t.Errorf("%q became %q: %v", e.Version.Key, back.Version.Key, err)
		}
	})
}
