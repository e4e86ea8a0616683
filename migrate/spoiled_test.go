package migrate_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/inventory/remedy"
	"github.com/residency/residency/migrate"
)

// A copy is gone whose original is still there, and the erase has begun: the plan does not
// go on, a new one does, and that is what is said.
func TestSpoiledWithOriginal(t *testing.T) {
	f := newFixture(t, true)
	for _, key := range []string{"a", "b", "c"} {
		f.put(key, []byte(key), nil)
	}
	before := f.snapshot(us, f.bucket)
	p := f.plan("auto")
	f.from.SetFault(func(r storetest.Request) storetest.Fault {
		if r.Operation != "DeleteObjects" {
			return storetest.Fault{}
		}
		return storetest.Fault{ReplaceRequestBody: func(b []byte) []byte {
			return bytes.ReplaceAll(b, []byte("<Key>c</Key>"), []byte("<Key>z</Key>"))
		}}
	})
	if _, err := f.run(p); !errors.Is(err, migrate.ErrPartial) {
		t.Fatalf("run: %v, want %v", err, migrate.ErrPartial)
	}
	f.from.SetFault(nil)
	left := f.snapshot(us, f.bucket)
	if len(left) == 0 || len(left) == len(before) {
		t.Fatalf("%d of %d histories are left, want some", len(left), len(before))
	}
	for key := range left {
		bucket := aws.String(f.destination())
		is, err := f.box.Client(eu).HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: bucket, Key: &key})
		f.must(nil, err)
		f.must(f.box.Client(eu).DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: bucket, Key: &key,
			VersionId: is.VersionId}))
		break
	}
	_, err := f.run(p)
	want := "the source still has the originals of 1 of the first 1 that are missing: residency plan --to cloud:" + eu +
		" --customer acme writes a new plan"
	if said := remedy.For(err); !errors.Is(err, migrate.ErrSpoiledLate) || !strings.Contains(said, want) ||
		strings.Contains(said, "restore") {
		t.Fatalf("run: %v\nremedy %q\nwant %q", err, said, want)
	}
	// As it says.
	if r, err := f.run(f.plan("auto")); err != nil {
		t.Fatalf("run of the new plan: %v\n%s", err, problems(r))
	}
	f.moved(before)
}
