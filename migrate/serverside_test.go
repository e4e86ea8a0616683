package migrate_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
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
	"github.com/residency/residency/migrate/copier"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/plan"
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
	in := &s3.PutObjectInput{Bucket: aws.String(amazonSource), Key: &key, Body: bytes.NewReader([]byte(body)),
		ContentType: aws.String("text/plain")}
	if with != nil {
		with(in)
	}
	a.must(a.from.PutObject(a.t.Context(), in))
}

// copies carries a plan out, without erasing, and returns how often what was asked for.
func (a *onAmazon) copies(p *plan.Plan) map[string]int {
	a.t.Helper()
	a.server.Forget()
	runner := a.runner()
	runner.After = never // no look at tags each second
	if r, err := runner.Run(a.t.Context(), p, migrate.Options{KeepSource: true, Fresh: true}); err != nil {
		a.t.Fatalf("%v\n%s", err, problems(r))
	}
	return a.server.Counts()
}

func (a *onAmazon) head(key string) *s3.HeadObjectOutput {
	a.t.Helper()
	out, err := a.to.HeadObject(a.t.Context(), &s3.HeadObjectInput{Bucket: aws.String(amazonDestination), Key: &key,
		ChecksumMode: types.ChecksumModeEnabled})
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
		ask     bool
	}{
		"website":      {true, "plain/02x", "auto", false},
		"in a sample":  {false, "a", "auto", false},
		"all readback": {false, "plain/02x", "readback", false},
		"all asked":    {false, "plain/02x", "auto", true},
		"streamed":     {false, "plain/02x", "streamed", false},
	} {
		t.Run(name, func(t *testing.T) {
			a := versionedOnAmazon(t)
			for i := range 6 {
				a.put(fmt.Sprintf("plain/%02d", i), "text", nil)
			}
			a.put(tt.key, "moved", func(in *s3.PutObjectInput) {
				in.WebsiteRedirectLocation, in.Tagging, in.CacheControl = aws.String("/elsewhere"),
					aws.String("t="+url.QueryEscape("a b")), aws.String("no-store")
			})
			if tt.website {
				a.must(a.from.PutBucketWebsite(t.Context(), &s3.PutBucketWebsiteInput{Bucket: aws.String(amazonSource),
					WebsiteConfiguration: &types.WebsiteConfiguration{IndexDocument: &types.IndexDocument{Suffix: aws.String(
						"index.html")}}}))
			}
			if a.verify, a.ask = tt.verify, tt.ask; tt.verify == "streamed" {
				a.verify = "auto"
				a.streamed()
			}
			p := a.plan()
			if text := warned(p, "redirects-not-asked"); text != "" {
				t.Errorf("warning %q", text)
			}
			counts := a.copies(p)
			if n := counts["HeadObject"]; tt.ask && n > 14 {
				t.Errorf("%d HeadObject for 7 objects, want one for each and a fixed number", n)
			}
			if h := a.head(tt.key); aws.ToString(h.WebsiteRedirectLocation) != "/elsewhere" ||
				aws.ToString(h.CacheControl) != "no-store" || aws.ToInt32(h.TagCount) != 1 {
				t.Errorf("copy %+v, want redirect, header and tag", h)
			}
		})
	}
}

// A redirect that planning has not seen, and that the run comes upon among the few that
// it looks at, ends it: others may have been passed over. The plan that asks about each
// carries them.
func TestAmazonRedirectThatTheRunFinds(t *testing.T) {
	a := versionedOnAmazon(t)
	redirects := func(in *s3.PutObjectInput) { in.WebsiteRedirectLocation = aws.String("/elsewhere") }
	a.put("a", "one", nil)
	a.put("a", "two", nil)
	a.put("a", "three", redirects) // in no sample of planning's, and of the key that is compared
	for i := range 5 {
		a.put(fmt.Sprintf("b/%d", i), "text", nil)
	}
	a.put("c", "passed over", redirects)
	p := a.plan()
	if i := slices.IndexFunc(p.Warnings, func(w plan.Issue) bool { return w.Rule == "redirects-not-asked" }); i < 0 ||
		p.Warnings[i].Count != 9 {
		t.Errorf("warnings %+v", p.Warnings)
	}
	for range 2 {
		if _, err := a.run(p); !errors.Is(err, migrate.ErrRedirects) ||
			!strings.Contains(err.Error(), "--ask-redirects") {
			t.Fatalf("run: %v, want %v", err, migrate.ErrRedirects)
		}
	}
	if out, err := a.from.ListObjectVersions(t.Context(),
		&s3.ListObjectVersionsInput{Bucket: aws.String(amazonSource)}); err != nil || len(out.Versions) != 9 {
		t.Fatalf("the source has %d versions, %v; want 9", len(out.Versions), err)
	}
	if _, err := a.runner().Abort(t.Context(), p); err != nil && !errors.Is(err, migrate.ErrStays) {
		t.Fatal(err) // what lies beneath a copy that no receipt knows may stay
	}
	a.ask = true
	p = a.plan()
	r, err := a.run(p)
	if err != nil {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	for _, key := range []string{"a", "c"} {
		if h := a.head(key); aws.ToString(h.WebsiteRedirectLocation) != "/elsewhere" {
			t.Errorf("%s: copy %+v, want its redirect", key, h)
		}
	}
	if said := strings.Join(r.NotCompared, "; "); strings.Contains(said, "redirect") {
		t.Errorf("the certificate says %q", said)
	}
}

// Copies within Amazon take one request for each object; what is not asked about is
// said. The first is compared with its source, and whichever the names choose.
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
	out, err := a.from.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: aws.String(amazonSource)})
	a.must(nil, err)
	compared := 1
	for _, v := range out.Versions[1:] {
		if copier.Sampled(manifest.Entry{Key: manifest.Key(*v.Key), VersionID: *v.VersionId}) {
			compared++
		}
	}
	counts := a.copies(p)
	if counts["CopyObject"] != n || counts["GetObject"] > 2 || counts["HeadObject"] != 2*compared ||
		counts["GetObjectTagging"] != 2+3*compared {
		t.Errorf("requests %v, want %d CopyObject, and a fixed number of others, of %d compared", counts, n, compared)
	}
}

// Copies under SSE-KMS are proven by the checksums that both ends keep: nothing is
// read back. The plan says how much might have been.
func TestAmazonKMS(t *testing.T) {
	a := versionedOnAmazon(t)
	a.kmsKey = "arn:aws:kms:" + eu + ":111122223333:key/theirs"
	for i := range 5 {
		a.put(fmt.Sprintf("kms/%d", i), "text", func(in *s3.PutObjectInput) {
			in.ServerSideEncryption, in.SSEKMSKeyId = types.ServerSideEncryptionAwsKms,
				aws.String("arn:aws:kms:"+us+":111122223333:key/ours")
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
	if h := a.head("kms/3"); h.ServerSideEncryption != types.ServerSideEncryptionAwsKms ||
		aws.ToString(h.ChecksumCRC64NVME) == "" {
		t.Errorf("copy %+v", h)
	}
}

// So they may be where the destination's bucket, which others made, encrypts under KMS
// by itself.
func TestAmazonKMSByDefault(t *testing.T) {
	a := versionedOnAmazon(t)
	a.put("plain", "text", nil)
	a.must(a.to.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(amazonDestination),
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: eu}}))
	a.must(a.to.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: aws.String(amazonDestination),
		ChecksumAlgorithm:       types.ChecksumAlgorithmCrc32,
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}}))
	a.must(a.to.PutBucketEncryption(t.Context(), &s3.PutBucketEncryptionInput{Bucket: aws.String(amazonDestination),
		ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
		ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{{
			ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAwsKms},
			BlockedEncryptionTypes:             &types.BlockedEncryptionTypes{EncryptionType: []types.EncryptionType{types.EncryptionTypeSseC}},
		}}}}))
	p := a.plan()
	if text := warned(p, "read-back"); !strings.Contains(text, "at most 4 bytes") {
		t.Errorf("of reading back is said: %q", text)
	}
	if again := a.plan(); again.Digest != p.Digest {
		t.Error("the digest changed")
	}
	a.copies(p)
}

// Parts that the service copies keep the checksum of their source, composite or of the
// whole, as they keep its ETag; which costs no request more.
func TestAmazonChecksumsOfParts(t *testing.T) {
	a := versionedOnAmazon(t)
	kinds := []struct {
		key       string
		algorithm types.ChecksumAlgorithm
		kind      types.ChecksumType
	}{
		{"sha256", types.ChecksumAlgorithmSha256, types.ChecksumTypeComposite},
		{"crc32", types.ChecksumAlgorithmCrc32, types.ChecksumTypeComposite},
		{"crc32c whole", types.ChecksumAlgorithmCrc32c, types.ChecksumTypeFullObject},
		{"crc64nvme", types.ChecksumAlgorithmCrc64nvme, types.ChecksumTypeFullObject},
		{"none asked for", "", ""},
	}
	for _, k := range kinds {
		a.parts(k.key, k.algorithm, k.kind, 5<<20, 5<<20, 3)
	}
	sums := func(c *s3.Client, bucket, key string) string {
		h, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: &bucket, Key: &key,
			ChecksumMode: types.ChecksumModeEnabled})
		a.must(nil, err)
		return fmt.Sprint(h.ChecksumType, " ", aws.ToString(h.ChecksumSHA256), aws.ToString(h.ChecksumCRC32),
			aws.ToString(h.ChecksumCRC32C), aws.ToString(h.ChecksumCRC64NVME), " ", aws.ToString(h.ETag))
	}
	counts := a.copies(a.plan())
	for _, k := range kinds {
		if from, to := sums(a.from, amazonSource, k.key), sums(a.to, amazonDestination, k.key); from != to {
			t.Errorf("%s: %s at the source, %s at the destination", k.key, from, to)
		}
	}
	if counts["UploadPartCopy"] != 15 || counts["GetObject"] > 2 || counts["GetObjectAttributes"] != 5 {
		t.Errorf("requests %v, want 15 parts copied, 5 questions about parts and no copy read back", counts)
	}
}

// parts makes an object of parts of these sizes at the source.
func (a *onAmazon) parts(key string, algorithm types.ChecksumAlgorithm, kind types.ChecksumType, sizes ...int) {
	a.t.Helper()
	ctx := a.t.Context()
	up, err := a.from.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: aws.String(amazonSource),
		Key: &key, ChecksumAlgorithm: algorithm, ChecksumType: kind})
	a.must(nil, err)
	var parts []types.CompletedPart
	for i, size := range sizes {
		out, err := a.from.UploadPart(ctx, &s3.UploadPartInput{Bucket: aws.String(amazonSource), Key: &key,
			UploadId:   up.UploadId,
			PartNumber: aws.Int32(int32(i + 1)), Body: bytes.NewReader(bytes.Repeat([]byte{byte('a' + i)}, size)),
			ChecksumAlgorithm: algorithm})
		a.must(nil, err)
		p := types.CompletedPart{PartNumber: aws.Int32(int32(i + 1)), ETag: out.ETag}
		if algorithm != "" {
			p.ChecksumSHA256, p.ChecksumCRC32, p.ChecksumCRC32C, p.ChecksumCRC64NVME = out.ChecksumSHA256,
				out.ChecksumCRC32,
				out.ChecksumCRC32C, out.ChecksumCRC64NVME
		}
		parts = append(parts, p)
	}
	a.must(a.from.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: aws.String(amazonSource),
		Key: &key, UploadId: up.UploadId,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}}))
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
			in.Expires, in.Metadata, in.Tagging = aws.Time(time.Date(2031, 2, 3, 4, 5, 6, 0, time.UTC)),
				map[string]string{"a": "b"}, aws.String("k=v")
			in.CacheControl, in.ContentLanguage = aws.String("no-store"), aws.String("de")
		})
		before := f.snapshot(us, f.bucket)
		p := f.plan("auto")
		if p.Moves[0].Way != plan.ServerSide {
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
		if !errors.Is(err, migrate.ErrVerification) || r.Verdicts["mismatch"] != 1 ||
			!strings.HasPrefix(r.Problems[0].Reason,
				"Expires differ") {
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
	out, err := a.to.ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: aws.String(amazonDestination),
		Prefix: aws.String("k")})
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
