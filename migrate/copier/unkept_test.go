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

// TestHistoryWithoutVersions: a history of a source that says that it keeps no versions, as one that kept some once, is
// not written over itself, nor deleted, where the destination keeps none.
func TestHistoryWithoutVersions(t *testing.T) {
	for name, marked := range map[string]bool{"version": false, "marker": true} {
		t.Run(name, func(t *testing.T) {
			source := memstore.New(memstore.Options{Endpoint: "one", Now: time.Now}).Region(region)
			destination := memstore.New(memstore.Options{Endpoint: "two", Now: time.Now}).Region(region)
			for store, bucket := range map[*memstore.Store]string{source: from, destination: to} {
				if err := store.CreateBucket(t.Context(), bucket, false); err != nil {
					t.Fatal(err)
				}
			}
			if err := source.SetVersioning(t.Context(), from, objectstore.Enabled); err != nil {
				t.Fatal(err)
			}
			put := func(text string) {
				if _, err := source.Put(t.Context(), objectstore.NewObject{Bucket: from, Key: "a"},
					objectstore.Body{Reader: strings.NewReader(text), Size: int64(len(text))}); err != nil {
					t.Fatal(err)
				}
			}
			put("one")
			if put("three"); marked {
				if _, err := source.PutMarker(t.Context(), from, "a"); err != nil {
					t.Fatal(err)
				}
			}
			var entries []manifest.Entry
			for v, err := range source.Versions(t.Context(), from, "", "") {
				if err != nil {
					t.Fatal(err)
				}
				entries = append([]manifest.Entry{manifest.FromVersion(v)}, entries...)
			}
			if marked {
				entries = entries[1:] // a version, and a marker on top
			}
			c := copier.New(source, from, destination, to, copier.Options{Versioning: objectstore.Unversioned})
			receipts, err := collected(t.Context(), c, entries)
			if err != nil || len(receipts) != 2 {
				t.Fatalf("%v, %v", receipts, err)
			}
			if r := receipts[1]; r.Verdict != receipt.Failed || !r.Lasting || !strings.Contains(r.Reason, "keeps no versions") {
				t.Errorf("%s, lasting %v: %s; want failed for good", r.Verdict, r.Lasting, r.Reason)
			}
			there := 0
			for v, err := range destination.Versions(t.Context(), to, "", "") {
				if there++; err != nil || v.Size != entries[0].Size || receipts[0].Verdict != receipt.Verified {
					t.Errorf("%+v, %v; the first receipt is %s", v, err, receipts[0].Verdict)
				}
			}
			if there != 1 {
				t.Errorf("the destination has %d entries, want that of the first receipt", there)
			}
		})
	}
}
