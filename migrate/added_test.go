package migrate_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/plan"
)

// encrypt gives a bucket a default encryption.
func (f *fixture) encrypt(region, bucket string, how types.ServerSideEncryption, key string) {
	f.t.Helper()
	by := &types.ServerSideEncryptionByDefault{SSEAlgorithm: how}
	if key != "" {
		by.KMSMasterKeyID = &key
	}
	f.must(f.box.Client(region).PutBucketEncryption(f.t.Context(), &s3.PutBucketEncryptionInput{Bucket: &bucket,
		ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{
			Rules: []types.ServerSideEncryptionRule{{ApplyServerSideEncryptionByDefault: by}}}}))
}

// some puts a plain object and one whose attributes take a further request.
func (f *fixture) some() {
	f.t.Helper()
	f.put("plain", []byte("a"), nil)
	f.put("meta", []byte("b"), func(in *s3.PutObjectInput) { in.Metadata = map[string]string{"a": "1"} })
}

func (f *fixture) certificate(p *plan.Plan) (c certificate.Certificate) {
	f.t.Helper()
	text, err := f.home.Get(f.t.Context(), p.ID+"/certificate.json")
	f.must(nil, err)
	f.must(nil, json.Unmarshal(text, &c))
	return c
}

func (f *fixture) added(p *plan.Plan, r *migrate.Result, want map[string]int64) {
	f.t.Helper()
	if !maps.Equal(r.Added, want) {
		f.t.Errorf("the destination added %v, want %v", r.Added, want)
	}
	if !r.Erased {
		return
	}
	c := f.certificate(p)
	if !maps.Equal(c.Added, want) || !slices.Equal(c.NotCompared, r.NotCompared) ||
		!strings.Contains(strings.Join(c.NotCompared, "; "), "no further request is made") {
		f.t.Errorf("certificate: added %v, not compared %q; want %v and what is not", c.Added, c.NotCompared, want)
	}
}

// What a destination encrypts by itself is counted, by what it answers to each
// write.
func TestAddedEncryption(t *testing.T) {
	f := newFixtureOn(t, servers()["minio"](t))
	f.must(f.box.Client(us).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &f.bucket}))
	f.some()
	f.must(f.box.Client(eu).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(f.destination())}))
	f.encrypt(eu, f.destination(), types.ServerSideEncryptionAes256, "")
	p := f.plan("auto")
	f.to.Reset()
	r, err := f.run(p)
	if err != nil {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	f.added(p, r, map[string]int64{"encryption AES256": 2})
	if n := f.to.Counts()["HeadObject"]; n != 1 {
		t.Errorf("%d HeadObject at the destination, want one, of the object with metadata", n)
	}
	// Found there by another plan and state, it is named as well.
	f.must(f.box.Client(us).PutObject(t.Context(), &s3.PutObjectInput{Bucket: &f.bucket, Key: aws.String("plain"),
		Body: bytes.NewReader([]byte("a")), ContentType: aws.String("text/plain")}))
	f.home = newHome(t)
	p = f.plan("auto")
	if r, err = f.run(p); err != nil || r.Held != 1 {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	f.added(p, r, map[string]int64{"encryption AES256": 1})
}

// A default retention that the plan names is accepted on copies whose source has
// none, whether its bucket has object lock or not, and counted where it shows.
func TestServersAddedRetention(t *testing.T) {
	for kind, start := range servers() {
		for _, locked := range []bool{false, true} {
			t.Run(kind+map[bool]string{true: ", locked source", false: ""}[locked], func(t *testing.T) {
				f := newFixtureOn(t, start(t))
				f.must(f.box.Client(us).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &f.bucket,
					ObjectLockEnabledForBucket: aws.Bool(locked)}))
				f.versioning(us, f.bucket, types.BucketVersioningStatusEnabled)
				f.some()
				f.must(f.box.Client(eu).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(f.destination()),
					ObjectLockEnabledForBucket: aws.Bool(true)}))
				f.retain(types.ObjectLockRetentionModeGovernance, 1)
				p := f.plan("auto")
				r, err := f.run(p)
				if err != nil {
					t.Fatalf("%v\n%s", err, problems(r))
				}
				want := map[string]int64{}
				// versitygw keeps the setting and gives no copy a lock by it.
				if kept, err := f.box.Client(eu).GetObjectRetention(t.Context(),
					&s3.GetObjectRetentionInput{Bucket: aws.String(f.destination()), Key: aws.String("meta")}); err == nil &&
					kept.Retention != nil {
					want["retention GOVERNANCE"] = 1 // of the plain one nobody asks
				} else if kind != "versitygw" {
					t.Errorf("no retention at the destination: %v", err)
				}
				f.added(p, r, want)
			})
		}
	}
}

// A lock that neither the source nor the plan has makes a mismatch.
func TestServersLockNobodyPlanned(t *testing.T) {
	for kind, start := range servers() {
		t.Run(kind, func(t *testing.T) {
			f := newFixtureOn(t, start(t))
			f.must(f.box.Client(us).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &f.bucket}))
			f.versioning(us, f.bucket, types.BucketVersioningStatusEnabled)
			f.some()
			before := f.snapshot(us, f.bucket)
			f.must(f.box.Client(eu).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(f.destination()),
				ObjectLockEnabledForBucket: aws.Bool(true)}))
			p := f.plan("auto")
			f.to.SetFault(func(r storetest.Request) storetest.Fault {
				if r.Operation == "HeadObject" && r.Key == "meta" {
					f.must(f.box.Client(eu).PutObjectLegalHold(t.Context(),
						&s3.PutObjectLegalHoldInput{Bucket: aws.String(f.destination()), Key: aws.String("meta"),
							LegalHold: &types.ObjectLockLegalHold{Status: types.ObjectLockLegalHoldStatusOn}}))
				}
				return storetest.Fault{}
			})
			r, err := f.run(p)
			if !errors.Is(err, migrate.ErrVerification) || r.Verdicts["mismatch"] != 1 || !strings.Contains(problems(r),
				"retention and legal hold differ") {
				t.Errorf("run: %v, want one mismatch\n%s", err, problems(r))
			}
			f.intact(before)
		})
	}
}

// A copy under a KMS key that nobody planned is a mismatch: whoever has the key
// has the copy.
func TestEncryptionNobodyPlanned(t *testing.T) {
	f := newFixtureOn(t, servers()["minio"](t))
	f.must(f.box.Client(us).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &f.bucket}))
	f.some()
	before := f.snapshot(us, f.bucket)
	p := f.plan("auto")
	f.to.SetFault(func(r storetest.Request) storetest.Fault {
		if r.Operation == "PutObject" && r.Key == "plain" {
			f.encrypt(eu, f.destination(), types.ServerSideEncryptionAwsKms, storetest.MinIOKey)
		}
		return storetest.Fault{}
	})
	r, err := f.run(p)
	if !errors.Is(err, migrate.ErrVerification) || !strings.Contains(problems(r),
		"encrypted under aws:kms at the destination, which neither the source nor the plan asks for") {
		t.Errorf("run: %v, want a mismatch\n%s", err, problems(r))
	}
	f.intact(before)
}

// The default encryption of a bucket that the plan made is held against what the
// plan gave it, before anything is erased.
func TestCreatedBucketEncryption(t *testing.T) {
	for name, change := range map[string]struct {
		source, later func(f *fixture)
		want          string
	}{
		"given by others": {func(*fixture) {}, func(f *fixture) {
			f.encrypt(eu, f.destination(), types.ServerSideEncryptionAwsKms, storetest.MinIOKey)
		}, "is aws:kms under the key " + storetest.MinIOKey + "; the plan has none"},
		"taken by others": {func(f *fixture) { f.encrypt(us, f.bucket, types.ServerSideEncryptionAes256, "") },
			func(f *fixture) {
				f.must(f.box.Client(eu).DeleteBucketEncryption(t.Context(),
					&s3.DeleteBucketEncryptionInput{Bucket: aws.String(f.destination())}))
			}, "is none; the plan has AES256"},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixtureOn(t, servers()["minio"](t))
			f.must(f.box.Client(us).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &f.bucket}))
			change.source(f)
			f.some()
			before := f.snapshot(us, f.bucket)
			p := f.plan("auto")
			if r, err := f.runner().Run(t.Context(), p, migrate.Options{KeepSource: true}); err != nil {
				t.Fatalf("%v\n%s", err, problems(r))
			}
			change.later(f)
			if _, err := f.runner().Erase(t.Context(), p); !errors.Is(err, migrate.ErrChanged) || !strings.Contains(err.Error(),
				change.want) {
				t.Errorf("erase: %v, want %v: … %s", err, migrate.ErrChanged, change.want)
			}
			f.intact(before)
		})
	}
}

// The listing at the gate tells in which class each copy is, at no request more.
func TestAddedStorageClass(t *testing.T) {
	f := newFixture(t, true)
	f.some()
	p := f.plan("auto")
	f.to.SetFault(func(r storetest.Request) storetest.Fault {
		if r.Operation != "ListObjectVersions" {
			return storetest.Fault{}
		}
		return storetest.Fault{ReplaceResponseBody: func(b []byte) []byte {
			return bytes.ReplaceAll(b, []byte("STANDARD"),
				[]byte("GLACIER"))
		}}
	})
	r, err := f.run(p)
	if err != nil {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	f.added(p, r, map[string]int64{"storage class GLACIER": 2})
}

// Tags that others put on a copy, whose source has none, show in the one request
// that asks for its class.
func TestTagsNobodyPlanned(t *testing.T) {
	f := newFixtureOn(t, servers()["minio"](t))
	f.must(f.box.Client(us).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &f.bucket}))
	f.put("classed", []byte("a"), func(in *s3.PutObjectInput) { in.StorageClass = types.StorageClassReducedRedundancy })
	before := f.snapshot(us, f.bucket)
	p := f.plan("auto")
	f.to.SetFault(func(r storetest.Request) storetest.Fault {
		if r.Operation == "HeadObject" && r.Key == "classed" {
			f.must(f.box.Client(eu).PutObjectTagging(t.Context(), &s3.PutObjectTaggingInput{Bucket: aws.String(f.destination()),
				Key:     aws.String("classed"),
				Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("theirs"), Value: aws.String("1")}}}}))
		}
		return storetest.Fault{}
	})
	r, err := f.run(p)
	if !errors.Is(err, migrate.ErrVerification) || !strings.Contains(problems(r), "tags differ at the destination") {
		t.Errorf("run: %v, want a mismatch\n%s", err, problems(r))
	}
	f.intact(before)
}
