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

// What a service has copied under a lock is compared with its source in all
// that it carries; and a retention that ends while that is looked at ends at
// both ends.
func TestCopiesUnderLocks(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	clock := func() time.Time { return now }
	service := memstore.New(memstore.Options{Endpoint: "one", Now: clock})
	store := service.Region(region)
	var entries []manifest.Entry
	for _, bucket := range []string{from, to} {
		if err := store.CreateBucket(t.Context(), bucket, true); err != nil {
			t.Fatal(err)
		}
	}
	o := objectstore.NewObject{Bucket: from, Key: "k"}
	o.ContentType, o.Metadata, o.Lock = "text/plain", map[string]string{"a": "b"}, objectstore.Lock{Mode: "GOVERNANCE",
		Until: now.Add(3 * time.Second)}
	if _, err := store.Put(t.Context(), o, objectstore.Body{Reader: strings.NewReader("body"), Size: 4}); err != nil {
		t.Fatal(err)
	}
	for v, err := range store.Versions(t.Context(), from, "", "") {
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, manifest.FromVersion(v))
	}
	for _, tt := range []struct {
		name string
		now  func() time.Time
	}{
		{"held", clock},
		{"ending", func() time.Time { now = now.Add(time.Second); return now }},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := copier.New(store, from, store, to, copier.Options{Versioning: objectstore.Enabled, Locked: true, Now: tt.now})
			receipts, err := collected(t.Context(), c, entries)
			if err != nil {
				t.Fatal(err)
			}
			if r := receipts[0]; r.Verdict != receipt.Verified {
				t.Errorf("%s: %s", r.Verdict, r.Reason)
			}
		})
	}
}
