package migrate_test

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/inventory/objectstore/storetest/amazon"
	"github.com/residency/residency/migrate"
)

// What is streamed to a bucket with object lock goes under a checksum, each object and
// each part, and so do the program's own marks.
func TestLockedUploads(t *testing.T) {
	a := newLocked(t, amazon.Options{}, true)
	a.streamed()
	bucket := aws.String(amazonSource)
	sum := func(b []byte) *string {
		d := md5.Sum(b)
		return aws.String(base64.StdEncoding.EncodeToString(d[:]))
	}
	for i := range 5 {
		body := []byte(fmt.Sprint("body ", i))
		in := &s3.PutObjectInput{Bucket: bucket, Key: aws.String(fmt.Sprint("small/", i)), Body: bytes.NewReader(body),
			ContentMD5: sum(body)}
		if i == 0 {
			in.ObjectLockMode, in.ObjectLockRetainUntilDate = types.ObjectLockModeGovernance,
				aws.Time(time.Now().Add(time.Hour))
		}
		a.must(a.from.PutObject(t.Context(), in))
	}
	up, err := a.from.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: bucket,
		Key: aws.String("parts")})
	a.must(nil, err)
	var done []types.CompletedPart
	for n, text := range []string{strings.Repeat("a", 5<<20), strings.Repeat("b", 6<<20), "end"} {
		part, err := a.from.UploadPart(t.Context(), &s3.UploadPartInput{Bucket: bucket, Key: aws.String("parts"),
			UploadId: up.UploadId, PartNumber: aws.Int32(int32(n + 1)),
			Body: strings.NewReader(text), ContentMD5: sum([]byte(text))})
		a.must(nil, err)
		done = append(done, types.CompletedPart{PartNumber: aws.Int32(int32(n + 1)), ETag: part.ETag})
	}
	a.must(a.from.CompleteMultipartUpload(t.Context(), &s3.CompleteMultipartUploadInput{Bucket: bucket,
		Key: aws.String("parts"), UploadId: up.UploadId,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: done}}))
	before, err := storetest.Snapshot(t.Context(), a.from, amazonSource, "")
	a.must(nil, err)
	p := a.plan()
	r, err := a.runner().Run(t.Context(), p, migrate.Options{KeepSource: true})
	if err != nil {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	after, err := storetest.Snapshot(t.Context(), a.to, amazonDestination, "")
	a.must(nil, err)
	if d := storetest.Diff(before, after); d != "" {
		t.Errorf("the destination differs from what the source held:\n%s", d)
	}
	if n := a.server.Applied()["lock-checksum"]; n > 0 {
		t.Errorf("%d uploads were refused for want of a checksum", n)
	}
}

// A version under an event hold is under it at the destination too, copied by the service
// or by way of this machine, and stays at the source.
func TestEventHold(t *testing.T) {
	for _, streamed := range []bool{false, true} {
		t.Run(fmt.Sprint("streamed ", streamed), func(t *testing.T) {
			a := newLocked(t, amazon.Options{}, true)
			if streamed {
				a.streamed()
			}
			for i := range 3 {
				a.put(fmt.Sprint("k", i), "text", func(in *s3.PutObjectInput) {
					in.ChecksumAlgorithm = types.ChecksumAlgorithmCrc32
					if i == 1 {
						in.ObjectLockEventHold, in.ObjectLockEventHoldDurationDays = types.ObjectLockEventHoldOn,
							aws.Int32(30)
					}
				})
			}
			r, err := a.run(a.plan())
			if !errors.Is(err, migrate.ErrNotEmpty) || len(r.Left) == 0 ||
				!strings.Contains(r.Left[0].Reason, "event hold") {
				t.Errorf("run: %v, left %+v; want the held version to stay, and why\n%s", err, r.Left, problems(r))
			}
			for i, want := range []int32{0, 30, 0} {
				if h := a.head(fmt.Sprint("k", i)); aws.ToInt32(h.ObjectLockEventHoldDurationDays) != want {
					t.Errorf("k%d: held %s for %d days", i, h.ObjectLockEventHold,
						aws.ToInt32(h.ObjectLockEventHoldDurationDays))
				}
			}
		})
	}
}

// A bucket of others that puts an event hold on everything is none to copy to.
func TestDestinationWithEventHold(t *testing.T) {
	a := newOnAmazon(t, amazon.Options{})
	a.put("k", "text", nil)
	a.must(a.to.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(amazonDestination),
		ObjectLockEnabledForBucket: aws.Bool(true),
		CreateBucketConfiguration:  &types.CreateBucketConfiguration{LocationConstraint: eu}}))
	a.must(a.to.PutObjectLockConfiguration(t.Context(),
		&s3.PutObjectLockConfigurationInput{Bucket: aws.String(amazonDestination),
			ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
			ObjectLockConfiguration: &types.ObjectLockConfiguration{ObjectLockEnabled: types.ObjectLockEnabledEnabled,
				Rule: &types.ObjectLockRule{DefaultRetention: &types.DefaultRetention{DefaultEventHold: &types.EventHoldDuration{Days: aws.Int32(5)}}}}}))
	if got := rulesOf(a.plan().Blockers); !slices.Equal(got, []string{"destination-event-hold"}) {
		t.Errorf("blockers %v", got)
	}
}
