package migrate_test

import (
	"testing"
	"time"

	"github.com/residency/residency/inventory"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/engine"
	"github.com/residency/residency/migrate/state"
)

func BenchmarkPlan(b *testing.B) {
	const n = 100_000
	c := newCanned(b, "source-bucket", n)
	p := c.open(b)
	b.ReportAllocs()
	for b.Loop() {
		plan, err := migrate.Make(b.Context(), state.NewDir(b.TempDir()), migrate.Request{
			Customer: "acme", Verify: "auto", Stores: func(_, region string) objectstore.Store { return p.Region(region) }, Now: time.Now(), Progress: &engine.Progress{},
			Destination: migrate.Region{Provider: "cloud", Code: eu, Country: "IE"},
			Inventory:   &inventory.Inventory{Places: []inventory.Place{{Customer: "acme", Provider: "cloud", Region: us, Bucket: "source-bucket", Versioning: objectstore.Unversioned}}},
			BucketName:  func(bucket, _ string) string { return bucket + "-" + eu },
		})
		if err != nil {
			b.Fatal(err)
		}
		if plan.Totals.Entries != n {
			b.Fatal(plan.Totals.Entries, plan.Blockers)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/entry")
}

func BenchmarkList(b *testing.B) {
	const n = 100_000
	c := newCanned(b, "source-bucket", n)
	p := c.open(b)
	b.ReportAllocs()
	for b.Loop() {
		i := 0
		for _, err := range p.Region(us).Versions(b.Context(), "source-bucket", "", "") {
			if err != nil {
				b.Fatal(err)
			}
			i++
		}
		if i != n {
			b.Fatal(i)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/n, "ns/entry")
}
