//go:build !race

package migrate_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/residency/residency/inventory"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/memstore"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/progress"
	"github.com/residency/residency/migrate/state"
)

// hollow is a versioned bucket of any number of small objects that takes no
// memory: all that can be said of an object follows from its number, and one bit
// says whether it is there.
type hollow struct {
	*memstore.Store // for all but objects
	keys, versions  int
	prefix          string          // of version IDs
	there           []atomic.Uint64 // bits, by key and then by version from the oldest
	requests        *counts
	watch           func() // if set, called now and then while versions are listed and written
}

// counts is of the requests that objects cost.
type counts struct{ lists, opens, stats, puts, deletes atomic.Int64 }

const hollowBucket = "source-bucket"

var hollowTime = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func newHollow(service *memstore.Service, region string, keys, versions int, prefix string, full bool) *hollow {
	h := &hollow{Store: service.Region(region), keys: keys, versions: versions, prefix: prefix,
		there: make([]atomic.Uint64, keys*versions/64+1), requests: &counts{}}
	for i := 0; full && i < keys*versions; i++ {
		h.set(i, true)
	}
	return h
}

func (h *hollow) watched() {
	if h.watch != nil {
		h.watch()
	}
}

func (h *hollow) set(i int, to bool) {
	if to {
		h.there[i/64].Or(1 << (i % 64))
	} else {
		h.there[i/64].And(^uint64(1 << (i % 64)))
	}
}

func (h *hollow) has(i int) bool { return h.there[i/64].Load()&(1<<(i%64)) != 0 }

func hollowKey(k int) string { return fmt.Sprintf("plain/%08d", k) }

func hollowBody(i int) []byte { return fmt.Appendf(nil, "object %016d", i) }

func hollowETag(i int) string {
	sum := md5.Sum(hollowBody(i))
	return hex.EncodeToString(sum[:])
}

// index finds an entry by its key and, if given, its version ID.
func (h *hollow) index(key, id string) (int, error) {
	k, err := strconv.Atoi(strings.TrimPrefix(key, "plain/"))
	if err != nil || k >= h.keys {
		return 0, objectstore.ErrNotFound
	}
	v, err := strconv.Atoi(strings.TrimPrefix(id, h.prefix))
	if id == "" {
		v, err = h.versions-1, nil
	}
	if i := k*h.versions + v; err == nil && h.has(i) {
		return i, nil
	}
	return 0, objectstore.ErrNotFound
}

func (h *hollow) Versions(ctx context.Context, bucket, prefix, after string) iter.Seq2[objectstore.Version, error] {
	if own(prefix) {
		return h.Store.Versions(ctx, bucket, prefix, after)
	}
	return func(yield func(objectstore.Version, error) bool) {
		if prefix == "" && after == "" {
			for v, err := range h.Store.Versions(ctx, bucket, objectstore.ProbePrefix, "") {
				if !yield(v, err) {
					return
				}
			}
		}
		first := 0
		if after != "" {
			first, _ = strconv.Atoi(strings.TrimPrefix(after, "plain/"))
			first++
		}
		last := h.keys
		if strings.HasPrefix(prefix, "plain/") {
			first, _ = strconv.Atoi(strings.TrimPrefix(prefix, "plain/"))
			last = first + 1
		}
		n := 0
		for k := first; k < last; k++ {
			latest := true
			for v := h.versions - 1; v >= 0; v-- {
				i := k*h.versions + v
				if !h.has(i) {
					continue
				}
				if n%1000 == 0 {
					h.requests.lists.Add(1)
					h.watched()
				}
				n++
				if !yield(objectstore.Version{Key: hollowKey(k), VersionID: h.prefix + strconv.Itoa(v), ETag: hollowETag(i),
					Size: 23, Modified: hollowTime, Latest: latest}, ctx.Err()) {
					return
				}
				latest = false
			}
		}
		if n == 0 {
			h.requests.lists.Add(1)
		}
	}
}

func (h *hollow) Open(ctx context.Context, ref objectstore.Ref, part int) (*objectstore.Object, error) {
	if own(ref.Key) {
		return h.Store.Open(ctx, ref, part)
	}
	h.requests.opens.Add(1)
	i, err := h.index(ref.Key, ref.VersionID)
	if err != nil {
		return nil, err
	}
	return &objectstore.Object{Info: h.info(i), Body: io.NopCloser(bytes.NewReader(hollowBody(i)))}, nil
}

func (h *hollow) Stat(_ context.Context, ref objectstore.Ref, _ int) (objectstore.Info, error) {
	h.requests.stats.Add(1)
	i, err := h.index(ref.Key, ref.VersionID)
	return h.info(i), err
}

// Tags are those of a version: none.
func (h *hollow) Tags(_ context.Context, ref objectstore.Ref) ([]objectstore.Tag, error) {
	h.requests.stats.Add(1)
	_, err := h.index(ref.Key, ref.VersionID)
	return nil, err
}

func (h *hollow) info(i int) objectstore.Info {
	return objectstore.Info{
		Attributes: objectstore.Attributes{ContentType: "text/plain"}, VersionID: h.prefix + strconv.Itoa(i%h.versions),
		ETag: hollowETag(i), Size: 23, Length: 23, Modified: hollowTime,
	}
}

func (h *hollow) Put(ctx context.Context, o objectstore.NewObject, body objectstore.Body) (objectstore.Written, error) {
	if own(o.Key) {
		return h.Store.Put(ctx, o, body)
	}
	if h.requests.puts.Add(1)%1000 == 0 {
		h.watched()
	}
	data, err := io.ReadAll(body)
	if err != nil {
		return objectstore.Written{}, err
	}
	sum := sha256.Sum256(data)
	if body.SHA256 != "" && body.SHA256 != hex.EncodeToString(sum[:]) {
		return objectstore.Written{}, objectstore.ErrCorrupt
	}
	i, err := strconv.Atoi(strings.TrimPrefix(string(data), "object "))
	if err != nil || hollowKey(i/h.versions) != o.Key {
		return objectstore.Written{}, fmt.Errorf("%w: not what is under this key", objectstore.ErrRejected)
	}
	h.set(i, true)
	return objectstore.Written{
		VersionID: h.prefix + strconv.Itoa(i%h.versions), ETag: hollowETag(i),
		Checksum: objectstore.Checksum{Algorithm: "SHA256", Value: base64.StdEncoding.EncodeToString(sum[:])},
	}, nil
}

func (h *hollow) Delete(ctx context.Context, bucket string, entries []objectstore.Deletion) ([]error, error) {
	if own(entries[0].Key) {
		return h.Store.Delete(ctx, bucket, entries)
	}
	h.requests.deletes.Add(1)
	for _, e := range entries {
		if i, err := h.index(e.Key, e.VersionID); err == nil {
			h.set(i, false)
		}
	}
	return make([]error, len(entries)), nil
}

// hollowMove is a move of hollow objects with the state in a directory.
type hollowMove struct {
	charges             *plan.Charges
	source, destination *hollow
	home                state.Home
}

func newHollowMove(t testing.TB, keys, versions int, home state.Home) *hollowMove {
	t.Helper()
	service := func(endpoint, region, bucket string) *memstore.Service {
		s := memstore.New(memstore.Options{Endpoint: endpoint, Now: time.Now})
		if err := s.Region(region).CreateBucket(t.Context(), bucket, false); err != nil {
			t.Fatal(err)
		}
		if err := s.Region(region).SetVersioning(t.Context(), bucket, objectstore.Enabled); err != nil {
			t.Fatal(err)
		}
		return s
	}
	return &hollowMove{
		source:      newHollow(service("source", us, hollowBucket), us, keys, versions, "s", true),
		destination: newHollow(service("destination", eu, hollowBucket+"-"+eu), eu, keys, versions, "d", false), home: home,
	}
}

func (m *hollowMove) stores(_, region string) objectstore.Store {
	if region == us {
		return m.source
	}
	return m.destination
}

func (m *hollowMove) plan(t testing.TB) *plan.Plan {
	t.Helper()
	p, err := plan.Make(t.Context(), m.home, plan.Request{
		Customer: "acme", Verify: "auto", Stores: m.stores, Now: time.Now(), Progress: &progress.Progress{},
		Charges: m.charges, Destination: plan.Region{Provider: "cloud", Code: eu, Country: "IE"},
		Inventory: &inventory.Inventory{Places: []inventory.Place{{Customer: "acme", Provider: "cloud", Region: us,
			Bucket: hollowBucket, Versioning: objectstore.Enabled}}},
		BucketName: func(at objectstore.Location, _ string) string { return at.Bucket + "-" + eu },
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Blockers) > 0 || p.Totals.Entries != int64(m.source.keys*m.source.versions) {
		t.Fatalf("%d entries, blockers %v", p.Totals.Entries, p.Blockers)
	}
	return p
}

func (m *hollowMove) run(t testing.TB, p *plan.Plan, o migrate.Options) *migrate.Result {
	t.Helper()
	// The journal's time stands still, so that what is counted does not depend on how
	// busy the machine is; BenchmarkVerdict and TestJournalCost have its cost.
	r := &migrate.Runner{Home: m.home, Stores: m.stores, Now: time.Now, Progress: &progress.Progress{}, Workers: 8,
		Tool: "test", Host: "here",
		After: func(d time.Duration) <-chan time.Time {
			if d > 0 {
				return nil
			}
			return time.After(0)
		}}
	result, err := r.Run(t.Context(), p, o)
	if err != nil {
		t.Fatal(err)
	}
	return result
}
