package copier_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/s3store"
	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/migrate/copier"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
)

const (
	region   = "us-east-1"
	from, to = "copy-from", "copy-to"
)

// Within one endpoint the service copies: no byte passes through here, and a
// plain object costs one request.
func TestServerSide(t *testing.T) {
	for kind, start := range map[string]func(t *testing.T) *storetest.Sandbox{
		"versitygw": func(t *testing.T) *storetest.Sandbox {
			return storetest.StartSandbox(t, storetest.SandboxOptions{Regions: []string{region}})
		},
		"minio": func(t *testing.T) *storetest.Sandbox { return storetest.StartMinIO(t, region) },
	} {
		t.Run(kind, func(t *testing.T) { testServerSide(t, start(t)) })
	}
}

func testServerSide(t *testing.T, box *storetest.Sandbox) {
	client, ctx := box.Client(region), t.Context()
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, bucket := range []string{from, to} {
		must(client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket}))
		must(client.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: &bucket,
			VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}}))
	}
	const plain = 20
	for i := range plain {
		must(client.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(from),
			Key: aws.String(fmt.Sprintf("plain/%02d é+&", i)), Body: bytes.NewReader(bytes.Repeat([]byte("x"), 100*i)),
			CacheControl: aws.String("no-store"), Metadata: map[string]string{"a": "b"}, Tagging: aws.String("t=1")}))
	}
	for i := range 3 {
		must(client.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(from), Key: aws.String("history"),
			Body: bytes.NewReader([]byte{byte(i)})}))
		must(client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String(from), Key: aws.String("history")}))
	}
	up, err := client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: aws.String(from),
		Key: aws.String("parts"), Metadata: map[string]string{"m": "p"}, Tagging: aws.String("t=2")})
	must(nil, err)
	var done []types.CompletedPart
	for i, n := range []int{5 << 20, 6<<20 + 1, 17} {
		out, err := client.UploadPart(ctx, &s3.UploadPartInput{Bucket: aws.String(from), Key: aws.String("parts"),
			UploadId: up.UploadId, PartNumber: aws.Int32(int32(i + 1)), Body: bytes.NewReader(bytes.Repeat([]byte{byte(i)}, n))})
		must(nil, err)
		done = append(done, types.CompletedPart{PartNumber: aws.Int32(int32(i + 1)), ETag: out.ETag})
	}
	must(client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: aws.String(from),
		Key: aws.String("parts"), UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: done}}))
	before, err := storetest.Snapshot(ctx, client, from, "")
	must(nil, err)

	proxy := box.Proxy(t, region)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", box.CredentialsPath)
	provider, err := s3store.Open(ctx, s3store.Options{Name: "cloud", Profile: "sandbox",
		Endpoints: map[string]string{region: proxy.URL()}})
	must(nil, err)
	store := provider.Region(region)
	c := copier.New(store, from, store, to, copier.Options{Versioning: objectstore.Enabled, Carries: true, TagsTold: true})
	var earlier map[string]int
	compared := 0 // of the plain ones, in full
	for history, err := range objectstore.Histories(store.Versions(ctx, from, "", "")) {
		must(nil, err)
		if earlier == nil && strings.HasPrefix(history[0].Key, "plain/") {
			earlier = proxy.Counts() // what follows is plain
		}
		entries := make([]manifest.Entry, len(history))
		for i, v := range history {
			entries[i] = manifest.FromVersion(v)
			if earlier != nil && copier.Sampled(entries[i]) {
				compared++
			}
		}
		receipts, err := collected(ctx, c, entries)
		must(nil, err)
		for _, r := range receipts {
			if r.Verdict != receipt.Verified {
				t.Errorf("%s %s: %s %s", r.Key, r.VersionID, r.Verdict, r.Reason)
			}
		}
	}
	after, err := storetest.Snapshot(ctx, client, to, "")
	must(nil, err)
	if d := storetest.Diff(before, storetest.WithoutAdded(before, after)); d != "" {
		t.Errorf("the copy differs:\n%s", d)
	}
	counts := proxy.Counts()
	if counts["CopyObject"] != plain+3 || counts["GetObject"] != 0 || counts["PutObject"] != 0 {
		t.Errorf("requests %v; want %d CopyObject, no GetObject, no PutObject", counts, plain+3)
	}
	for operation, n := range counts {
		want := map[string]int{"CopyObject": plain, "HeadObject": 2 * compared, "GetObjectTagging": 2 * compared}[operation]
		if n -= earlier[operation]; n != want && operation != "ListObjectVersions" {
			t.Errorf("%d %s for %d plain objects, want %d", n, operation, plain, want)
		}
	}
	t.Logf("requests %v", counts)
}
