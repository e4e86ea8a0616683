package s3store_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore/s3store"
	"github.com/residency/residency/inventory/objectstore/storetest"
)

// What real servers give as markers is no loop, also where one key continues
// another and markers descend for it.
func TestMarkersOfRealServers(t *testing.T) {
	for name, start := range map[string]func(*testing.T) *storetest.Sandbox{
		"versitygw": func(t *testing.T) *storetest.Sandbox {
			return storetest.StartSandbox(t, storetest.SandboxOptions{Regions: []string{region}})
		},
		"minio": func(t *testing.T) *storetest.Sandbox { return storetest.StartMinIO(t, region) },
	} {
		t.Run(name, func(t *testing.T) {
			box := start(t)
			client, bucket := box.Client(region), "marked-bucket"
			if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
				t.Fatal(err)
			}
			keys := []string{"0", "a", "a!x", "a!y", "b"}
			if _, err := client.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: &bucket,
				VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}}); err != nil {
				t.Fatal(err)
			}
			for _, key := range keys {
				if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key}); err != nil {
					t.Fatal(err)
				}
			}
			t.Setenv("AWS_SHARED_CREDENTIALS_FILE", box.CredentialsPath)
			p, err := s3store.Open(t.Context(), s3store.Options{Name: "cloud", Profile: "sandbox",
				Endpoints: map[string]string{region: box.Proxy(t, region).URL()}, PageSize: 2, Listers: 1})
			if err != nil {
				t.Fatal(err)
			}
			if got := collect(t, p.Region(region).Versions(t.Context(), bucket, "", "")); len(got) != len(keys) {
				t.Errorf("%d entries, want %d", len(got), len(keys))
			}
		})
	}
}
