package copier_test

import (
	"context"
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
	source := memstore.New(memstore.Options{Endpoint: "one", Now: time.Now}).Region(region)
	destination := memstore.New(memstore.Options{Endpoint: "two", Now: time.Now}).Region(region)
	for store, bucket := range map[*memstore.Store]string{source: from, destination: to} {
		if err := store.CreateBucket(t.Context(), bucket, false); err != nil {
			t.Fatal(err)
		}
		if err := store.SetVersioning(t.Context(), bucket, objectstore.Suspended); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := source.Put(t.Context(), objectstore.NewObject{Bucket: from, Key: "a"},
		objectstore.Body{Reader: strings.NewReader("body"), Size: 4}); err != nil {
		t.Fatal(err)
	}
	var entries []manifest.Entry
	for v, err := range source.Versions(t.Context(), from, "", "") {
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, manifest.FromVersion(v))
	}
	if _, err := source.PutMarker(t.Context(), from, "a"); err != nil {
		t.Fatal(err)
	}
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
	traits := memstore.Traits{TrailingMarkers: true}
	source := memstore.New(memstore.Options{Endpoint: "one", Now: time.Now, Traits: traits}).Region(region)
	destination := memstore.New(memstore.Options{Endpoint: "two", Now: time.Now, Traits: traits}).Region(region)
	for store, bucket := range map[*memstore.Store]string{source: from, destination: to} {
		if err := store.CreateBucket(t.Context(), bucket, false); err != nil {
			t.Fatal(err)
		}
		if err := store.SetVersioning(t.Context(), bucket, objectstore.Enabled); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := source.Put(t.Context(), objectstore.NewObject{Bucket: from, Key: "a"},
		objectstore.Body{Reader: strings.NewReader("body"), Size: 4}); err != nil {
		t.Fatal(err)
	}
	if _, err := source.PutMarker(t.Context(), from, "a"); err != nil {
		t.Fatal(err)
	}
	var entries []manifest.Entry
	for h, err := range objectstore.Histories(source.Versions(t.Context(), from, "", "")) {
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range h {
			entries = append(entries, manifest.FromVersion(v))
		}
	}
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

// A version is not written above a delete marker where the destination would lose that with it.
func TestVersionAboveAMarker(t *testing.T) {
	source := memstore.New(memstore.Options{Endpoint: "one", Now: time.Now}).Region(region)
	destination := memstore.New(memstore.Options{Endpoint: "two", Now: time.Now,
		Traits: memstore.Traits{TrailingMarkers: true}}).Region(region)
	for store, bucket := range map[*memstore.Store]string{source: from, destination: to} {
		if err := store.CreateBucket(t.Context(), bucket, false); err != nil {
			t.Fatal(err)
		}
		if err := store.SetVersioning(t.Context(), bucket, objectstore.Enabled); err != nil {
			t.Fatal(err)
		}
	}
	put := func() {
		if _, err := source.Put(t.Context(), objectstore.NewObject{Bucket: from, Key: "a"},
			objectstore.Body{Reader: strings.NewReader("body"), Size: 4}); err != nil {
			t.Fatal(err)
		}
	}
	put()
	if _, err := source.PutMarker(t.Context(), from, "a"); err != nil {
		t.Fatal(err)
	}
	put()
	var entries []manifest.Entry
	for h, err := range objectstore.Histories(source.Versions(t.Context(), from, "", "")) {
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range h {
			entries = append(entries, manifest.FromVersion(v))
		}
	}
	c := copier.New(source, from, destination, to, copier.Options{Versioning: objectstore.Enabled})
	receipts, err := collected(t.Context(), c, entries)
	if err != nil || len(receipts) != 3 {
		t.Fatalf("%v, %v", receipts, err)
	}
	if receipts[1].Verdict != receipt.Verified || receipts[2].Verdict != receipt.Failed {
		t.Errorf("the marker is %s and the version above it %s; want verified and failed", receipts[1].Verdict,
			receipts[2].Verdict)
	}
	var left []string
	for v, err := range destination.Versions(t.Context(), to, "", "") {
		if err != nil {
			t.Fatal(err)
		}
		left = append(left, v.VersionID)
	}
	if len(left) != 2 || !objectstore.IsMarkerOf(left[0]) {
		t.Errorf("at the destination: %v, want a version and its marker", left)
	}
}
