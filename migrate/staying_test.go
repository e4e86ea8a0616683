package migrate_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/inventory/remedy"
	"github.com/residency/residency/migrate"
)

// Copies that were under way when a run died, and that nobody knows of, stay behind an
// abort: they are counted by a listing, and the abort does not end as if nothing was left.
func TestAbortCountsWhatStays(t *testing.T) {
	for name, there := range map[string]bool{"the plan makes the bucket": false, "the bucket is there": true} {
		t.Run(name, func(t *testing.T) { countsWhatStays(t, there) })
	}
}

func countsWhatStays(t *testing.T, bucketThere bool) {
	f := newFixture(t, true)
	if bucketThere {
		client, bucket := f.box.Client(eu), f.destination()
		_, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket,
			CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: eu}})
		must(t, err)
		_, err = client.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: &bucket,
			VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}})
		must(t, err)
	}
	f.fill(20, 100)
	before := f.snapshot(us, f.bucket)
	p := f.plan("auto")
	var puts atomic.Int32
	f.to.SetFault(func(r storetest.Request) storetest.Fault {
		n := puts.Load()
		if r.Operation == "PutObject" && strings.HasPrefix(r.Key, "plain/") {
			n = puts.Add(1)
		}
		return storetest.Fault{LostResponse: n > 4 && n <= 8, Reset: n > 8}
	})
	if _, err := f.run(p); err == nil {
		t.Fatal("the run ended well")
	}
	f.to.SetFault(nil)
	f.waits = true // for the lease
	u, err := f.runner().Abort(t.Context(), p)
	if !errors.Is(err, migrate.ErrStays) || remedy.For(err) == "" {
		t.Fatalf("abort: %v, want %v; %+v", err, migrate.ErrStays, u)
	}
	there := int64(len(f.snapshot(eu, f.destination())))
	if there == 0 || len(u.Stays) != 1 || u.Stays[0].Entries != there || u.Stays[0].Unlistable != 0 ||
		u.Stays[0].Made == bucketThere {
		t.Errorf("%+v stays; the bucket has %d", u.Stays, there)
	}
	f.intact(before)
	// As it says, another run takes them for what they are.
	if r, err := f.run(p); err != nil {
		t.Fatalf("run: %v\n%s", err, problems(r))
	}
	f.moved(before)
}
