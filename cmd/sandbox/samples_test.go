//go:build unix

package main

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// listing is what a bucket holds, by key; a marker is "-" and a version its
// size, oldest first.
type listing map[string][]string

// client is the tests' own, made only from what sandbox.json says.
func (r *running) client(t *testing.T, region string) *s3.Client {
	t.Helper()
	server, ok := r.info.Regions[region]
	if !ok {
		t.Fatalf("no region %s", region)
	}
	return s3.New(s3.Options{
		Region: region, BaseEndpoint: &server.Endpoint, UsePathStyle: true,
		Credentials: credentials.NewStaticCredentialsProvider(r.info.AccessKey, r.info.SecretKey, ""),
	})
}

func list(t *testing.T, client *s3.Client, bucket string) listing {
	t.Helper()
	type entry struct{ id, what string }
	entries := map[string][]entry{}
	pages := s3.NewListObjectVersionsPaginator(client, &s3.ListObjectVersionsInput{Bucket: &bucket})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range page.Versions {
			entries[*v.Key] = append(entries[*v.Key], entry{*v.VersionId, fmt.Sprint(*v.Size)})
		}
		for _, m := range page.DeleteMarkers {
			entries[*m.Key] = append(entries[*m.Key], entry{*m.VersionId, "-"})
		}
	}
	// The server's version IDs are ULIDs and sort as they were made; the times
	// it lists do not.
	out := listing{}
	for key, es := range entries {
		slices.SortFunc(es, func(a, b entry) int { return strings.Compare(a.id, b.id) })
		for _, e := range es {
			out[key] = append(out[key], e.what)
		}
	}
	return out
}

func (l listing) under(prefix string) int {
	n := 0
	for key := range l {
		if strings.HasPrefix(key, prefix) {
			n++
		}
	}
	return n
}

func TestSamples(t *testing.T) {
	t.Parallel()
	r := startSandbox(t)
	acme := r.client(t, "us-east-1")
	prod := list(t, acme, "acme-prod")

	t.Run("plain objects", func(t *testing.T) {
		for prefix, want := range map[string]int{"logs/2025/": 200, "invoices/2025/": 40, "avatars/": 40, "exports/": 10} {
			if n := prod.under(prefix); n != want {
				t.Errorf("%d under %s, want %d", n, prefix, want)
			}
		}
	})
	t.Run("histories", func(t *testing.T) {
		for key, want := range map[string][]string{
			"contracts/01.docx":      {"3000", "3100"},
			"contracts/02.docx":      {"3000", "-", "3100", "3200"},
			"contracts/05.docx":      {"3000", "-", "3100", "3200", "3300", "3400", "3500"},
			"contracts/08.docx":      {"3000", "-", "3100", "3200", "3300", "-", "-"},
			"contracts/repeated.txt": {"1", "1", "1", "1"},
			"backups/db-1.dump":      {"12582913"},
			"backups/db-2.dump":      {"10000", "5243020"},
			"odd/empty":              {"0"},
			"odd/folder/":            {"0"},
		} {
			if got := prod[key]; !slices.Equal(got, want) {
				t.Errorf("%s is %v, want %v", key, got, want)
			}
		}
	})
	t.Run("odd keys", func(t *testing.T) {
		for _, key := range []string{"odd/with space", "odd/plus+sign", "odd/percent%41", "odd/question?mark", "odd/hash#tag",
			"odd/amp&ersand", "odd/quote\"double", "odd/newline\ninside", "odd/caf\u00e9-nfc", "odd/cafe\u0301-nfd"} {
			if !slices.Equal(prod[key], []string{"64"}) {
				t.Errorf("%q is %v, want one version of 64 bytes", key, prod[key])
			}
		}
		if longest := slices.MaxFunc(slices.Collect(maps.Keys(prod)), func(a, b string) int { return len(a) - len(b) }); len(
			longest) != 900 {
			t.Errorf("the longest key has %d bytes, want 900", len(longest))
		}
	})
	t.Run("attributes", func(t *testing.T) {
		head, err := acme.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("acme-prod"),
			Key: aws.String("odd/metadata")})
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]string{"plain": "yes", "with-space": "two words", "empty": "", "city": "Z\u00fcrich",
			"kanji": "\u6771\u4eac"}
		if !maps.Equal(head.Metadata, want) {
			t.Errorf("metadata %q, want %q", head.Metadata, want)
		}
		if n := aws.ToInt32(head.TagCount); n != 2 {
			t.Errorf("%d tags, want 2", n)
		}
		head, err = acme.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("acme-prod"),
			Key: aws.String("exports/0001.csv.gz")})
		if err != nil {
			t.Fatal(err)
		}
		if aws.ToString(head.ContentEncoding) != "gzip" || aws.ToString(head.ContentLanguage) != "de" ||
			aws.ToString(head.ContentType) != "text/csv" {
			t.Errorf("export has %q, %q, %q", aws.ToString(head.ContentEncoding), aws.ToString(head.ContentLanguage),
				aws.ToString(head.ContentType))
		}
	})
	t.Run("parts", func(t *testing.T) {
		for i, size := range []int64{5 * mib, 6*mib + 1, mib} {
			head, err := acme.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("acme-prod"),
				Key: aws.String("backups/db-1.dump"), PartNumber: aws.Int32(int32(i + 1))})
			if err != nil {
				t.Fatal(err)
			}
			if *head.ContentLength != size {
				t.Errorf("part %d has %d bytes, want %d", i+1, *head.ContentLength, size)
			}
		}
		uploads, err := acme.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: aws.String("acme-prod")})
		if err != nil {
			t.Fatal(err)
		}
		if len(uploads.Uploads) != 1 || *uploads.Uploads[0].Key != "backups/unfinished.dump" {
			t.Errorf("%d unfinished uploads, want the one", len(uploads.Uploads))
		}
	})
	t.Run("neighbours", func(t *testing.T) {
		shared := list(t, acme, "shared-uploads")
		for prefix, want := range map[string]int{"tenants/acme/": 20, "tenants/acme2/": 10, "tenants/globex/": 10,
			"tenants/acme": 31} {
			if n := shared.under(prefix); n != want {
				t.Errorf("%d under %s, want %d", n, prefix, want)
			}
		}
	})
	t.Run("buckets", func(t *testing.T) {
		for _, b := range []struct {
			region, name, customer string
			versioned              bool
			keys                   int
		}{
			{"us-west-2", "acme-archive", "", false, 60},
			{"eu-west-1", "acme-eu", "acme", true, 10},
			{"us-west-2", "globex-data", "", true, 40},
			{"eu-central-1", "initech-eu", "", false, 20},
			{"ap-northeast-1", "misc-logs", "", false, 15},
			{"us-east-1", "acme-prod", "acme", true, len(prod)},
		} {
			client := r.client(t, b.region)
			if n := len(list(t, client, b.name)); n != b.keys {
				t.Errorf("%s has %d keys, want %d", b.name, n, b.keys)
			}
			v, err := client.GetBucketVersioning(t.Context(), &s3.GetBucketVersioningInput{Bucket: &b.name})
			if err != nil {
				t.Fatal(err)
			}
			if got := v.Status == types.BucketVersioningStatusEnabled; got != b.versioned {
				t.Errorf("%s: versioning is %q", b.name, v.Status)
			}
			if got := customerTag(t.Context(), client, b.name); got != b.customer {
				t.Errorf("%s is tagged customer=%q, want %q", b.name, got, b.customer)
			}
		}
	})
	t.Run("configuration", func(t *testing.T) {
		text, err := os.ReadFile(r.info.Config)
		if err != nil {
			t.Fatal(err)
		}
		for _, want := range []string{"version: 1\n", "profile: sandbox\n", "- cloud:shared-uploads/tenants/acme/\n",
			"us-east-1: {endpoint: " + r.info.Regions["us-east-1"].Endpoint + "}\n"} {
			if !strings.Contains(string(text), want) {
				t.Errorf("the configuration has no %q:\n%s", want, text)
			}
		}
		if strings.Contains(string(text), "acme-eu") {
			t.Error("acme-eu shall be found by its tag only")
		}
	})
}

// customerTag is empty where there are no tags, which the server calls an error.
func customerTag(ctx context.Context, client *s3.Client, bucket string) string {
	out, err := client.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &bucket})
	if err != nil {
		return ""
	}
	for _, tag := range out.TagSet {
		if *tag.Key == "customer" {
			return *tag.Value
		}
	}
	return ""
}

func TestSamplesAreKept(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for range 2 {
		cmd := program(t, "up", "-dir", dir, "--", "true")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v:\n%s", err, out)
		}
	}
}
