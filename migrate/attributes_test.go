package migrate_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/migrate"
)

// Whatever an answer says against its own completeness, at either end, leaves an
// entry unproven and the source as it was.
func TestIncompleteAnswers(t *testing.T) {
	for name, header := range map[string]map[string]string{
		"missing metadata": {"X-Amz-Missing-Meta": "2"},
		"transformed":      {"Warning": `214 proxy "Transformation applied"`},
	} {
		for _, end := range []string{"source", "destination"} {
			t.Run(name+" at the "+end, func(t *testing.T) {
				f := newFixture(t, true)
				f.fill(3, 100)
				f.put("with metadata", []byte("x"), func(in *s3.PutObjectInput) { in.Metadata = map[string]string{"a": "1"} })
				f.multipart("parts", 5<<20, 1)
				before := f.snapshot(us, f.bucket)
				p := f.plan("auto")
				proxy := map[string]*storetest.Proxy{"source": f.from, "destination": f.to}[end]
				proxy.SetFault(func(r storetest.Request) storetest.Fault {
					if (r.Operation == "GetObject" || r.Operation == "HeadObject") && (r.Key == "with metadata" || r.Key == "parts") {
						return storetest.Fault{SetResponseHeader: header}
					}
					return storetest.Fault{}
				})
				for range 2 { // what is there already, the second time, is no better proven
					r, err := f.run(p)
					if !errors.Is(err, migrate.ErrVerification) || r.Verdicts["unverifiable"] != 2 || r.Verdicts["verified"] != 3 {
						t.Fatalf("run: %v, want two entries unverifiable\n%s", err, problems(r))
					}
					if want := "the " + end + "'s answer is incomplete or altered"; !strings.HasPrefix(r.Problems[0].Reason, want) {
						t.Errorf("reason %q, want %q", r.Problems[0].Reason, want)
					}
					f.intact(before)
				}
			})
		}
	}
}

// A destination that ignores the storage class has not what was sent, unless
// whoever configured it takes any.
func TestServersThatIgnoreAStorageClass(t *testing.T) {
	for _, anyClass := range []bool{false, true} {
		f := newFixtureOn(t, storetest.StartMinIO(t, us, eu))
		f.must(f.box.Client(us).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &f.bucket}))
		f.versioning(us, f.bucket, types.BucketVersioningStatusEnabled)
		f.fill(3, 100)
		f.put("rare", []byte("x"), func(in *s3.PutObjectInput) { in.StorageClass = types.StorageClassReducedRedundancy })
		before := f.snapshot(us, f.bucket)
		f.anyClass = anyClass
		f.to.SetFault(func(storetest.Request) storetest.Fault {
			return storetest.Fault{DelResponseHeader: []string{"X-Amz-Storage-Class"}}
		})
		p := f.plan("auto")
		r, err := f.run(p)
		if anyClass {
			if err != nil {
				t.Fatalf("%v\n%s", err, problems(r))
			}
			out, err := f.box.Client(eu).HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String(f.destination()),
				Key: aws.String("rare")})
			if err != nil || out.StorageClass != "" {
				t.Errorf("class %q at the destination, %v; want its own", out.StorageClass, err)
			}
			continue
		}
		if !errors.Is(err, migrate.ErrVerification) || r.Verdicts["mismatch"] != 1 || r.Verdicts["verified"] != 3 {
			t.Fatalf("run: %v, want one mismatch\n%s", err, problems(r))
		}
		if want := "storage class (REDUCED_REDUNDANCY at the source, STANDARD at the destination; " +
			"destination.storage_class: any would accept that) differ at the destination"; r.Problems[0].Reason != want {
			t.Errorf("reason %q, want %q", r.Problems[0].Reason, want)
		}
		f.intact(before)
	}
}
