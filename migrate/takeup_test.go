package migrate_test

import (
	"math/rand/v2"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore/storetest"
)

// An object of 50 parts whose run is killed three times, first at 25 of them,
// arrives: no part that had arrived is sent again, but for those in flight.
func TestPartsAreTakenUp(t *testing.T) {
	const parts, size, workers = 50, 5 * mib, 8
	kills := []int64{25, 8, 8} // parts sent by then, each time
	for kind, start := range servers() {
		t.Run(kind, func(t *testing.T) {
			f := newFixtureOn(t, start(t))
			f.must(f.box.Client(us).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &f.bucket}))
			f.versioning(us, f.bucket, types.BucketVersioningStatusEnabled)
			data := make([]byte, parts*size)
			_, _ = rand.NewChaCha8([32]byte{1}).Read(data) // never fails
			f.inParts("large", data, size)
			before := f.snapshot(us, f.bucket)
			p := f.plan("auto")
			f.to.Reset()
			for _, at := range kills {
				m := f.mortal()
				var sent atomic.Int64
				_, err := m.run(p, func(r storetest.Request) {
					if r.Operation == "UploadPart" && sent.Add(1) == at+1 {
						m.die()
					}
				})
				if err == nil {
					t.Fatalf("the run ended before %d parts were sent", at)
				}
			}
			r, err := f.mortal().run(p, nil)
			if err != nil {
				t.Fatalf("%v\n%s", err, problems(r))
			}
			f.moved(before)
			counts := f.to.Counts()
			sent, most := counts["UploadPart"], parts+workers*len(kills)
			t.Logf("%d parts, %d kills: %d parts sent; %v", parts, len(kills), sent, counts)
			if sent > most {
				t.Errorf("%d parts sent, want %d at most", sent, most)
			}
			if n := counts["CreateMultipartUpload"]; n > 3 { // the mark, which the first deletion renews, is two
				t.Errorf("%d uploads begun, want two marks and one", n)
			}
		})
	}
}
