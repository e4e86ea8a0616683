package copier_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/memstore"
	"github.com/residency/residency/migrate/copier"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
)

// A copy that got no version ID, because versioning is not in force everywhere yet,
// is taken away and made anew; one that gets none for good fails.
func TestCopyWithoutVersionID(t *testing.T) {
	for _, comes := range []bool{true, false} {
		now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
		clock := func() time.Time { return now }
		source := memstore.New(memstore.Options{Endpoint: "one", Now: clock}).Region(region)
		destination := memstore.New(memstore.Options{Endpoint: "two", Now: clock}).Region(region)
		for store, bucket := range map[*memstore.Store]string{source: from, destination: to} {
			if err := store.CreateBucket(t.Context(), bucket, false); err != nil {
				t.Fatal(err)
			}
		}
		if err := source.SetVersioning(t.Context(), from, objectstore.Enabled); err != nil {
			t.Fatal(err)
		}
		for _, body := range []string{"older", "newer"} {
			if _, err := source.Put(t.Context(), objectstore.NewObject{Bucket: from, Key: "k"},
				objectstore.Body{Reader: strings.NewReader(body), Size: 5}); err != nil {
				t.Fatal(err)
			}
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
		pauses := 0
		c := copier.New(source, from, destination, to, copier.Options{
			Versioning: objectstore.Enabled, Now: clock, UnversionedUntil: now.Add(15 * time.Minute), TagsTold: true,
			Sleep: func(ctx context.Context, d time.Duration) error {
				if now, pauses = now.Add(d), pauses+1; pauses == 3 && comes {
					return destination.SetVersioning(ctx, to, objectstore.Enabled)
				}
				return nil
			},
		})
		receipts, err := collected(t.Context(), c, entries)
		if err != nil {
			t.Fatal(err)
		}
		var held []objectstore.Version
		for v, err := range destination.Versions(t.Context(), to, "", "") {
			if err != nil {
				t.Fatal(err)
			}
			held = append(held, v)
		}
		if !comes {
			if pauses < 50 || receipts[0].Verdict != receipt.Failed || len(held) > 0 {
				t.Errorf("%s after %d pauses, want as many as the time allows", receipts[0].Verdict, pauses)
			}
			continue
		}
		if len(held) != 2 || pauses != 3 {
			t.Errorf("%d versions after %d pauses, want 2 after 3", len(held), pauses)
		}
		for i, r := range receipts {
			if r.Verdict != receipt.Verified || r.DestinationVersionID == objectstore.NullVersion {
				t.Errorf("entry %d: %s, version %s %s", i, r.Verdict, r.DestinationVersionID, r.Reason)
			}
		}
	}
}
