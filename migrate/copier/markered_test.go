package copier_test

import (
	"strings"
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
