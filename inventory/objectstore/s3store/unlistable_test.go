package s3store_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/s3store"
	"github.com/residency/residency/inventory/objectstore/storetest"
)

// oddKeys are keys of which this server lists some with U+FFFD. One of them
// really has it.
var (
	listableKeys = []string{"a", "b/b", "b/c", "c\uFFFDd", "d", "e", "z"}
	oddKeys      = []string{"b/\x01c", "b/\x02c", "c\x05d", "d\x7f\x1f", "zz\x03"}
)

// What a server lists under other keys than they have is told apart from what
// has such a key, and nothing else is lost for it, wherever pages end.
func TestUnlistableKeys(t *testing.T) {
	box := storetest.StartSandbox(t, storetest.SandboxOptions{Regions: []string{region}})
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", box.CredentialsPath)
	client := box.Client(region)
	inARow := map[bool]int32{false: 2, true: 9} // entries that are in doubt, or of one key
	for _, versioned := range []bool{false, true} {
		bucket := fmt.Sprintf("odd-keys-%t", versioned)
		if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
			t.Fatal(err)
		}
		if versioned {
			if _, err := client.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: &bucket,
				VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}}); err != nil {
				t.Fatal(err)
			}
		}
		listable, odd := 0, 0
		for _, key := range slices.Concat(listableKeys, oddKeys) {
			n := 1
			if versioned && key != "a" {
				n = 2 // and a marker
			}
			for range n {
				if _, err := client.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key,
					Body: strings.NewReader("same")}); err != nil {
					t.Fatal(err)
				}
			}
			if versioned {
				n++
				if _, err := client.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &bucket, Key: &key}); err != nil {
					t.Fatal(err)
				}
			}
			if slices.Contains(oddKeys, key) {
				odd += n
			} else {
				listable += n
			}
		}
		for size := int32(1); size <= 40; size++ {
			for _, listers := range []int{0, 1} {
				p, err := s3store.Open(t.Context(), s3store.Options{Name: "cloud", Profile: "sandbox",
					Endpoints: map[string]string{region: box.Endpoints[region]}, Now: time.Now, PageSize: size, Listers: listers})
				if err != nil {
					t.Fatal(err)
				}
				keys, left, err := drain(p.Region(region), t, bucket, "")
				switch {
				case err != nil && size > inARow[versioned]:
					t.Fatalf("versioned %t, pages of %d: %v", versioned, size, err)
				case err != nil && !errors.Is(err, objectstore.ErrOrder):
					t.Fatalf("versioned %t, pages of %d: %v", versioned, size, err)
				case err != nil:
					continue // a page has nothing that the next one can begin behind
				}
				if got := slices.Compact(slices.Clone(keys)); !slices.Equal(got, listableKeys) || len(keys) != listable ||
					left != odd {
					t.Errorf("versioned %t, pages of %d: %d entries of %q and %d that are not listed as they are; want %d of %q "+
						"and %d", versioned, size, len(keys), got, left, listable, listableKeys, odd)
				}
			}
		}
	}
}

// drain lists to the end and counts what is not listed as it is.
func drain(s *s3store.Store, t *testing.T, bucket, prefix string) (keys []string, odd int, err error) {
	for v, err := range s.Versions(t.Context(), bucket, prefix, "") {
		switch {
		case errors.Is(err, objectstore.ErrUnlistable):
			odd++
		case err != nil:
			return keys, odd, err
		default:
			keys = append(keys, v.Key)
		}
	}
	return keys, odd, nil
}

// Unfinished uploads are told apart in the same way, and none is aborted under a
// name that is another's.
func TestUnlistableUploads(t *testing.T) {
	box := storetest.StartSandbox(t, storetest.SandboxOptions{Regions: []string{region}})
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", box.CredentialsPath)
	client, bucket := box.Client(region), "odd-uploads"
	if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &bucket}); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"a", "b\x01c", "b\uFFFDc", "b\x02c"} {
		if _, err := client.CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &bucket,
			Key: &key}); err != nil {
			t.Fatal(err)
		}
	}
	for _, size := range []int32{1000, 3, 2} { // the last two end behind an unlistable key
		p, err := s3store.Open(t.Context(), s3store.Options{Name: "cloud", Profile: "sandbox",
			Endpoints: map[string]string{region: box.Endpoints[region]}, PageSize: size})
		if err != nil {
			t.Fatal(err)
		}
		var keys []string
		odd := 0
		for u, err := range p.Region(region).Uploads(t.Context(), bucket, "") {
			switch {
			case errors.Is(err, objectstore.ErrUnlistable):
				odd++
			case err != nil && size == 1000:
				t.Fatal(err)
			case err != nil:
				if !errors.Is(err, objectstore.ErrOrder) {
					t.Errorf("pages of %d: %v", size, err)
				}
				keys = nil
			default:
				keys = append(keys, u.Key)
			}
		}
		if want := []string{"a", "b\uFFFDc"}; keys != nil && (!slices.Equal(keys, want) || odd != 2) {
			t.Errorf("pages of %d: %q and %d others, want %q and 2", size, keys, odd, want)
		}
	}
}
