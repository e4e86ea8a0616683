package migrate_test

import (
	"maps"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/migrate"
)

// Of a source whose erase has begun, what we did not begin to erase and is gone
// was deleted by its owners, and a null version with the same bytes and other
// attributes is another: both are carried. What we have begun stays.
func TestOthersInTheErase(t *testing.T) {
	f := newFixture(t, false)
	null := func(metadata string) {
		f.put("z-null", []byte("the same bytes"), func(
			in *s3.PutObjectInput) {
			in.Metadata = map[string]string{"by": metadata}
		})
	}
	versioning := func(status types.BucketVersioningStatus) {
		f.must(f.box.Client(us).PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: &f.bucket,
			VersioningConfiguration: &types.VersioningConfiguration{Status: status}}))
	}
	null("its owner")
	f.put("a-null", []byte("below"), nil)
	versioning(types.BucketVersioningStatusEnabled)
	f.put("a-null", []byte("above"), nil)
	f.fill(30, 50)
	want := maps.Clone(f.snapshot(us, f.bucket))
	p := f.plan("auto")
	root := f.home.String()
	f.to.SetFault(func(r storetest.Request) storetest.Fault {
		intents, err := filepath.Glob(filepath.Join(root, p.ID, "intents", "*"))
		if err != nil {
			t.Error(err)
		}
		if len(intents) > 0 && r.Operation == "ListObjectVersions" { // after the first deletions
			return storetest.Fault{Status: 403, Code: "AccessDenied"}
		}
		return storetest.Fault{}
	})
	if _, err := f.runner().Run(t.Context(), p, migrate.Options{}); err == nil {
		t.Fatal("the run was not stopped")
	}
	left := f.snapshot(us, f.bucket)
	if len(left) == 0 || len(left) == len(want) {
		t.Fatalf("%d keys are left of %d, want some", len(left), len(want))
	}
	f.to.SetFault(nil)

	key := "plain/00020"
	f.must(f.box.Client(us).DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &f.bucket, Key: &key,
		VersionId: &left[key][0].VersionID}))
	delete(want, key)
	versioning(types.BucketVersioningStatusSuspended)
	// The server's dates are whole seconds, and within one such a write does not show.
	for old := want["z-null"][0].Modified; want["z-null"][0].Modified.Equal(old); want["z-null"] = f.snapshot(us,
		f.bucket)["z-null"] {
		null("somebody else")
	}
	versioning(types.BucketVersioningStatusEnabled)
	if want["z-null"][0].Metadata["by"] != "somebody else" {
		t.Fatalf("metadata %v", want["z-null"][0].Metadata)
	}
	r, err := f.runner().Run(t.Context(), p, migrate.Options{Passes: 2})
	if err != nil || r.Passes != 2 {
		t.Fatalf("again: %v, %v\n%s", err, r, problems(r))
	}
	f.moved(want)
}
