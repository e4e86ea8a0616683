package migrate_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore/storetest"
)

const (
	kib = 1 << 10
	mib = 1 << 20
)

// rungs are sizes beside each bound at which a body is handled in another way:
// sent with its header, announced before it is sent, held whole, streamed.
func rungs() []int {
	return []int{
		0, 1, 16*kib - 1, 16 * kib, 16*kib + 1, 2*mib - 1, 2 * mib, 2*mib + 1,
		5 * mib, 16*mib - 1, 16 * mib, 16*mib + 1, 17 * mib, 40 * mib,
	}
}

// largest is the rung that only some pairs of servers have time for.
const largest = 200 * mib

// ladder puts an object of each size and, if asked, another in parts from 5 MiB
// on.
func (f *fixture) ladder(sizes []int, parts bool) {
	f.t.Helper()
	data := make([]byte, largest)
	_, _ = rand.NewChaCha8([32]byte{}).Read(data) // never fails
	for _, n := range sizes {
		f.put(fmt.Sprintf("whole/%09d", n), data[:n], nil)
		if n >= 5*mib && parts {
			f.inParts(fmt.Sprintf("parts/%09d", n), data[:n], 5*mib)
		}
	}
}

// inParts uploads in parts of a size, which the last may fall short of.
func (f *fixture) inParts(key string, data []byte, size int) {
	f.t.Helper()
	client := f.box.Client(us)
	up, err := client.CreateMultipartUpload(f.t.Context(), &s3.CreateMultipartUploadInput{Bucket: &f.bucket, Key: &key,
		ContentType: aws.String("text/plain")})
	f.must(nil, err)
	var done []types.CompletedPart
	for at := 0; at < len(data); at += size {
		number := aws.Int32(int32(len(done) + 1))
		out, err := client.UploadPart(f.t.Context(), &s3.UploadPartInput{
			Bucket: &f.bucket, Key: &key, UploadId: up.UploadId, PartNumber: number,
			Body: bytes.NewReader(data[at:min(at+size, len(data))]),
		})
		f.must(nil, err)
		done = append(done, types.CompletedPart{PartNumber: number, ETag: out.ETag})
	}
	f.must(client.CompleteMultipartUpload(f.t.Context(), &s3.CompleteMultipartUploadInput{
		Bucket: &f.bucket, Key: &key, UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: done},
	}))
}

// contents reads every object whole: moto answers neither for checksums nor for
// access control lists of what was uploaded in parts, which a snapshot asks for.
func (f *fixture) contents(region, bucket string) map[string]string {
	f.t.Helper()
	client, all := f.box.Client(region), map[string]string{}
	list, err := client.ListObjectVersions(f.t.Context(), &s3.ListObjectVersionsInput{Bucket: &bucket})
	f.must(nil, err)
	for _, v := range list.Versions {
		out, err := client.GetObject(f.t.Context(), &s3.GetObjectInput{Bucket: &bucket, Key: v.Key, VersionId: v.VersionId})
		f.must(nil, err)
		sum := sha256.New()
		n, err := io.Copy(sum, out.Body)
		f.must(out.Body.Close(), err)
		all[*v.Key] += fmt.Sprintf("%d bytes %x ETag %s %s; ", n, sum.Sum(nil), *v.ETag, *out.ContentType)
	}
	return all
}

// Objects of all sizes move between any two kinds of servers, whether a server
// answers at once or late. The largest goes where neither end is moto, which
// would take most of the time for it. Moto gives a part its own ETag, which no
// condition on the object's meets: nothing in parts comes from there.
func TestAcrossSizes(t *testing.T) {
	kinds := servers()
	kinds["moto"] = func(t *testing.T) *storetest.Sandbox { return storetest.StartMoto(t, us, eu) }
	for _, from := range []string{"versitygw", "minio", "moto"} {
		for _, to := range []string{"versitygw", "minio", "moto"} {
			for _, delay := range []time.Duration{0, 30 * time.Millisecond} {
				name := from + " to " + to
				if delay > 0 {
					name += ", late"
				}
				t.Run(name, func(t *testing.T) {
					box, destination := kinds[from](t), kinds[to](t)
					box.Endpoints[eu] = destination.Endpoints[eu]
					f := newFixtureOn(t, box)
					f.must(f.box.Client(us).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &f.bucket}))
					f.versioning(us, f.bucket, types.BucketVersioningStatusEnabled)
					sizes := rungs()
					if from != to && from != "moto" && to != "moto" && delay == 0 {
						sizes = append(sizes, largest)
					}
					if from == "moto" { // so that it is not asked for lists that the others do not have
						f.must(f.box.Client(us).PutBucketOwnershipControls(t.Context(),
							&s3.PutBucketOwnershipControlsInput{Bucket: &f.bucket, OwnershipControls: &types.OwnershipControls{
								Rules: []types.OwnershipControlsRule{{ObjectOwnership: types.ObjectOwnershipBucketOwnerEnforced}},
							}}))
					}
					f.ladder(sizes, from != "moto")
					before := f.contents(us, f.bucket)
					late := func(storetest.Request) storetest.Fault { return storetest.Fault{Delay: delay} }
					f.from.SetFault(late)
					f.to.SetFault(late)
					if r, err := f.run(f.plan("auto")); err != nil {
						t.Fatalf("%v\n%s", err, problems(r))
					}
					if after := f.contents(eu, f.destination()); !maps.Equal(after, before) {
						t.Errorf("the destination holds %q\nwhat the source held: %q", after, before)
					}
					if left := f.contents(us, f.bucket); len(left) > 0 {
						t.Errorf("the source still holds %q", slices.Sorted(maps.Keys(left)))
					}
				})
			}
		}
	}
}
