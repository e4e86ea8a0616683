package migrate_test

import (
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore/storetest"
)

// An object of 150 MiB in 30 parts whose run is killed three times, first at 15 of
// them, arrives: no part that had arrived is sent again, but for those in flight.
func TestServersTakeUpParts(t *testing.T) {
	const parts, size, workers = 30, 5 * mib, 4
	kills := []int64{15, 6, 6} // parts sent by then, each time
	for _, way := range []struct {
		operation string
		open      func(t *testing.T, box *storetest.Sandbox) *fixture
	}{{"UploadPart", newFixtureOn}, {"UploadPartCopy", newFixtureWithin}} {
		for kind, start := range servers() {
			t.Run(way.operation+", "+kind, func(t *testing.T) {
				f := way.open(t, start(t))
				f.workers = workers
				f.must(f.box.Client(us).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &f.bucket}))
				f.versioning(us, f.bucket, types.BucketVersioningStatusEnabled)
				data := make([]byte, parts*size)
				_, _ = rand.NewChaCha8([32]byte{1}).Read(data) // never fails
				f.inParts("large", data, size)
				before := f.snapshot(us, f.bucket)
				p := f.plan("auto")
				f.to.Reset()
				var begun, all atomic.Int64 // uploads, and parts, of the object: probes have some too
				each := func(r storetest.Request) {
					if r.Operation == "CreateMultipartUpload" && r.Key == "large" {
						begun.Add(1)
					}
					if r.Operation == way.operation && r.Key == "large" {
						all.Add(1)
					}
				}
				for _, at := range kills {
					m := f.mortal()
					var sent atomic.Int64
					_, err := m.run(p, func(r storetest.Request) {
						each(r)
						if r.Operation == way.operation && r.Key == "large" && sent.Add(1) == at+1 {
							m.die()
						}
					})
					if err == nil {
						t.Fatalf("the run ended before %d parts were sent", at)
					}
				}
				r, err := f.mortal().run(p, each)
				if err != nil {
					t.Fatalf("%v\n%s", err, problems(r))
				}
				f.moved(before)
				sent, most := all.Load(), int64(parts+workers*len(kills))
				t.Logf("%d parts, %d kills: %d parts sent; %v", parts, len(kills), sent, f.to.Counts())
				if sent < parts || sent > most {
					t.Errorf("%d parts sent, want %d to %d", sent, parts, most)
				}
				if n := begun.Load(); n != 1 {
					t.Errorf("%d uploads of the object begun, want one", n)
				}
			})
		}
	}
}

// newFixtureWithin has both regions at one address, that of the first region's
// server: what is copied stays within the service.
func newFixtureWithin(t *testing.T, box *storetest.Sandbox) *fixture {
	t.Helper()
	// What is signed for the second region is signed anew for the server's own.
	regions := box.Proxy(t, us)
	regions.SetFault(func(r storetest.Request) storetest.Fault {
		if !strings.Contains(r.Header.Get("Authorization"), "/"+eu+"/") {
			return storetest.Fault{}
		}
		f := storetest.Fault{Resign: true}
		if r.Operation == "CreateBucket" {
			f.ReplaceRequestBody = func([]byte) []byte {
				return []byte(`<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>`)
			}
		}
		if r.Operation == "HeadBucket" {
			f.SetResponseHeader = map[string]string{"X-Amz-Bucket-Region": eu}
		}
		return f
	})
	box.Endpoints[us], box.Endpoints[eu] = regions.URL(), regions.URL()
	f := newFixtureOn(t, box)
	f.to = f.from
	f.open()
	return f
}
