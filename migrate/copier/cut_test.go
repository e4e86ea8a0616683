package copier_test

import (
	"bytes"
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

// An object without parts of its own that is larger than one request may be
// goes in several, streamed and within the service; what no number of parts can
// hold fails with that reason.
func TestLargerThanOneRequest(t *testing.T) {
	box := storetest.StartSandbox(t, storetest.SandboxOptions{Regions: []string{region}})
	client, ctx := box.Client(region), t.Context()
	must := func(_ any, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, bucket := range []string{from, "copied", "streamed", "refused"} {
		must(client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bucket}))
	}
	body := bytes.Repeat([]byte("0123456789abcdef"), (12<<20+64)/16)
	must(client.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String(from), Key: aws.String("large"),
		Body: bytes.NewReader(body), CacheControl: aws.String("no-store"),
		ChecksumAlgorithm: types.ChecksumAlgorithmCrc64nvme}))
	before, err := storetest.Snapshot(ctx, client, from, "")
	must(nil, err)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", box.CredentialsPath)
	// Two proxies are two endpoints, so that nothing is copied within.
	here, there := box.Proxy(t, region), box.Proxy(t, region)
	source, destination := openAt(t, here.URL()), openAt(t, there.URL())

	const parts = 5 << 20
	for _, tt := range []struct {
		bucket string
		to     *s3store.Store
		limits objectstore.Limits
		want   receipt.Verdict
	}{
		{"copied", source, objectstore.Limits{Single: parts, Part: parts, Parts: 10}, receipt.Verified},
		{"streamed", destination, objectstore.Limits{Single: parts, Part: parts, Parts: 10}, receipt.Verified},
		{"refused", destination, objectstore.Limits{Single: parts, Part: parts, Parts: 2}, receipt.Failed},
	} {
		c := copier.New(source, from, tt.to, tt.bucket, copier.Options{Versioning: objectstore.Unversioned,
			Limits: tt.limits})
		e := manifest.Entry{Key: "large", VersionID: objectstore.NullVersion, Size: int64(len(body)),
			ETag: before["large"][0].ETag, Modified: before["large"][0].Modified}
		receipts, err := collected(ctx, c, []manifest.Entry{e})
		must(nil, err)
		if receipts[0].Verdict != tt.want {
			t.Errorf("%s: %s %s, want %s", tt.bucket, receipts[0].Verdict, receipts[0].Reason, tt.want)
			continue
		}
		after, err := storetest.Snapshot(ctx, client, tt.bucket, "")
		must(nil, err)
		if tt.want == receipt.Failed {
			if len(after) > 0 || receipts[0].Reason == "" {
				t.Errorf("%s: %v was written, for the reason %q", tt.bucket, after, receipts[0].Reason)
			}
			continue
		}
		got, want := after["large"][0], before["large"][0]
		if got.SHA256 != want.SHA256 || got.CacheControl != want.CacheControl || len(got.PartSizes) != 3 {
			t.Errorf("%s: %+v\nwant the bytes and headers of %+v, in three parts", tt.bucket, got, want)
		}
		t.Logf("%s: %s by %s", tt.bucket, receipts[0].Verdict, receipts[0].Method)
	}
}

func openAt(t *testing.T, url string) *s3store.Store {
	t.Helper()
	p, err := s3store.Open(t.Context(), s3store.Options{Name: "cloud", Profile: "sandbox",
		Endpoints: map[string]string{region: url}})
	if err != nil {
		t.Fatal(err)
	}
	return p.Region(region)
}
