package migrate_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/plan"
)

// configure sets everything about the source bucket that some server offers,
// and returns which settings took. Default retention is for servers that do not
// apply it to what was there before.
func (f *fixture) configure(retention bool) map[objectstore.Setting]bool {
	f.t.Helper()
	c, b, ctx := f.box.Client(us), &f.bucket, f.t.Context()
	policy := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["*"]},"Action":["s3:GetObject"],"Resource":["arn:aws:s3:::%s/public/*"]}]}`, f.bucket)
	took := map[objectstore.Setting]bool{}
	for name, put := range map[objectstore.Setting]func() error{
		objectstore.Policy: func() error {
			_, err := c.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: b, Policy: &policy})
			return err
		},
		objectstore.CORS: func() error {
			_, err := c.PutBucketCors(ctx, &s3.PutBucketCorsInput{Bucket: b,
				CORSConfiguration: &types.CORSConfiguration{CORSRules: []types.CORSRule{
					{AllowedMethods: []string{"GET", "PUT"}, AllowedOrigins: []string{"https://app.example.com"},
						AllowedHeaders: []string{"*"}, ExposeHeaders: []string{"ETag"},
						MaxAgeSeconds: aws.Int32(300)}}}})
			return err
		},
		objectstore.Lifecycle: func() error {
			_, err := c.PutBucketLifecycleConfiguration(ctx, &s3.PutBucketLifecycleConfigurationInput{Bucket: b,
				LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: []types.LifecycleRule{
					{ID: aws.String("old logs"), Status: types.ExpirationStatusEnabled,
						Filter:     &types.LifecycleRuleFilter{Prefix: aws.String("logs/")},
						Expiration: &types.LifecycleExpiration{Days: aws.Int32(3650)}}}}})
			return err
		},
		objectstore.Encryption: func() error {
			_, err := c.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{Bucket: b,
				ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{
					{ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAes256}}}}})
			return err
		},
		objectstore.Ownership: func() error {
			_, err := c.PutBucketOwnershipControls(ctx, &s3.PutBucketOwnershipControlsInput{Bucket: b,
				OwnershipControls: &types.OwnershipControls{Rules: []types.OwnershipControlsRule{{ObjectOwnership: types.ObjectOwnershipBucketOwnerPreferred}}}})
			return err
		},
		objectstore.PublicAccess: func() error {
			_, err := c.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{Bucket: b,
				PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{BlockPublicAcls: aws.Bool(true),
					IgnorePublicAcls: aws.Bool(true)}})
			return err
		},
		objectstore.Website: func() error {
			_, err := c.PutBucketWebsite(ctx, &s3.PutBucketWebsiteInput{Bucket: b,
				WebsiteConfiguration: &types.WebsiteConfiguration{IndexDocument: &types.IndexDocument{Suffix: aws.String(
					"index.html")}}})
			return err
		},
		objectstore.ObjectLock: func() error {
			lock := &types.ObjectLockConfiguration{ObjectLockEnabled: types.ObjectLockEnabledEnabled}
			if retention {
				lock.Rule = &types.ObjectLockRule{DefaultRetention: &types.DefaultRetention{Mode: types.ObjectLockRetentionModeGovernance, Days: aws.Int32(1)}}
			}
			_, err := c.PutObjectLockConfiguration(ctx, &s3.PutObjectLockConfigurationInput{Bucket: b,
				ObjectLockConfiguration: lock})
			return err
		},
	} {
		err := put()
		if took[name] = err == nil; err != nil {
			f.t.Logf("%s: not offered here: %v", name, err)
		}
	}
	return took
}

// What a bucket is set to goes with it, and says so where it cannot.
func TestSettings(t *testing.T) {
	want := map[string]string{
		"versitygw": "CORS, object lock, ownership controls, policy, website",
		"minio":     "encryption, lifecycle, object lock, policy",
	}
	for kind, start := range servers() {
		t.Run(kind, func(t *testing.T) {
			f := newFixtureOn(t, start(t))
			f.must(f.box.Client(us).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &f.bucket,
				ObjectLockEnabledForBucket: aws.Bool(true)}))
			f.put("public/page", []byte("hello"), nil)
			before := f.snapshot(us, f.bucket)
			took := f.configure(kind == "minio")
			var offered []string
			for _, s := range objectstore.Settings() {
				if took[s] {
					offered = append(offered, string(s))
				}
			}
			if got := sorted(offered); got != want[kind] {
				t.Errorf("%s offers %s\nknown: %s", kind, got, want[kind])
			}
			p := f.plan("auto")
			if r, err := f.run(p); err != nil {
				t.Fatalf("%v\n%s", err, problems(r))
			}
			if d := storetest.Diff(allowed(before, f.snapshot(eu, f.destination()))); d != "" {
				t.Errorf("the destination differs from what the source held:\n%s", d)
			}
			store := f.provider.Region(eu)
			for _, s := range objectstore.Settings() {
				if !took[s] {
					continue
				}
				value, err := store.Setting(t.Context(), f.destination(), s)
				if err != nil || value == nil {
					t.Errorf("%s at the destination: %s, %v", s, value, err)
				}
				if s == objectstore.Policy && !strings.Contains(string(value),
					"arn:aws:s3:::"+f.destination()+"/public/*") {
					t.Errorf("the policy still names the source: %s", value)
				}
			}
			// The certificate has read each back.
			text, err := f.home.Get(t.Context(), p.ID+"/certificate.json")
			if err != nil {
				t.Fatal(err)
			}
			var c certificate.Certificate
			if err := json.Unmarshal(text, &c); err != nil {
				t.Fatal(err)
			}
			for _, x := range c.Parity {
				if x.Found != "" && x.Found != "equal" {
					t.Errorf("certificate: %+v", x)
				}
			}
		})
	}
}

// Rules at either end that would delete or copy away what is moved are
// blockers.
func TestSettingsThatBlock(t *testing.T) {
	start := servers()["minio"]
	expiring := func(f *fixture, region, bucket string, rule types.LifecycleExpiration) {
		f.must(f.box.Client(region).PutBucketLifecycleConfiguration(t.Context(),
			&s3.PutBucketLifecycleConfigurationInput{Bucket: &bucket,
				LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: []types.LifecycleRule{
					{ID: aws.String("r"), Status: types.ExpirationStatusEnabled,
						Filter: &types.LifecycleRuleFilter{Prefix: aws.String("")}, Expiration: &rule}}}}))
	}
	for want, prepare := range map[string]func(f *fixture){
		"destination-expires": func(f *fixture) {
			f.must(f.box.Client(eu).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(f.destination()),
				ObjectLockEnabledForBucket: aws.Bool(true)}))
			expiring(f, eu, f.destination(), types.LifecycleExpiration{Days: aws.Int32(1)})
		},
		"destination-lock": func(f *fixture) {
			f.must(f.box.Client(eu).CreateBucket(t.Context(),
				&s3.CreateBucketInput{Bucket: aws.String(f.destination())}))
			f.must(f.box.Client(eu).PutBucketVersioning(t.Context(),
				&s3.PutBucketVersioningInput{Bucket: aws.String(f.destination()),
					VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}}))
		},
		"kms-key": func(f *fixture) {
			f.must(f.box.Client(us).PutBucketEncryption(t.Context(), &s3.PutBucketEncryptionInput{Bucket: &f.bucket,
				ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{
					{ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAwsKms, KMSMasterKeyID: aws.String("sandbox-key")}}}}}))
		},
	} {
		t.Run(want, func(t *testing.T) {
			f := newFixtureOn(t, start(t))
			f.must(f.box.Client(us).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &f.bucket,
				ObjectLockEnabledForBucket: aws.Bool(true)}))
			f.put("a", []byte("a"), nil)
			prepare(f)
			p := f.plan("auto")
			if len(p.Blockers) != 1 || p.Blockers[0].Rule != want {
				t.Errorf("blockers %+v, want one %s", p.Blockers, want)
			}
		})
	}
}

func sorted(names []string) string {
	text := ""
	for _, n := range []string{"CORS", "encryption", "lifecycle", "object lock", "ownership controls", "policy",
		"public access block", "request payment", "website"} {
		for _, m := range names {
			if n == m {
				text += ", " + n
			}
		}
	}
	return strings.TrimPrefix(text, ", ")
}

// Versioning that others suspend before the source is erased is named in the certificate.
func TestVersioningInTheEnd(t *testing.T) {
	f := newFixture(t, true)
	f.put("a", []byte("a"), nil)
	p := f.plan("auto")
	if r, err := f.runner().Run(t.Context(), p, migrate.Options{KeepSource: true}); err != nil {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	f.versioning(eu, f.destination(), types.BucketVersioningStatusSuspended)
	r, err := f.runner().Erase(t.Context(), p)
	if err != nil {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	data, err := f.home.Get(t.Context(), p.ID+"/certificate.json")
	f.must(nil, err)
	var c certificate.Certificate
	f.must(nil, certificate.Decode(data, &c))
	i := slices.IndexFunc(c.Parity, func(x certificate.Parity) bool { return x.Setting == plan.VersioningRow })
	if i < 0 || c.Parity[i].Found != "different: suspended" {
		t.Errorf("the certificate says %+v", c.Parity)
	}
}
