package iam_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/residency/residency/inventory/objectstore/iam"
)

func TestNeeds(t *testing.T) {
	copied := http.Header{"X-Amz-Copy-Source": {"b/k%3F?versionId=1"}, "X-Amz-Tagging-Directive": {"COPY"}}
	tests := []struct {
		operation, query string
		header           http.Header
		want             string
	}{
		{"GetObject", "", nil, "s3:GetObject"},
		{"GetObject", "versionId=1&x-id=GetObject", nil, "s3:GetObjectVersion"},
		{"HeadObject", "partNumber=1&versionId=null", nil, "s3:GetObjectVersion"},
		{"GetObjectTagging", "tagging=&versionId=1", nil, "s3:GetObjectVersionTagging"},
		{"PutObject", "", http.Header{"If-None-Match": {"*"}}, "s3:PutObject"},
		{"PutObject", "", http.Header{"If-Match": {`"e"`}}, "s3:PutObject s3:GetObject"},
		{"PutObject", "", http.Header{"X-Amz-Tagging": {"a=b"}, "X-Amz-Object-Lock-Mode": {"GOVERNANCE"}},
			"s3:PutObject s3:PutObjectTagging s3:PutObjectRetention"},
		{"PutObject", "", http.Header{"X-Amz-Grant-Read": {"id=1"}}, "s3:PutObject s3:PutObjectAcl"},
		{"PutObject", "", http.Header{"X-Amz-Server-Side-Encryption": {"aws:kms"}}, "s3:PutObject kms:GenerateDataKey"},
		{"CopyObject", "", copied, "s3:PutObject s3:GetObjectVersion s3:GetObjectVersionTagging s3:PutObjectTagging"},
		{"CopyObject", "", http.Header{"X-Amz-Copy-Source": {"b/k"}}, "s3:PutObject s3:GetObject"},
		{"DeleteObject", "", nil, "s3:DeleteObject"},
		{"DeleteObject", "", http.Header{"If-Match": {`"e"`}}, "s3:DeleteObject s3:GetObject"},
		{"DeleteObject", "", http.Header{"If-Match": {"*"}}, "s3:DeleteObject"},
		{"DeleteObject", "versionId=null", http.Header{"If-Match": {`"e"`}}, "s3:DeleteObjectVersion"},
		{"CreateBucket", "", http.Header{"X-Amz-Bucket-Object-Lock-Enabled": {"true"}},
			"s3:CreateBucket s3:PutBucketObjectLockConfiguration s3:PutBucketVersioning"},
		{"GetBucketEncryption", "encryption=", nil, "s3:GetEncryptionConfiguration"},
		{"GetCallerIdentity", "", nil, ""},
	}
	for _, tt := range tests {
		query, err := url.ParseQuery(tt.query)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, n := range iam.Needs(tt.operation, iam.Cases(query, tt.header)...) {
			got = append(got, n.Action)
		}
		if text := strings.Join(got, " "); text != tt.want {
			t.Errorf("%s %s %v: %q, want %q", tt.operation, tt.query, tt.header, text, tt.want)
		}
	}
	if iam.Known("SelectObjectContent") || !iam.Known("GetCallerIdentity") {
		t.Error("Known tells apart what is in the table")
	}
}

// No row lets anybody pass by a lock.
func TestNoBypass(t *testing.T) {
	for _, operation := range []string{"DeleteObject", "DeleteObjects", "PutObject"} {
		for _, n := range iam.Needs(operation, iam.Current, iam.Version, iam.Retention, iam.Hold) {
			if strings.Contains(n.Action, "Bypass") {
				t.Errorf("%s needs %s", operation, n.Action)
			}
		}
	}
}

func TestMatches(t *testing.T) {
	for _, tt := range []struct {
		pattern, text string
		want          bool
	}{
		{"*", "anything", true}, {"a*", "a", true}, {"a*c", "abcc", true}, {"a*c", "abcd", false}, {"a?c", "abc", true},
		{"a?c", "ac", false}, {"", "", true}, {"", "a", false}, {"a", "ab", false}, {"b/x*", "b/xy/z", true},
		{"b/*", "b", false},
	} {
		if got := iam.Matches(tt.pattern, tt.text); got != tt.want {
			t.Errorf("Matches(%q, %q) = %t", tt.pattern, tt.text, got)
		}
	}
}

// A document too large for IAM becomes several that allow the same.
func TestSplit(t *testing.T) {
	var many []string
	for i := range 200 {
		many = append(many, fmt.Sprintf("arn:aws:s3:::a-bucket-with-a-rather-long-name-%04d", i))
	}
	whole := iam.NewPolicy([]iam.Statement{
		iam.Allow("One", []string{"s3:GetObject"}, []string{"arn:aws:s3:::b/*"}), iam.Allow("Many", []string{"s3:ListBucket"},
			many),
	})
	parts := whole.Split(iam.MaxSize)
	var got []string
	for _, p := range parts {
		if n := p.Size(); n > iam.MaxSize {
			t.Errorf("a part has %d characters", n)
		}
		for _, s := range p.Statement {
			if s.Action[0] == "s3:ListBucket" {
				got = append(got, s.Resource...)
			}
		}
	}
	if len(parts) != 2 || !slices.Equal(got, many) {
		t.Errorf("%d parts with %d resources, want 2 with %d", len(parts), len(got), len(many))
	}
	if small := iam.NewPolicy(whole.Statement[:1]); len(small.Split(iam.MaxSize)) != 1 {
		t.Error("what is small was split")
	}
}

func TestAllowLeavesOutWhatIsCovered(t *testing.T) {
	s := iam.Allow("S", []string{"s3:b", "s3:a", "s3:b"}, []string{"arn:aws:s3:::b/x/probe-*", "arn:aws:s3:::b/*"})
	if !slices.Equal(s.Action, []string{"s3:a", "s3:b"}) || !slices.Equal(s.Resource, []string{"arn:aws:s3:::b/*"}) {
		t.Errorf("%v %v", s.Action, s.Resource)
	}
}

func TestForms(t *testing.T) {
	s := iam.Allow("Keys", []string{"kms:Decrypt"}, []string{`arn:aws:s3:::b/${*}"\*`})
	s.Condition = iam.Condition{"StringLike": {"kms:ViaService": {"s3.eu-west-1.amazonaws.com"}}}
	p := iam.NewPolicy([]iam.Statement{s})
	text, err := p.JSON()
	if err != nil {
		t.Fatal(err)
	}
	var back iam.Policy
	if err := json.Unmarshal(text, &back); err != nil || back.Statement[0].Resource[0] != s.Resource[0] {
		t.Errorf("%v: %s", err, text)
	}
	want := `data "aws_iam_policy_document" "name" {
  statement {
    sid    = "Keys"
    effect = "Allow"

    actions = [
      "kms:Decrypt",
    ]

    resources = [
      "arn:aws:s3:::b/$${*}\"\\*",
    ]

    condition {
      test     = "StringLike"
      variable = "kms:ViaService"
      values   = ["s3.eu-west-1.amazonaws.com"]
    }
  }
}
`
	if got := p.Terraform("name"); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
