package migrate_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"

	"github.com/residency/residency/inventory/doctor"
	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/inventory/objectstore/storetest/amazon"
	"github.com/residency/residency/migrate/record"
)

// amazonDeletes answers as Amazon does to a condition beside a version: it compares
// current versions only (Amazon S3 User Guide, "How to perform conditional deletes").
func amazonDeletes(r storetest.Request) storetest.Fault {
	if r.Operation == "DeleteObject" && r.Query.Has("versionId") && r.Header.Get("If-Match") != "" {
		return storetest.Fault{Status: 501, Code: "NotImplemented"}
	}
	return storetest.Fault{}
}

// Where no condition is compared beside a version, a bucket without versions is
// erased on the condition that the service compares, and null versions after a look.
func TestConditionsBesideVersionsRefused(t *testing.T) {
	for _, tt := range []struct {
		versioning types.BucketVersioningStatus
		guard      string
		capability string
		outcome    doctor.Outcome
	}{
		{"", "if-match", doctor.ConditionalDeletes, doctor.OK},
		{types.BucketVersioningStatusEnabled, "re-checked", doctor.VersionsCompared, doctor.NotOffered},
		{types.BucketVersioningStatusSuspended, "re-checked", doctor.VersionsCompared, doctor.NotOffered},
	} {
		for _, mayWrite := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, may write: %t", tt.versioning, mayWrite), func(t *testing.T) {
				f := newFixture(t, false)
				f.fill(30, 200)
				if tt.versioning != "" {
					f.must(f.box.Client(us).PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: &f.bucket,
						VersioningConfiguration: &types.VersioningConfiguration{Status: tt.versioning}}))
				}
				before := f.snapshot(us, f.bucket)
				f.from.SetFault(func(r storetest.Request) storetest.Fault {
					if !mayWrite && r.Operation == "PutObject" {
						return storetest.Fault{Status: 403, Code: "AccessDenied"}
					}
					return amazonDeletes(r)
				})
				p := f.plan("auto")
				r, err := f.run(p)
				if err != nil && !mayWrite { // tags are asked for version by version then
					r, err = f.run(p)
				}
				if err != nil {
					t.Fatalf("%v\n%s", err, problems(r))
				}
				f.moved(before)
				guard, of := tt.guard, r.Entries
				if !mayWrite { // not known to be compared, and looked at as well
					guard = "re-checked"
				}
				if r.Guards[guard] != of {
					t.Errorf("guards %v, want %s for all %d", r.Guards, guard, of)
				}
				seen, err := record.Endpoints{Home: f.home}.Recall(t.Context(), f.provider.Region(us).Endpoint())
				if got := seen[tt.capability].Outcome; mayWrite && (err != nil || got != tt.outcome) {
					t.Errorf("%s: %q, %v; want %q", tt.capability, got, err, tt.outcome)
				}
			})
		}
	}
}

// On Amazon as it is, buckets of each kind are emptied, and the result says by which
// guard.
func TestEraseOnAmazon(t *testing.T) {
	for _, tt := range []struct {
		versioning types.BucketVersioningStatus
		guards     map[string]int64
	}{
		{"", map[string]int64{"if-match": 3}},
		{types.BucketVersioningStatusEnabled, map[string]int64{"re-checked": 3, "version-id": 2}},
		{types.BucketVersioningStatusSuspended, map[string]int64{"re-checked": 4}},
	} {
		t.Run(string(tt.versioning), func(t *testing.T) {
			a := newOnAmazon(t, amazon.Options{})
			put := func(key, text string) {
				a.must(a.from.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(amazonSource), Key: &key,
					Body: strings.NewReader(text)}))
			}
			for _, key := range []string{"a", "b", "c"} {
				put(key, "null "+key)
			}
			if tt.versioning != "" {
				a.versioned()
				if tt.versioning == types.BucketVersioningStatusSuspended {
					a.must(a.from.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
						Bucket: aws.String(amazonSource), ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
						VersioningConfiguration: &types.VersioningConfiguration{Status: tt.versioning},
					}))
				}
				put("b", "another")
				put("d", "new")
			}
			before, err := storetest.Snapshot(t.Context(), a.from, amazonSource, "")
			a.must(nil, err)
			r, err := a.run(a.plan())
			if err != nil {
				t.Fatalf("%v\n%s", err, problems(r))
			}
			after, err := storetest.Snapshot(t.Context(), a.to, amazonDestination, "")
			a.must(nil, err)
			if d := storetest.Diff(before, after); d != "" && tt.versioning != types.BucketVersioningStatusSuspended {
				t.Errorf("the destination differs from what the source held:\n%s", d)
			}
			left, err := storetest.Snapshot(t.Context(), a.from, amazonSource, "")
			if err != nil || len(left) > 0 {
				t.Errorf("the source still holds %d keys, %v", len(left), err)
			}
			if d := cmp.Diff(tt.guards, r.Guards); d != "" {
				t.Errorf("guards (-want +got):\n%s", d)
			}
		})
	}
}
