package migrate_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/state"
)

// uploads counts the unfinished uploads of a key.
func (f *fixture) uploads(region, bucket, key string) (n int) {
	f.t.Helper()
	for u, err := range f.provider.Region(region).Uploads(f.t.Context(), bucket, key) {
		f.must(nil, err)
		if u.Key == key {
			n++
		}
	}
	return n
}

// A customer's object under the very key of the mark, in parts, moves like any,
// and the mark stands beside it.
func TestServersObjectNamedAsTheMark(t *testing.T) {
	for kind, start := range servers() {
		t.Run(kind, func(t *testing.T) {
			f := newFixtureOn(t, start(t))
			f.must(f.box.Client(us).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &f.bucket}))
			f.versioning(us, f.bucket, types.BucketVersioningStatusEnabled)
			f.multipart(objectstore.MarkKey, 5<<20, 17)
			f.put("later", []byte("text"), nil)
			p := f.plan("auto")
			if r, err := f.runner().Run(t.Context(), p, migrate.Options{KeepSource: true}); err != nil {
				t.Fatalf("%v\n%s", err, problems(r))
			}
			if n := f.uploads(eu, f.destination(), objectstore.MarkKey); n != 1 {
				t.Fatalf("%d uploads under the mark's key, want the mark", n)
			}
			// As long as it stands, what the owners delete is carried.
			id := f.snapshot(us, f.bucket)["later"][0].VersionID
			f.must(f.box.Client(us).DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &f.bucket, Key: aws.String("later"),
				VersionId: &id}))
			before := f.snapshot(us, f.bucket)
			if r, err := f.runner().Run(t.Context(), p, migrate.Options{Passes: 1}); err != nil {
				t.Fatalf("%v\n%s", err, problems(r))
			}
			f.moved(before)
			if n := f.uploads(eu, f.destination(), objectstore.MarkKey); n != 0 {
				t.Errorf("%d uploads are left at the destination", n)
			}
		})
	}
}

// A probe that could not be removed at once is removed by the abort.
func TestAbortRemovesProbes(t *testing.T) {
	f := newFixture(t, true)
	f.fill(3, 100)
	before := f.snapshot(us, f.bucket)
	p := f.plan("auto")
	f.to.SetFault(func(r storetest.Request) storetest.Fault {
		if r.Operation == "DeleteObjects" {
			return storetest.Fault{Status: http.StatusForbidden}
		}
		return storetest.Fault{}
	})
	if r, err := f.run(p); err == nil {
		t.Fatalf("the run went on without removing its probe\n%s", problems(r))
	}
	if n := len(f.snapshot(eu, f.destination())); n == 0 {
		t.Fatal("no probe was left: the test shows nothing")
	}
	f.to.SetFault(nil)
	if _, err := f.runner().Abort(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	if there := f.snapshot(eu, f.destination()); len(there) > 0 {
		t.Errorf("the abort left %v", there)
	}
	f.intact(before)
}

// The lease of a run that was killed, at what has since become a source: in
// buckets with versions and without it is removed and not moved, and one that is
// taken again before the run starts stops it.
func TestServersLeaseAtTheSource(t *testing.T) {
	for kind, start := range servers() {
		for _, versioned := range []bool{true, false} {
			t.Run(kind+map[bool]string{true: ", versions", false: ""}[versioned], func(t *testing.T) {
				f := newFixtureOn(t, start(t))
				f.must(f.box.Client(us).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &f.bucket}))
				if versioned {
					f.versioning(us, f.bucket, types.BucketVersioningStatusEnabled)
				}
				f.fill(3, 100)
				before := f.snapshot(us, f.bucket)
				lease := func(expires string) {
					f.put(objectstore.LeaseName("")+"/"+objectstore.LeaseFile,
						[]byte(`{"schema":"residency/lease/1","holder":"plan x, reservation y","token":1,"expires":"`+expires+`"}`), nil)
				}
				lease("2020-01-01T00:00:00Z")
				lease("2020-01-02T00:00:00Z")
				p := f.plan("auto")
				if text := warned(p, "residency-own"); len(p.Blockers) > 0 || p.Totals.Entries != 3 ||
					!strings.Contains(text, "leases of an earlier migration") {
					t.Fatalf("blockers %+v, %d entries, warning %q; want the leases named and left out", p.Blockers, p.Totals.Entries,
						text)
				}
				lease("2099-01-01T00:00:00Z")
				if _, err := f.run(p); !errors.Is(err, state.ErrLeased) || !strings.Contains(err.Error(),
					"plan x, reservation y, until 2099") {
					t.Fatalf("run: %v, want %v, by whom and until when", err, state.ErrLeased)
				}
				lease("2020-01-01T00:00:00Z")
				r, err := f.run(p)
				if err != nil {
					t.Fatalf("%v\n%s", err, problems(r))
				}
				if r.Erasures["gone"] != 0 { // as a customer's entry is that a probe has deleted
					t.Errorf("erasures %v", r.Erasures)
				}
				if d := storetest.Diff(allowed(before, f.snapshot(eu, f.destination()))); d != "" {
					t.Errorf("the destination differs from what the source held:\n%s", d)
				}
				if left := f.snapshot(us, f.bucket); len(left) > 0 {
					t.Errorf("the source still holds %d keys", len(left))
				}
			})
		}
	}
}
