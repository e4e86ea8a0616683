package copier_test

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/memstore"
	"github.com/residency/residency/migrate/copier"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
)

// Where a delete marker has taken an object's ID, null, a read by it is refused for
// its method. That is a change of the source, which a further run carries, and not
// an entry that cannot be moved.
func TestMarkerInPlaceOfAnObject(t *testing.T) {
	source := end(t, "one", from, objectstore.Suspended, memstore.Traits{})
	destination := end(t, "two", to, objectstore.Suspended, memstore.Traits{})
	put(t, source, from, "body")
	entries := planned(t, source)
	mark(t, source, from)
	c := copier.New(source, from, destination, to, copier.Options{Versioning: objectstore.Suspended})
	receipts, err := collected(t.Context(), c, entries)
	if err != nil || len(receipts) != 1 {
		t.Fatalf("%v, %v", receipts, err)
	}
	r := receipts[0]
	if r.Verdict != receipt.Failed || r.Lasting || !strings.Contains(r.Reason, copier.ErrDrift.Error()) {
		t.Errorf("%s, lasting %v: %s; want failed, for a further run, as %v", r.Verdict, r.Lasting, r.Reason, copier.ErrDrift)
	}
}

// overtaken has somebody write before a key is deleted, once.
type overtaken struct {
	*memstore.Store
	t    *testing.T
	once *sync.Once
}

func (o overtaken) write() {
	if _, err := o.Put(o.t.Context(), objectstore.NewObject{Bucket: to, Key: "a"},
		objectstore.Body{Reader: strings.NewReader("theirs"), Size: 6}); err != nil {
		o.t.Error(err)
	}
}

func (o overtaken) PutMarker(ctx context.Context, bucket, key string) (objectstore.Written, error) {
	o.once.Do(o.write)
	return o.Store.PutMarker(ctx, bucket, key)
}

func (o overtaken) PutMarkerOn(
	ctx context.Context, bucket, key string, current objectstore.Guard,
) (objectstore.Written, error) {
	o.once.Do(o.write)
	return o.Store.PutMarkerOn(ctx, bucket, key, current)
}

// Where a service takes a condition for it, a key is not deleted that others have written to.
func TestMarkerOnWhatOthersWrote(t *testing.T) {
	source, destination := trailing(t, "one", from), trailing(t, "two", to)
	put(t, source, from, "body")
	mark(t, source, from)
	entries := planned(t, source)
	c := copier.New(source, from, overtaken{destination, t, new(sync.Once)}, to,
		copier.Options{Versioning: objectstore.Enabled, Sleep: func(context.Context, time.Duration) error { return nil }})
	receipts, err := collected(t.Context(), c, entries)
	if err != nil || len(receipts) != 2 {
		t.Fatalf("%v, %v", receipts, err)
	}
	if r := receipts[1]; r.Verdict != receipt.Failed || !r.Lasting {
		t.Errorf("%s, lasting %t: %s; want failed for good", r.Verdict, r.Lasting, r.Reason)
	}
	for v, err := range destination.Versions(t.Context(), to, "", "") {
		if err != nil {
			t.Fatal(err)
		}
		if v.Latest && (v.Marker || v.Size != 6) {
			t.Errorf("the newest at the destination: %+v, want what others wrote", v)
		}
	}
}

// end is one of a service with traits, where a bucket is in a state of versioning.
func end(
	t *testing.T, endpoint, bucket string, state objectstore.Versioning, traits memstore.Traits,
) *memstore.Store {
	t.Helper()
	store := memstore.New(memstore.Options{Endpoint: endpoint, Now: time.Now, Traits: traits}).Region(region)
	if err := store.CreateBucket(t.Context(), bucket, false); err != nil {
		t.Fatal(err)
	}
	if state == objectstore.Unversioned {
		return store
	}
	if err := store.SetVersioning(t.Context(), bucket, state); err != nil {
		t.Fatal(err)
	}
	return store
}

// trailing is an end of a service that has no other delete markers than those on top.
func trailing(t *testing.T, endpoint, bucket string) *memstore.Store {
	t.Helper()
	return end(t, endpoint, bucket, objectstore.Enabled, memstore.Traits{TrailingMarkers: true})
}

// put writes a version of the one key.
func put(t *testing.T, store *memstore.Store, bucket, text string) {
	t.Helper()
	if _, err := store.Put(t.Context(), objectstore.NewObject{Bucket: bucket, Key: "a"},
		objectstore.Body{Reader: strings.NewReader(text), Size: int64(len(text))}); err != nil {
		t.Fatal(err)
	}
}

// mark deletes the one key.
func mark(t *testing.T, store *memstore.Store, bucket string) {
	t.Helper()
	if _, err := store.PutMarker(t.Context(), bucket, "a"); err != nil {
		t.Fatal(err)
	}
}

// planned are the entries of a source, oldest first.
func planned(t *testing.T, source objectstore.Lister) (entries []manifest.Entry) {
	t.Helper()
	_, listed := told(t, source, from)
	for _, v := range listed {
		entries = append(entries, manifest.FromVersion(v))
	}
	return entries
}

// told says in words what a bucket holds of a key, oldest first: sizes of versions, and D.
func told(t *testing.T, store objectstore.Lister, bucket string) (words []string, history []objectstore.Version) {
	t.Helper()
	for h, err := range objectstore.Histories(store.Versions(t.Context(), bucket, "", "")) {
		if err != nil {
			t.Fatal(err)
		}
		history = append(history, h...)
	}
	for _, v := range history {
		if v.Marker {
			words = append(words, "D")
		} else {
			words = append(words, strconv.FormatInt(v.Size, 10))
		}
	}
	return words, history
}

// Of a history's delete markers such a service has the newest, above a version. The others are
// recorded; what was copied before more came is gone on with.
func TestHistoriesWithoutMarkersBeneath(t *testing.T) {
	for _, tt := range []struct {
		source  string // sizes of versions, and D
		first   int    // of the entries, which were copied before there were more
		want    string // at the destination
		methods string // of delete markers
	}{
		{source: "1", want: "1"},
		{source: "1 D", want: "1 D", methods: "marker"},
		{source: "1 D 2", want: "1 2", methods: "recorded"},
		{source: "1 D 2 D", want: "1 2 D", methods: "recorded marker"},
		{source: "1 D D", want: "1 D", methods: "recorded marker"},
		{source: "D", want: "", methods: "recorded"},
		{source: "D D", want: "", methods: "recorded recorded"},
		{source: "D 1 D D 2", want: "1 2", methods: "recorded recorded recorded"},
		{source: "1 D 2", first: 1, want: "1 2", methods: "recorded"},
		{source: "1 D 2", first: 2, want: "1 2", methods: "recorded"},
		{source: "1 D D 2 3", first: 3, want: "1 2 3", methods: "recorded recorded"},
		{source: "1 D D", first: 2, want: "1 D", methods: "recorded marker"},
		{source: "D 1", first: 1, want: "1", methods: "recorded"},
	} {
		source := end(t, "one", from, objectstore.Enabled, memstore.Traits{})
		destination := trailing(t, "two", to)
		c := copier.New(source, from, destination, to, copier.Options{Versioning: objectstore.Enabled})
		var entries []manifest.Entry
		var receipts []receipt.Receipt
		copied := func() {
			entries = planned(t, source)
			_, held := told(t, destination, to)
			receipts = nil
			if err := c.History(t.Context(), entries, held, nil, func(r receipt.Receipt) error {
				receipts = append(receipts, r)
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
		for i, word := range strings.Fields(tt.source) {
			if i == tt.first && i > 0 {
				copied()
			}
			if word == "D" {
				mark(t, source, from)
			} else {
				size, _ := strconv.Atoi(word)
				put(t, source, from, "body"[:size])
			}
		}
		for _, run := range []string{"once", "once more"} {
			copied()
			if words, _ := told(t, destination, to); strings.Join(words, " ") != tt.want {
				t.Errorf("%q behind %d, copied %s: %q at the destination, want %q", tt.source, tt.first, run, words, tt.want)
			}
			var methods []string
			for i, r := range receipts {
				if err := r.Of(&entries[i]); err != nil || r.Verdict != receipt.Verified {
					t.Errorf("%q behind %d, copied %s: entry %d is %s: %s, %v", tt.source, tt.first, run, i, r.Verdict, r.Reason, err)
				}
				if r.Marker {
					methods = append(methods, string(r.Method))
				}
			}
			if got := strings.Join(methods, " "); got != tt.methods || len(receipts) != len(entries) {
				t.Errorf("%q behind %d, copied %s: %d receipts for %d entries, of delete markers %q, want %q", tt.source, tt.first,
					run, len(receipts), len(entries), got, tt.methods)
			}
		}
	}
}

// What others have under a key of which the source has delete markers alone is not passed over, nor
// is a key that was deleted at the destination, but for what is written on top.
func TestOthersWhereMarkersAreRecorded(t *testing.T) {
	for _, tt := range []struct {
		source, destination string
		fails               bool
	}{
		{source: "D", destination: "1", fails: true},
		{source: "D", destination: "1 D"},
		{source: "1 2", destination: "1 D", fails: true},
		{source: "1 D 2", destination: "1 D"},
		{source: "1", destination: "1 D", fails: true},
	} {
		source := end(t, "one", from, objectstore.Enabled, memstore.Traits{})
		destination := trailing(t, "two", to)
		for store, words := range map[*memstore.Store]string{source: tt.source, destination: tt.destination} {
			bucket := from
			if store == destination {
				bucket = to
			}
			for _, word := range strings.Fields(words) {
				if word == "D" {
					mark(t, store, bucket)
				} else {
					put(t, store, bucket, word)
				}
			}
		}
		entries := planned(t, source)
		_, held := told(t, destination, to)
		failed := false
		c := copier.New(source, from, destination, to, copier.Options{Versioning: objectstore.Enabled,
			Sleep: func(context.Context, time.Duration) error { return nil }})
		if err := c.History(t.Context(), entries, held, nil, func(r receipt.Receipt) error {
			failed = failed || r.Verdict != receipt.Verified
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if failed != tt.fails {
			t.Errorf("%q onto %q: failed %t, want %t", tt.source, tt.destination, failed, tt.fails)
		}
	}
}
