package migrate_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/inventory/remedy"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/plan"
)

// retain gives the destination a default retention, which needs object lock.
func (f *fixture) retain(mode types.ObjectLockRetentionMode, years int32) {
	f.t.Helper()
	f.must(f.box.Client(eu).PutObjectLockConfiguration(f.t.Context(),
		&s3.PutObjectLockConfigurationInput{Bucket: aws.String(f.destination()),
			ObjectLockConfiguration: &types.ObjectLockConfiguration{
				ObjectLockEnabled: types.ObjectLockEnabledEnabled,
				Rule: &types.ObjectLockRule{DefaultRetention: &types.DefaultRetention{Mode: mode,
					Years: &years}}}}))
}

func warned(p *plan.Plan, rule string) string {
	for _, w := range p.Warnings {
		if w.Rule == rule {
			return w.Text
		}
	}
	return ""
}

func blocked(p *plan.Plan, rule string) string {
	for _, b := range p.Blockers {
		if b.Rule == rule {
			return b.Text
		}
	}
	return ""
}

// A destination that locks whatever it is given says so in the plan; the
// approval is of that retention and no other, at the start and at the gate.
func TestDestinationRetention(t *testing.T) {
	for kind, start := range servers() {
		t.Run(kind, func(t *testing.T) {
			f := newFixtureOn(t, start(t))
			f.must(f.box.Client(us).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &f.bucket}))
			f.versioning(us, f.bucket, types.BucketVersioningStatusEnabled)
			f.put("a", []byte("a"), nil)
			before := f.snapshot(us, f.bucket)
			f.must(f.box.Client(eu).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(f.destination()),
				ObjectLockEnabledForBucket: aws.Bool(true)}))
			f.retain(types.ObjectLockRetentionModeGovernance, 10)
			p := f.plan("auto")
			if text := warned(p, "destination-locks"); len(p.Blockers) > 0 ||
				!strings.Contains(text, "every copy will be under GOVERNANCE retention for 10 years") {
				t.Fatalf("blockers %+v, warning %q; want the retention named", p.Blockers, text)
			}
			f.retain(types.ObjectLockRetentionModeGovernance, 11)
			if _, err := f.run(p); !errors.Is(err, migrate.ErrChanged) || !strings.Contains(err.Error(), "retention") {
				t.Fatalf("run under another retention: %v, want %v", err, migrate.ErrChanged)
			}
			if there := f.snapshot(eu, f.destination()); len(there) > 0 {
				t.Errorf("%d keys were copied", len(there))
			}
			f.retain(types.ObjectLockRetentionModeGovernance, 10)
			if r, err := f.runner().Run(t.Context(), p, migrate.Options{KeepSource: true}); err != nil {
				t.Fatalf("run: %v\n%s", err, problems(r))
			}
			f.retain(types.ObjectLockRetentionModeGovernance, 12)
			if _, err := f.runner().Erase(t.Context(), p); !errors.Is(err, migrate.ErrChanged) {
				t.Errorf("erase under another retention: %v, want %v", err, migrate.ErrChanged)
			}
			f.intact(before)
			f.retain(types.ObjectLockRetentionModeGovernance, 10)
			if r, err := f.runner().Erase(t.Context(), p); err != nil {
				t.Errorf("erase: %v\n%s", err, problems(r))
			}
		})
	}
}

// Default encryption is named and compared as well.
func TestDestinationEncryption(t *testing.T) {
	f := newFixtureOn(t, servers()["minio"](t))
	f.must(f.box.Client(us).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &f.bucket}))
	f.put("a", []byte("a"), nil)
	before := f.snapshot(us, f.bucket)
	bucket := aws.String(f.destination())
	f.must(f.box.Client(eu).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: bucket}))
	f.must(f.box.Client(eu).PutBucketEncryption(t.Context(), &s3.PutBucketEncryptionInput{Bucket: bucket,
		ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{
			{ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAes256}}}}}))
	p := f.plan("auto")
	if text := warned(p, "destination-encrypts"); !strings.Contains(text, "AES256") {
		t.Errorf("warning %q, want the encryption named", text)
	}
	f.must(f.box.Client(eu).DeleteBucketEncryption(t.Context(), &s3.DeleteBucketEncryptionInput{Bucket: bucket}))
	if _, err := f.run(p); !errors.Is(err, migrate.ErrChanged) {
		t.Errorf("run without the encryption: %v, want %v", err, migrate.ErrChanged)
	}
	f.intact(before)
}

// What would delete or copy on what the destination is given may come after the
// plan: each start looks again, and so does the gate.
func TestDestinationIsLookedAtAgain(t *testing.T) {
	f := newFixtureOn(t, servers()["minio"](t))
	f.must(f.box.Client(us).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &f.bucket}))
	f.put("a", []byte("a"), func(in *s3.PutObjectInput) { in.ChecksumAlgorithm = types.ChecksumAlgorithmSha256 })
	before := f.snapshot(us, f.bucket)
	p := f.plan("auto")
	if r, err := f.runner().Run(t.Context(), p, migrate.Options{KeepSource: true}); err != nil {
		t.Fatalf("run: %v\n%s", err, problems(r))
	}
	f.must(f.box.Client(eu).PutBucketLifecycleConfiguration(t.Context(),
		&s3.PutBucketLifecycleConfigurationInput{Bucket: aws.String(f.destination()),
			LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: []types.LifecycleRule{
				{ID: aws.String("soon"), Status: types.ExpirationStatusEnabled,
					Filter:     &types.LifecycleRuleFilter{Prefix: aws.String("")},
					Expiration: &types.LifecycleExpiration{Days: aws.Int32(1)}}}}}))
	for what, do := range map[string]func() error{
		"erase": func() error { _, err := f.runner().Erase(t.Context(), p); return err },
		"run":   func() error { _, err := f.run(p); return err },
	} {
		err := do()
		if !errors.Is(err, migrate.ErrChanged) || !strings.Contains(err.Error(), "soon") {
			t.Errorf("%s: %v, want %v and the rule's name", what, err, migrate.ErrChanged)
		}
		if said := remedy.For(err); !strings.HasPrefix(said, "undo that at the destination, and the same command goes on") {
			t.Errorf("%s: remedy %q", what, said)
		}
	}
	f.intact(before)
	f.must(f.box.Client(eu).DeleteBucketLifecycle(t.Context(), &s3.DeleteBucketLifecycleInput{
		Bucket: aws.String(f.destination())}))
	if r, err := f.runner().Erase(t.Context(), p); err != nil {
		t.Errorf("erase without the rule: %v\n%s", err, problems(r))
	}
	f.moved(before)
}

// A rule that removes delete markers without a version beneath removes what is moved, if
// that is nothing else.
func TestMarkersExpire(t *testing.T) {
	f := newFixtureOn(t, servers()["minio"](t))
	f.must(f.box.Client(us).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &f.bucket}))
	f.versioning(us, f.bucket, types.BucketVersioningStatusEnabled)
	f.must(f.box.Client(eu).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(f.destination())}))
	f.versioning(eu, f.destination(), types.BucketVersioningStatusEnabled)
	f.must(f.box.Client(eu).PutBucketLifecycleConfiguration(t.Context(),
		&s3.PutBucketLifecycleConfigurationInput{Bucket: aws.String(f.destination()),
			LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: []types.LifecycleRule{
				{ID: aws.String("tidy"), Status: types.ExpirationStatusEnabled,
					Filter:     &types.LifecycleRuleFilter{Prefix: aws.String("")},
					Expiration: &types.LifecycleExpiration{ExpiredObjectDeleteMarker: aws.Bool(true)}}}}}))
	marker := func(key string) {
		f.must(f.box.Client(us).DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &f.bucket, Key: &key}))
	}
	f.put("deleted", []byte("a"), nil)
	marker("deleted")
	p := f.plan("auto")
	if blocked(p, "destination-expires") != "" ||
		!strings.Contains(warned(p, "destination-expires"), "tidy; none of these") {
		t.Errorf("blockers %v, warnings %v; want a warning that names the rule", p.Blockers, p.Warnings)
	}
	written, err := f.box.Client(us).PutObject(t.Context(), &s3.PutObjectInput{Bucket: &f.bucket,
		Key: aws.String("alone")})
	f.must(nil, err)
	marker("alone")
	f.must(f.box.Client(us).DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &f.bucket, Key: aws.String("alone"),
		VersionId: written.VersionId}))
	p = f.plan("auto")
	if text := blocked(p, "destination-expires"); !strings.Contains(text, "tidy; 1 histories") {
		t.Errorf("blockers %v, want one that names the rule", p.Blockers)
	}
}

// A bucket whose creation was asked for and not answered is the plan's own if
// nobody has touched it, and somebody else's if anybody has.
func TestCreationUnanswered(t *testing.T) {
	touched := map[string]func(f *fixture, c *s3.Client, bucket *string) error{
		"": func(*fixture, *s3.Client, *string) error { return nil },
		"tags": func(f *fixture, c *s3.Client, bucket *string) error {
			_, err := c.PutBucketTagging(f.t.Context(), &s3.PutBucketTaggingInput{Bucket: bucket,
				Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("owner"), Value: aws.String("audit")}}}})
			return err
		},
		"versioning": func(f *fixture, _ *s3.Client, bucket *string) error {
			f.versioning(eu, *bucket, types.BucketVersioningStatusSuspended)
			return nil
		},
		"policy": func(f *fixture, c *s3.Client, bucket *string) error {
			_, err := c.PutBucketPolicy(f.t.Context(), &s3.PutBucketPolicyInput{Bucket: bucket,
				Policy: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":{"AWS":["*"]},"Action":["s3:GetObject"],"Resource":["arn:aws:s3:::` + *bucket + `/*"]}]}`)})
			return err
		},
		"not empty": func(f *fixture, c *s3.Client, bucket *string) error {
			_, err := c.PutObject(f.t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: aws.String("theirs"),
				Body: strings.NewReader("x")})
			return err
		},
	}
	for trace, touch := range touched {
		t.Run("touched "+trace, func(t *testing.T) {
			f := newFixture(t, true)
			f.put("a", []byte("a"), nil)
			before := f.snapshot(us, f.bucket)
			p := f.plan("auto")
			f.to.SetFault(func(r storetest.Request) storetest.Fault {
				lost := r.Operation == "CreateBucket"
				return storetest.Fault{LostResponse: lost && r.N == 1, Reset: lost && r.N > 1}
			})
			if _, err := f.run(p); !objectstore.Outage(err) {
				t.Fatalf("run: %v, want no answer", err)
			}
			f.to.SetFault(nil)
			bucket := f.destination()
			f.must(nil, touch(f, f.box.Client(eu), &bucket))
			r, err := f.run(p)
			if trace == "" {
				if err != nil {
					t.Fatalf("run: %v\n%s", err, problems(r))
				}
				f.moved(before)
				return
			}
			if !errors.Is(err, migrate.ErrChanged) || !strings.Contains(err.Error(), trace) {
				t.Errorf("run: %v, want %v for its %s", err, migrate.ErrChanged, trace)
			}
			f.intact(before)
			// The plan that is made then is of a bucket that others made.
			if again := f.plan("auto"); again.ID == p.ID || !again.Moves[0].Exists {
				t.Errorf("plan %s, want another than that one, of a bucket that is there", again.ID)
			}
		})
	}
}

// A plan made once more while it is under way is the same plan: the bucket is
// its own.
func TestPlannedAgainWhileUnderWay(t *testing.T) {
	f := newFixture(t, true)
	f.put("a", []byte("a"), nil)
	p := f.plan("auto")
	if _, err := f.runner().Run(t.Context(), p, migrate.Options{KeepSource: true}); err != nil {
		t.Fatal(err)
	}
	if again := f.plan("auto"); again.Digest != p.Digest {
		t.Errorf("digest %s, want %s again", again.Digest, p.Digest)
	}
	f.put("b", []byte("b"), nil)
	if other := f.plan("auto"); other.Digest == p.Digest || !other.Moves[0].Exists {
		t.Errorf("the plan of another source takes the bucket for its own")
	}
}

// readOperations are those by which a bucket's settings are read, each with the
// setting's name.
func readOperations() map[string]string {
	return map[string]string{
		"GetBucketEncryption": "encryption", "GetBucketOwnershipControls": "ownership controls",
		"GetPublicAccessBlock":       "public access block",
		"GetObjectLockConfiguration": "object lock", "GetBucketCors": "CORS", "GetBucketWebsite": "website",
		"GetBucketRequestPayment": "request payment", "GetBucketPolicy": "policy",
		"GetBucketLifecycleConfiguration": "lifecycle",
		"GetBucketReplication":            "replication", "GetBucketLogging": "logging",
		"GetBucketNotificationConfiguration": "notifications",
		"GetBucketTagging":                   "tags",
	}
}

func denies(operation string) func(storetest.Request) storetest.Fault {
	return func(r storetest.Request) storetest.Fault {
		if r.Operation == operation {
			return storetest.Fault{Status: http.StatusForbidden}
		}
		return storetest.Fault{}
	}
}

// A setting that may not be read is not taken for one that is not there.
func TestDestinationNotRead(t *testing.T) {
	all := readOperations()
	all["GetBucketVersioning"] = "versioning"
	for operation, name := range all {
		t.Run(operation, func(t *testing.T) {
			f := newFixture(t, true)
			f.tag = "customer"
			f.put("a", []byte("a"), nil)
			f.must(f.box.Client(eu).CreateBucket(t.Context(),
				&s3.CreateBucketInput{Bucket: aws.String(f.destination())}))
			f.versioning(eu, f.destination(), types.BucketVersioningStatusEnabled)
			f.to.SetFault(denies(operation))
			p := f.plan("auto")
			if text := blocked(p, "destination-not-read"); len(p.Blockers) != 1 ||
				!strings.Contains(text, "its "+name) ||
				!strings.Contains(text, "access denied") {
				t.Errorf("blockers %+v, want one of its %s", p.Blockers, name)
			}
		})
	}
}

// Nor is one of the source: it blocks, unless what cannot be read may be left behind.
func TestSourceNotRead(t *testing.T) {
	for operation, name := range readOperations() {
		t.Run(operation, func(t *testing.T) {
			f := newFixture(t, true)
			f.put("a", []byte("a"), nil)
			f.from.SetFault(denies(operation))
			p := f.plan("auto")
			if text := blocked(p, "setting-not-read"); len(p.Blockers) != 1 || !strings.Contains(text, "its "+name) {
				t.Fatalf("blockers %+v, want one of its %s", p.Blockers, name)
			}
			f.without = true
			p = f.plan("auto")
			if name == "object lock" { // whether versions are locked hangs on it
				if blocked(p, "setting-not-read") == "" {
					t.Errorf("blockers %+v, want one of its %s", p.Blockers, name)
				}
				return
			}
			if text := warned(p, "setting-not-read"); len(p.Blockers) > 0 || !p.WithoutSettings ||
				!strings.Contains(text, "its "+name) {
				t.Errorf("blockers %+v, warning %q, want it said that its %s is left behind", p.Blockers, text, name)
			}
		})
	}
}

// What others have made of a bucket that the plan made is not written over, and not
// passed over, where it may not be read.
func TestOwnBucketNotRead(t *testing.T) {
	f := newFixture(t, true)
	f.put("a", []byte("a"), nil)
	before := f.snapshot(us, f.bucket)
	policy := func(bucket, action string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["*"]},"Action":["` + action +
			`"],"Resource":["arn:aws:s3:::` + bucket + `/*"]}]}`
	}
	f.must(f.box.Client(us).PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &f.bucket,
		Policy: aws.String(policy(f.bucket, "s3:GetObject"))}))
	p := f.plan("auto")
	f.to.SetFault(func(r storetest.Request) storetest.Fault {
		return storetest.Fault{Reset: r.Operation == "PutObject" && r.Key == "a"} // no copy is proven
	})
	if _, err := f.run(p); err == nil {
		t.Fatal("run: no error")
	}
	theirs := policy(f.destination(), "s3:GetObjectVersion")
	f.must(f.box.Client(eu).PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: aws.String(f.destination()),
		Policy: &theirs}))
	for _, operation := range []string{"GetBucketPolicy", "GetBucketReplication", "GetBucketLifecycleConfiguration"} {
		f.to.SetFault(denies(operation))
		if _, err := f.run(p); !errors.Is(err, migrate.ErrChanged) ||
			!strings.Contains(err.Error(), "could not be read") {
			t.Errorf("%s denied: %v, want %v", operation, err, migrate.ErrChanged)
		}
	}
	now, err := f.box.Client(eu).GetBucketPolicy(t.Context(),
		&s3.GetBucketPolicyInput{Bucket: aws.String(f.destination())})
	if err != nil || *now.Policy != theirs {
		t.Errorf("policy %v, %v; want theirs", now, err)
	}
	f.intact(before)
}

// Requests that are refused at the start leave no trace at either end.
func TestAnotherEndpoint(t *testing.T) {
	f := newFixture(t, true)
	f.put("a", []byte("a"), nil)
	before := f.snapshot(us, f.bucket)
	p := f.plan("auto")
	if p.Destination.Endpoint != f.to.URL() || p.Moves[0].Source.Endpoint != f.from.URL() {
		t.Errorf("endpoints %q, %q; want %q, %q", p.Moves[0].Source.Endpoint, p.Destination.Endpoint, f.from.URL(),
			f.to.URL())
	}
	f.to = f.box.Proxy(t, eu)
	f.open()
	for what, do := range map[string]func(context.Context) error{
		"run":    func(ctx context.Context) error { _, err := f.runner().Run(ctx, p, migrate.Options{}); return err },
		"abort":  func(ctx context.Context) error { _, err := f.runner().Abort(ctx, p); return err },
		"verify": func(ctx context.Context) error { _, err := f.runner().Verify(ctx, p, false); return err },
	} {
		if err := do(t.Context()); !errors.Is(err, migrate.ErrChanged) {
			t.Errorf("%s: %v, want %v", what, err, migrate.ErrChanged)
		}
	}
	if n := len(f.to.Counts()); n > 0 {
		t.Errorf("the other endpoint got %v", f.to.Counts())
	}
	f.intact(before)
}

// What changes while objects are copied is found by the gate.
func TestDestinationChangesMeanwhile(t *testing.T) {
	f := newFixture(t, true)
	f.put("a", []byte("a"), nil)
	before := f.snapshot(us, f.bucket)
	f.must(f.box.Client(eu).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(f.destination()),
		ObjectLockEnabledForBucket: aws.Bool(true)}))
	p := f.plan("auto")
	f.to.SetFault(func(r storetest.Request) storetest.Fault {
		if r.Operation == "PutObject" && r.Key == "a" {
			f.retain(types.ObjectLockRetentionModeGovernance, 1)
		}
		return storetest.Fault{}
	})
	if r, err := f.run(p); !errors.Is(err, migrate.ErrChanged) {
		t.Errorf("run: %v, want %v\n%s", err, migrate.ErrChanged, problems(r))
	}
	f.intact(before)
}

// A bucket that is made in the middle of a start is not taken for the plan's
// own, even if the service calls it ours.
func TestSomebodyIsFaster(t *testing.T) {
	f := newFixture(t, true)
	f.put("a", []byte("a"), nil)
	before := f.snapshot(us, f.bucket)
	p := f.plan("auto")
	bucket := aws.String(f.destination())
	f.to.SetFault(func(r storetest.Request) storetest.Fault {
		if r.Operation == "CreateBucket" && r.N == 1 {
			c := f.box.Client(eu)
			f.must(c.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: bucket}))
			f.must(c.PutBucketTagging(t.Context(), &s3.PutBucketTaggingInput{Bucket: bucket,
				Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("owner"), Value: aws.String("audit")}}}}))
		}
		return storetest.Fault{}
	})
	for range 2 {
		if _, err := f.run(p); err == nil {
			t.Error("run: no error")
		} else if !errors.Is(err, migrate.ErrChanged) {
			t.Errorf("run: %v, want %v", err, migrate.ErrChanged)
		}
	}
	tags, err := f.provider.Region(eu).BucketTags(t.Context(), *bucket)
	versioning, verr := f.provider.Region(eu).Versioning(t.Context(), *bucket)
	if err != nil || verr != nil || len(tags) != 1 || tags[0].Key != "owner" || versioning != objectstore.Unversioned {
		t.Errorf("tags %v, versioning %s, %v, %v; want theirs", tags, versioning, err, verr)
	}
	f.intact(before)
}
