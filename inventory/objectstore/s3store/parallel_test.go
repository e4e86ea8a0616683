package s3store_test

import (
	"bytes"
	"fmt"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/s3store"
	"github.com/residency/residency/inventory/objectstore/storetest"
)

const region = "eu-west-1"

// A real server's listing by many requests is the one by a chain of requests,
// in rounds of requests many times shorter; every seam between ranges is one
// that the server has to get right.
func TestParallelListing(t *testing.T) {
	box := storetest.StartSandbox(t, storetest.SandboxOptions{Regions: []string{region}})
	bucket := "listed-bucket"
	fill(t, box.Client(region), bucket)
	proxy := box.Proxy(t, region)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", box.CredentialsPath)
	open := func(listers int) *s3store.Store {
		p, err := s3store.Open(t.Context(), s3store.Options{Name: "cloud", Profile: "sandbox",
			Endpoints: map[string]string{region: proxy.URL()}, Now: time.Now, PageSize: 20, Listers: listers})
		if err != nil {
			t.Fatal(err)
		}
		return p.Region(region)
	}
	want := collect(t, open(1).Versions(t.Context(), bucket, "", ""))
	chain := proxy.Counts()["ListObjectVersions"]
	if len(want) < 2600 {
		t.Fatalf("%d entries", len(want))
	}
	var cuts atomic.Int64 // ranges begun behind a key that the server did not name
	proxy.SetFault(func(r storetest.Request) storetest.Fault {
		if r.Query.Get("key-marker") != "" && r.Query.Get("version-id-marker") == "" {
			cuts.Add(1)
		}
		return storetest.Fault{Delay: 20 * time.Millisecond} // long enough for many requests to be of use
	})
	for _, tt := range []struct{ prefix, after string }{{"", ""}, {"flat/", ""}, {"flat/", "flat/00777"}, {"dir-3/", ""},
		{"h", "h/0005"}} {
		proxy.Reset()
		got := collect(t, open(0).Versions(t.Context(), bucket, tt.prefix, tt.after))
		part := slices.DeleteFunc(slices.Clone(want), func(v objectstore.Version) bool {
			return v.Key <= tt.after || len(v.Key) < len(tt.prefix) || v.Key[:len(tt.prefix)] != tt.prefix
		})
		if !slices.Equal(got, part) {
			t.Errorf("prefix %q after %q: %d entries, want %d", tt.prefix, tt.after, len(got), len(part))
		}
		if n := proxy.Counts()["ListObjectVersions"]; n > 2*chain {
			t.Errorf("prefix %q after %q: %d requests; a chain for everything takes %d", tt.prefix, tt.after, n, chain)
		}
	}
	if cuts.Load() < 20 {
		t.Errorf("only %d ranges were cut", cuts.Load())
	}
}

func collect(t *testing.T, listing iter.Seq2[objectstore.Version, error]) []objectstore.Version {
	t.Helper()
	var out []objectstore.Version
	for v, err := range listing {
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	return out
}

// fill makes flat keys, directories, and some histories.
func fill(t *testing.T, client *s3.Client, bucket string) {
	t.Helper()
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: &bucket,
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}}); err != nil {
		t.Fatal(err)
	}
	var keys []string
	for i := range 1500 {
		keys = append(keys, fmt.Sprintf("flat/%05d", i))
	}
	for i := range 600 {
		keys = append(keys, fmt.Sprintf("dir-%d/sub %d/é%03d", i%6, i%3, i))
	}
	for i := range 10 {
		for range 50 {
			keys = append(keys, fmt.Sprintf("h/%04d", i)) // a history over several pages
		}
	}
	var wg sync.WaitGroup
	errs := make([]error, 8)
	for w := range errs {
		wg.Go(func() {
			for i := w; i < len(keys) && errs[w] == nil; i += len(errs) {
				_, errs[w] = client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &keys[i],
					Body: bytes.NewReader([]byte(keys[i]))})
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
}
