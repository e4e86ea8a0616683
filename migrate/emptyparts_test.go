package migrate_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/residency/residency/inventory/objectstore/s3store"
	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/migrate/plan"
)

// Parts without a byte are parts: the last one of an object, of which some servers say that
// it is out of range, and the only one of an empty object.
func TestEmptyParts(t *testing.T) {
	for _, kinds := range [][2]string{{"minio", "minio"}, {"minio", "versitygw"}, {"versitygw", "minio"},
		{"versitygw", "versitygw"}} {
		t.Run(kinds[0]+" to "+kinds[1], func(t *testing.T) {
			f := between(t, kinds[0], kinds[1])
			f.must(f.box.Client(us).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &f.bucket}))
			f.multipart("even", 5<<20, 0)
			f.multipart("evener", 5<<20, 5<<20, 0)
			f.multipart("uneven", 5<<20, 6<<20, 0)
			f.multipart("nothing", 0)
			before := f.snapshot(us, f.bucket)
			r, err := f.run(f.plan("auto"))
			if err != nil {
				t.Fatalf("%v\n%s", err, problems(r))
			}
			after := f.snapshot(eu, f.destination())
			for _, histories := range []storetest.Histories{before, after} {
				for _, h := range histories {
					// versitygw tells no sizes of these parts, MinIO keeps no checksum of nothing; the
					// ETags have the number of parts in them.
					h[0].PartSizes, h[0].Checksums, h[0].ChecksumType = nil, nil, ""
				}
			}
			if d := storetest.Diff(allowed(before, after)); d != "" {
				t.Errorf("the destination differs from what the source held:\n%s", d)
			}
		})
	}
}

// The same where the service copies parts by itself, which it does not of nothing.
func TestEmptyPartsServerSide(t *testing.T) {
	box := storetest.StartMinIO(t, storetest.AnyRegion)
	at := box.Endpoints[storetest.AnyRegion]
	box.Endpoints = map[string]string{us: at, eu: at}
	f := newFixtureOn(t, box)
	f.must(f.box.Client(us).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &f.bucket}))
	var err error
	f.provider, err = s3store.Open(t.Context(), s3store.Options{Name: "cloud", Profile: "sandbox", Backoff: atOnce,
		Endpoints: map[string]string{us: at, eu: at}})
	f.must(nil, err)
	f.multipart("even", 5<<20, 0)
	f.multipart("uneven", 5<<20, 6<<20, 0)
	f.multipart("nothing", 0)
	before := f.snapshot(us, f.bucket)
	p := f.plan("auto")
	if p.Moves[0].Way != plan.ServerSide {
		t.Fatalf("way %q", p.Moves[0].Way)
	}
	if r, err := f.run(p); err != nil {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	if d := storetest.Diff(allowed(before, f.snapshot(eu, f.destination()))); d != "" {
		t.Errorf("the destination differs from what the source held:\n%s", d)
	}
}
