package migrate_test

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/inventory/remedy"
	"github.com/residency/residency/migrate"
)

// between has its source on one kind of server and its destination on another.
func between(t *testing.T, source, destination string) *fixture {
	t.Helper()
	from, to := servers()[source](t), servers()[destination](t)
	if from.AccessKey != to.AccessKey || from.SecretKey != to.SecretKey {
		t.Fatal("the servers do not share their credentials")
	}
	from.Endpoints[eu] = to.Endpoints[eu]
	return newFixtureOn(t, from)
}

// From one kind of server to another everything comes across that both have.
func TestAcrossServers(t *testing.T) {
	for _, kinds := range [][2]string{{"versitygw", "minio"}, {"minio", "versitygw"}} {
		t.Run(kinds[0]+" to "+kinds[1], func(t *testing.T) {
			f := between(t, kinds[0], kinds[1])
			f.must(f.box.Client(us).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &f.bucket}))
			f.versioning(us, f.bucket, types.BucketVersioningStatusEnabled)
			f.put("headers", []byte("with headers"), func(in *s3.PutObjectInput) {
				in.CacheControl, in.ContentEncoding, in.Tagging = aws.String("no-store"), aws.String("gzip"),
					aws.String("k=v&class=x")
				in.Metadata = map[string]string{"a": "1", "b": "two words"}
			})
			for _, c := range "vmvvmv" {
				if c == 'm' {
					f.must(f.box.Client(us).DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &f.bucket,
						Key: aws.String("history")}))
					continue
				}
				f.put("history", []byte{byte(c)}, nil)
			}
			f.multipart("parts", 5<<20, 6<<20+1, 17)
			for _, key := range oddKeys() {
				f.put("keys/"+key, []byte(key), nil)
			}
			before := f.snapshot(us, f.bucket)
			if r, err := f.run(f.plan("auto")); err != nil {
				t.Fatalf("%v\n%s", err, problems(r))
			}
			if d := storetest.Diff(allowed(before, f.snapshot(eu, f.destination()))); d != "" {
				t.Errorf("the destination differs from what the source held:\n%s", d)
			}
			if left := f.snapshot(us, f.bucket); len(left) > 0 {
				t.Errorf("the source still holds %q", slices.Sorted(maps.Keys(left)))
			}
		})
	}
}

// What the destination cannot hold, or holds under another name, stops the
// whole erase; nothing is passed over.
func TestAcrossServersWithLoss(t *testing.T) {
	for _, tt := range []struct {
		name, from, to string
		fill           func(f *fixture)
		want           error
		says           string
	}{
		{"control characters", "minio", "versitygw", func(f *fixture) {
			f.put("newline\nhere", []byte("a"), nil)
			f.put("escape\x1b[31m", []byte("b"), nil)
		}, migrate.ErrSpoiled, "the destination does not list what it was given: 1 of the first 1 keys have control " +
			"characters"},
		{"markers on markers", "versitygw", "minio", func(f *fixture) {
			f.put("gone", []byte("a"), nil)
			for range 3 {
				f.must(f.box.Client(us).DeleteObject(f.t.Context(), &s3.DeleteObjectInput{Bucket: &f.bucket,
					Key: aws.String("gone")}))
			}
		}, migrate.ErrVerification, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := between(t, tt.from, tt.to)
			f.must(f.box.Client(us).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &f.bucket}))
			f.versioning(us, f.bucket, types.BucketVersioningStatusEnabled)
			f.put("plain", []byte("plain"), nil)
			tt.fill(f)
			before := f.snapshot(us, f.bucket)
			r, err := f.run(f.plan("auto"))
			t.Logf("run: %v\n%s", err, problems(r))
			if !errors.Is(err, tt.want) || !strings.Contains(fmt.Sprint(err), tt.says) {
				t.Errorf("run: %v, want %v: %s", err, tt.want, tt.says)
			}
			f.intact(before)
		})
	}
}

// A service that keeps keys as files hides those beneath another one: that is said, and not
// that somebody has changed what was written.
func TestKeysBeneathKeys(t *testing.T) {
	f := between(t, "versitygw", "minio")
	f.must(f.box.Client(us).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &f.bucket}))
	f.put("t/a/1", []byte("inner"), nil)
	f.put("t/b", []byte("plain"), nil)
	before := f.snapshot(us, f.bucket)
	p := f.plan("auto")
	if r, err := f.runner().Run(t.Context(), p, migrate.Options{KeepSource: true}); err != nil {
		t.Fatalf("run: %v\n%s", err, problems(r))
	}
	f.must(f.box.Client(eu).PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(f.destination()),
		Key: aws.String("t/a"), Body: strings.NewReader("outer")}))
	_, err := f.run(p)
	if !errors.Is(err, migrate.ErrSpoiled) || !errors.Is(err, migrate.ErrHidden) ||
		!strings.Contains(err.Error(), "1 of the first 1 keys lie beneath another key") {
		t.Errorf("run: %v, want %v", err, migrate.ErrHidden)
	}
	if said := remedy.For(err); !strings.HasPrefix(said, "rename such keys at the source") {
		t.Errorf("remedy %q", said)
	}
	f.intact(before)
}

// A key that the destination refuses fails with the destination's reason.
func TestKeyRefused(t *testing.T) {
	f := newFixture(t, true)
	f.fill(8, 100)
	before := f.snapshot(us, f.bucket)
	f.to.SetFault(func(r storetest.Request) storetest.Fault {
		if r.Operation == "PutObject" && r.Key == "plain/00003" {
			return storetest.Fault{Status: 400, Code: "InvalidArgument"}
		}
		return storetest.Fault{}
	})
	r, err := f.run(f.plan("auto"))
	if !errors.Is(err, migrate.ErrPartial) || r.Verdicts["failed"] != 1 || r.Verdicts["verified"] != 7 {
		t.Fatalf("run: %v, want one entry to fail\n%s", err, problems(r))
	}
	if p := r.Problems[0]; string(p.Key) != "plain/00003" || p.Reason != "PutObject cloud:"+f.destination()+
		": request rejected (InvalidArgument, HTTP 400)" {
		t.Errorf("problem %+v", p)
	}
	f.intact(before)
}
