package amazon_test

import (
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/residency/residency/inventory/objectstore/s3store"
	"github.com/residency/residency/inventory/objectstore/storetest/amazon"
)

// code is an error's status and code, such as "403 AccessDenied"; "ok" if there is
// none.
func code(err error) string {
	var api smithy.APIError
	var response *awshttp.ResponseError
	if err == nil {
		return "ok"
	}
	if !errors.As(err, &api) || !errors.As(err, &response) {
		return err.Error()
	}
	return http.StatusText(response.HTTPStatusCode()) + ": " + api.ErrorCode()
}

func bucket(t *testing.T, s *amazon.Server, region, name string) {
	t.Helper()
	in := &s3.CreateBucketInput{Bucket: &name}
	if region != "us-east-1" {
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(
			region)}
	}
	if _, err := s.Client(region).CreateBucket(t.Context(), in); err != nil {
		t.Fatal(err)
	}
}

func versioned(t *testing.T, s *amazon.Server, region, name string) {
	t.Helper()
	bucket(t, s, region, name)
	_, err := s.Client(region).PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{
		Bucket:                  &name,
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
		ChecksumAlgorithm:       types.ChecksumAlgorithmCrc32,
	})
	if err != nil {
		t.Fatal(err)
	}
}

func put(t *testing.T, c *s3.Client, bucket, key, text string) *s3.PutObjectOutput {
	t.Helper()
	out, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(text)})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestObjectsComeBack(t *testing.T) {
	s := amazon.Start(t, amazon.Options{})
	bucket(t, s, "us-east-1", "here")
	versioned(t, s, "eu-west-1", "there")
	us, eu := s.Client("us-east-1"), s.Client("eu-west-1")
	first := put(t, us, "here", "a b/é+c", "one")
	out, err := eu.CopyObject(t.Context(), &s3.CopyObjectInput{
		Bucket: aws.String("there"), Key: aws.String("a b/é+c"), CopySource: aws.String("here/a%20b/%C3%A9%2Bc"),
		CopySourceIfMatch: first.ETag,
	})
	if err != nil {
		t.Fatal(err)
	}
	if out.VersionId == nil || aws.ToString(out.CopyObjectResult.ETag) != aws.ToString(first.ETag) ||
		out.CopyObjectResult.ChecksumCRC64NVME == nil {
		t.Errorf("copied: %+v, version %v", out.CopyObjectResult, out.VersionId)
	}
	got, err := eu.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String("there"), Key: aws.String("a b/é+c")})
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(got.Body); err != nil || string(body) != "one" {
		t.Errorf("read %q, %v", body, err)
	}
	list, err := us.ListBuckets(t.Context(), &s3.ListBucketsInput{MaxBuckets: aws.Int32(10)})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"here us-east-1", "there eu-west-1"} {
		if b := list.Buckets[i]; *b.Name+" "+*b.BucketRegion != want {
			t.Errorf("bucket %d: %s %s, want %s", i, *b.Name, *b.BucketRegion, want)
		}
	}
	if want := []string{"here.s3.us-east-1.amazonaws.com:443", "s3.us-east-1.amazonaws.com:443",
		"there.s3.eu-west-1.amazonaws.com:443"}; !slices.Equal(s.Hosts(), want) {
		t.Errorf("hosts %v, want %v", s.Hosts(), want)
	}
}

// TestProgram asks as the product does, in this process.
func TestProgram(t *testing.T) {
	s := amazon.Start(t, amazon.Options{Partition: "aws-eusc"})
	s.Setenv(t)
	put := s.Client("eusc-de-east-1")
	name := "inside"
	if _, err := put.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name,
		CreateBucketConfiguration: &types.CreateBucketConfiguration{
			LocationConstraint: "eusc-de-east-1",
		}}); err != nil {
		t.Fatal(err)
	}
	p, err := s3store.Open(t.Context(), s3store.Options{Name: "aws", Amazon: true, Account: "111122223333",
		Proxy: s.Through})
	if err != nil {
		t.Fatal(err)
	}
	buckets, err := p.Region("eusc-de-east-1").Buckets(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(buckets) != 1 || buckets[0].Name != name || buckets[0].Region != "eusc-de-east-1" {
		t.Errorf("buckets %+v", buckets)
	}
	if hosts := strings.Join(s.Hosts(), " "); strings.Contains(hosts, "us-") || !strings.Contains(hosts,
		"amazonaws.eu") {
		t.Errorf("hosts %s", hosts)
	}
}
