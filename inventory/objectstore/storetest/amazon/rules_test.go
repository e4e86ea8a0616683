package amazon_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/residency/residency/inventory/objectstore/storetest/amazon"
)

// applied asserts that a rule was the reason.
func applied(t *testing.T, s *amazon.Server, rule string) {
	t.Helper()
	if s.Applied()[rule] == 0 {
		t.Errorf("rule %s was not applied; applied were %v", rule, s.Applied())
	}
}

func TestRegion(t *testing.T) {
	s := amazon.Start(t, amazon.Options{})
	bucket(t, s, "eu-west-1", "there")
	us := s.Client("us-east-1")
	_, err := us.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String("there")})
	if got := code(err); got != "Moved Permanently: PermanentRedirect" {
		t.Errorf("list: %s", got)
	}
	_, err = us.HeadBucket(t.Context(), &s3.HeadBucketInput{Bucket: aws.String("there")})
	if got := code(err); !strings.HasPrefix(got, "Moved Permanently") {
		t.Errorf("head: %s", got)
	}
	applied(t, s, "region")
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "https://s3.eu-south-9.amazonaws.com/", nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp, err := s.HTTPClient().Do(r); err == nil {
		_ = resp.Body.Close()
		t.Error("a region that does not exist answered")
	}
}

func TestConditionalDelete(t *testing.T) {
	s := amazon.Start(t, amazon.Options{})
	versioned(t, s, "us-east-1", "here")
	us := s.Client("us-east-1")
	out := put(t, us, "here", "k", "one")
	remove := func(version, match string) string {
		in := &s3.DeleteObjectInput{Bucket: aws.String("here"), Key: aws.String("k"), IfMatch: &match}
		if version != "" {
			in.VersionId = &version
		}
		_, err := us.DeleteObject(t.Context(), in)
		return code(err)
	}
	for _, tt := range []struct{ name, version, match, want string }{
		{"with a version", *out.VersionId, *out.ETag, "Not Implemented: NotImplemented"},
		{"null", "null", *out.ETag, "Not Implemented: NotImplemented"},
		{"another", "", `"00000000000000000000000000000000"`, "Precondition Failed: PreconditionFailed"},
		{"its own", "", *out.ETag, "ok"},
		{"behind a marker", "", *out.ETag, "Not Found: NoSuchKey"},
		{"any behind a marker", "", "*", "Not Found: NoSuchKey"},
	} {
		if got := remove(tt.version, tt.match); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.name, got, tt.want)
		}
	}
	for _, rule := range []string{"delete-if-match-version", "delete-if-match", "delete-if-match-absent"} {
		applied(t, s, rule)
	}
}

func TestPermissions(t *testing.T) {
	s := amazon.Start(t, amazon.Options{Users: []amazon.User{{Name: "reader", Policy: `{"Version": "2012-10-17", "Statement": [
		{"Effect": "Allow", "Action": "s3:Get*", "Resource": "arn:aws:s3:::here/*"},
		{"Effect": "Deny", "NotAction": ["s3:GetObject", "s3:ListBucket"], "Resource": "*"}]}`}}})
	bucket(t, s, "us-east-1", "here")
	_, err := s.Client("us-east-1").PutObject(t.Context(), &s3.PutObjectInput{
		Bucket: aws.String("here"), Key: aws.String("k"), Body: strings.NewReader("one"), Tagging: aws.String("a=b"),
	})
	if err != nil {
		t.Fatal(err)
	}
	c := s.ClientAs("reader", "us-east-1")
	head, err := c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("here"), Key: aws.String("k")})
	if err != nil {
		t.Fatal(err)
	}
	if head.TagCount != nil {
		t.Errorf("a tag count of %d for who may not read tags", *head.TagCount)
	}
	_, err = c.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String("here"), Key: aws.String("none")})
	if got := code(err); got != "Forbidden: Forbidden" {
		t.Errorf("head of nothing: %s", got)
	}
	_, err = c.GetObjectTagging(t.Context(), &s3.GetObjectTaggingInput{Bucket: aws.String("here"), Key: aws.String("k")})
	if got := code(err); got != "Forbidden: AccessDenied" {
		t.Errorf("tags: %s", got)
	}
	applied(t, s, "permissions")
	applied(t, s, "tagging-count")
	applied(t, s, "404-is-403")
	if used := strings.Join(s.Used("reader"), " "); used != "s3:GetObject" {
		t.Errorf("used %s", used)
	}
	if denied := strings.Join(s.Denied("reader"), ", "); denied != "s3:GetObjectTagging arn:aws:s3:::here/k" {
		t.Errorf("denied %s", denied)
	}
}
