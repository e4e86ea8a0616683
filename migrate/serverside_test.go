package migrate_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
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

// versionedOnAmazon has a bucket with versioning.
func versionedOnAmazon(t *testing.T) *onAmazon {
	t.Helper()
	a := newOnAmazon(t, amazon.Options{})
	a.versioned()
	return a
}

func (a *onAmazon) put(key, body string, with func(*s3.PutObjectInput)) {
	a.t.Helper()
	in := &s3.PutObjectInput{Bucket: aws.String(amazonSource), Key: &key, Body: bytes.NewReader([]byte(body)), ContentType: aws.String("text/plain")}
	if with != nil {
		with(in)
	}
	a.must(a.from.PutObject(a.t.Context(), in))
}

// copies carries a plan out, without erasing, and returns how often what was asked for.
func (a *onAmazon) copies(p *migrate.Plan) map[string]int {
	a.t.Helper()
	a.server.Forget()
	if r, err := a.runner().Run(a.t.Context(), p, migrate.Options{KeepSource: true, Fresh: true}); err != nil {
		a.t.Fatalf("%v\n%s", err, problems(r))
	}
	return a.server.Counts()
}

func (a *onAmazon) head(key string) *s3.HeadObjectOutput {
	a.t.Helper()
	out, err := a.to.HeadObject(a.t.Context(), &s3.HeadObjectInput{Bucket: aws.String(amazonDestination), Key: &key, ChecksumMode: types.ChecksumModeEnabled})
	a.must(nil, err)
	return out
}

// A copy within Amazon carries no website redirect: it is sent along, where the
// bucket has a website, where one was seen, or where all is to be read back.
func TestAmazonRedirects(t *testing.T) {
	for name, tt := range map[string]struct {
		website bool
		key     string // of the object with a redirect
		verify  string
	}{
		"website":      {true, "plain/02x", "auto"},
		"in a sample":  {false, "a", "auto"},
		"all readback": {false, "plain/02x", "readback"},
	} {
		t.Run(name, func(t *testing.T) {
			a := versionedOnAmazon(t)
			for i := range 6 {
				a.put(fmt.Sprintf("plain/%02d", i), "text", nil)
			}
			a.put(tt.key, "moved", func(in *s3.PutObjectInput) {
				in.WebsiteRedirectLocation, in.Tagging, in.CacheControl = aws.String("/elsewhere"), aws.String("t="+url.QueryEscape("a b")), aws.String("no-store")
			})
			if tt.website {
				a.must(a.from.PutBucketWebsite(t.Context(), &s3.PutBucketWebsiteInput{Bucket: aws.String(amazonSource),
					WebsiteConfiguration: &types.WebsiteConfiguration{IndexDocument: &types.IndexDocument{Suffix: aws.String("index.html")}}}))
			}
			a.verify = tt.verify
			p := a.plan()
			if text := warned(p, "redirects-not-asked"); text != "" {
				t.Errorf("warning %q", text)
			}
			a.copies(p)
			if h := a.head(tt.key); aws.ToString(h.WebsiteRedirectLocation) != "/elsewhere" || aws.ToString(h.CacheControl) != "no-store" || aws.ToInt32(h.TagCount) != 1 {
				t.Errorf("copy %+v, want redirect, header and tag", h)
			}
		})
	}
}

// Copies within Amazon take one request for each object; what is not asked about is
// said. Of 20, the first is compared with its source.
func TestAmazonRequestsPerObject(t *testing.T) {
	a := versionedOnAmazon(t)
	const n = 20
	for i := range n {
		a.put(fmt.Sprintf("plain/%02d", i), "text", func(in *s3.PutObjectInput) { in.Tagging = aws.String("a=1") })
	}
	p := a.plan()
	if warned(p, "redirects-not-asked") == "" {
		t.Error("nothing is said of redirects")
	}
	counts := a.copies(p)
	if counts["CopyObject"] != n || counts["GetObject"] > 2 || counts["HeadObject"] != 2 || counts["GetObjectTagging"] != 4 {
		t.Errorf("requests %v, want %d CopyObject, and a fixed number of others", counts, n)
	}
}

// Copies under SSE-KMS are proven by the checksums that both ends keep: nothing is
// read back. The plan says how much might have been.
func TestAmazonKMS(t *testing.T) {
	a := versionedOnAmazon(t)
	a.kmsKey = "arn:aws:kms:" + eu + ":111122223333:key/theirs"
	for i := range 5 {
		a.put(fmt.Sprintf("kms/%d", i), "text", func(in *s3.PutObjectInput) {
			in.ServerSideEncryption, in.SSEKMSKeyId = types.ServerSideEncryptionAwsKms, aws.String("arn:aws:kms:"+us+":111122223333:key/ours")
			in.ChecksumAlgorithm = types.ChecksumAlgorithmCrc64nvme
		})
	}
	p := a.plan()
	if text := warned(p, "read-back"); text == "" {
		t.Error("nothing is said of reading back")
	}
	counts := a.copies(p)
	if counts["CopyObject"] != 5 || counts["GetObject"] > 2 {
		t.Errorf("requests %v, want no copy read back", counts)
	}
	if h := a.head("kms/3"); h.ServerSideEncryption != types.ServerSideEncryptionAwsKms || aws.ToString(h.ChecksumCRC64NVME) == "" {
		t.Errorf("copy %+v", h)
	}
}

// A service that does not vouch for its copies is tried with a probe. One that loses
// what an object has, as MinIO does with Expires, is sent all of it, and each copy is
// compared.
func TestCopiesThatLoseAttributes(t *testing.T) {
	for _, loses := range []bool{false, true} {
		box := storetest.StartMinIO(t, storetest.AnyRegion)
		box.Endpoints[us], box.Endpoints[eu] = box.Endpoints[storetest.AnyRegion], box.Endpoints[storetest.AnyRegion]
		f := newFixtureOn(t, box)
		f.to = f.from
		f.open()
		f.must(f.box.Client(us).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &f.bucket}))
		f.versioning(us, f.bucket, types.BucketVersioningStatusEnabled)
		f.fill(3, 100)
		f.put("all", []byte("with all"), func(in *s3.PutObjectInput) {
			in.Expires, in.Metadata, in.Tagging = aws.Time(time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC)), map[string]string{"a": "b"}, aws.String("k=v")
			in.CacheControl, in.ContentLanguage = aws.String("no-store"), aws.String("de")
		})
		before := f.snapshot(us, f.bucket)
		p := f.plan("auto")
		if p.Moves[0].Way != migrate.ServerSide {
			t.Fatalf("way %s", p.Moves[0].Way)
		}
		f.from.SetFault(func(r storetest.Request) storetest.Fault {
			if loses && r.Operation == "CopyObject" {
				return storetest.Fault{DelRequestHeader: []string{"Expires"}}
			}
			return storetest.Fault{}
		})
		r, err := f.run(p)
		if !loses {
			if err != nil {
				t.Fatalf("%v\n%s", err, problems(r))
			}
			if d := storetest.Diff(before, storetest.WithoutAdded(before, f.snapshot(eu, f.destination()))); d != "" {
				t.Errorf("the destination differs:\n%s", d)
			}
			continue
		}
		if !errors.Is(err, migrate.ErrVerification) || r.Verdicts["mismatch"] != 1 || !strings.HasPrefix(r.Problems[0].Reason, "Expires differ") {
			t.Errorf("run: %v, want the copy without its header to differ\n%s", err, problems(r))
		}
		f.intact(before)
	}
}

// Versioning that was just turned on is waited for: no copy is a null version.
func TestAmazonVersioningJustTurnedOn(t *testing.T) {
	a := versionedOnAmazon(t)
	for i := range 3 {
		a.put("k", fmt.Sprint(i), nil)
	}
	a.server.SetVersioningLag("", 4)
	r := a.runner()
	now := time.Now()
	r.Now = func() time.Time { return now }
	waited := 0
	r.LeaseTerm = time.Hour
	r.Sleep = func(_ context.Context, d time.Duration) error { now, waited = now.Add(d), waited+1; return nil }
	if result, err := r.Run(t.Context(), a.plan(), migrate.Options{KeepSource: true, Fresh: true}); err != nil {
		t.Fatalf("%v\n%s", err, problems(result))
	}
	out, err := a.to.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: aws.String(amazonDestination), Prefix: aws.String("k")})
	a.must(nil, err)
	if len(out.Versions) != 3 || waited == 0 {
		t.Errorf("%d versions after %d pauses, want 3 after some", len(out.Versions), waited)
	}
	for _, v := range out.Versions {
		if aws.ToString(v.VersionId) == "null" {
			t.Error("a copy is a null version")
		}
	}
}
