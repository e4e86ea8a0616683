package parity

import (
	"fmt"
	"testing"
)

func TestDenials(t *testing.T) {
	statement := func(members string) string { return `{"Version":"2012-10-17","Statement":[{` + members + `}]}` }
	everybody := `"Effect":"Deny","Principal":"*",`
	for _, tt := range []struct{ name, policy, want string }{
		{"none", "", "[]"},
		{"everybody", statement(everybody + `"Sid":"keep","Action":"s3:DeleteObject*","Resource":"arn:aws:s3:::b/*"`),
			"[{keep true}]"},
		{"a list",
			statement(`"Effect":"Deny","Principal":{"AWS":["*"]},"Action":["s3:GetObject","s3:DeleteObjectVersion"],"Resource":["arn:aws-cn:s3:::b/*"]`), "[{ true}]"},
		{"everything", statement(everybody + `"Action":"*","Resource":"*"`), "[{ true}]"},
		{"any case", statement(everybody + `"Action":"S3:deleteobjectversio?","Resource":"arn:aws:s3:::b/*"`),
			"[{ true}]"},
		{"one statement without a list", `{"Statement":{` + everybody +
			`"Action":"s3:*","Resource":"arn:aws:s3:::b/*"}}`,
			"[{ true}]"},
		{"an inner prefix", statement(everybody + `"Action":"s3:*","Resource":"arn:aws:s3:::b/p/legal/*"`),
			"[{ true}]"},
		{"an outer prefix", statement(everybody + `"Action":"s3:*","Resource":"arn:aws:s3:::b/p*"`), "[{ true}]"},
		{"one key", statement(everybody + `"Action":"s3:*","Resource":"arn:aws:s3:::b/p/k"`), "[{ true}]"},
		{"all but some actions", statement(everybody + `"NotAction":"s3:Get*","Resource":"arn:aws:s3:::b/*"`),
			"[{ true}]"},
		{"all but deletions",
			statement(everybody + `"NotAction":["s3:Get*","s3:Delete*"],"Resource":"arn:aws:s3:::b/*"`),
			"[]"},
		{"another prefix", statement(everybody + `"Action":"s3:*","Resource":"arn:aws:s3:::b/q/*"`), "[]"},
		{"the bucket itself", statement(everybody + `"Action":"s3:*","Resource":"arn:aws:s3:::b"`), "[]"},
		{"another bucket", statement(everybody + `"Action":"s3:*","Resource":"arn:aws:s3:::bb/*"`), "[]"},
		{"another action", statement(everybody + `"Action":"s3:DeleteObject","Resource":"arn:aws:s3:::b/*"`), "[]"},
		{"allowed", statement(`"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"`), "[]"},
		{"under a condition", statement(everybody +
			`"Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"false"}}`),
			"[{ false}]"},
		{"somebody",
			statement(`"Effect":"Deny","Principal":{"AWS":"arn:aws:iam::123456789012:role/r"},"Action":"s3:*","Resource":"*"`),
			"[{ false}]"},
		{"all but somebody", statement(`"Effect":"Deny","NotPrincipal":{"AWS":"*"},"Action":"s3:*","Resource":"*"`),
			"[{ false}]"},
		{"all but some keys", statement(everybody + `"Action":"s3:*","NotResource":"arn:aws:s3:::b/p/*"`),
			"[{ false}]"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var policy []byte
			if tt.policy != "" {
				policy = []byte(tt.policy)
			}
			got, err := Denials(policy, "b", "p/", "s3:DeleteObjectVersion")
			if err != nil || fmt.Sprint(got) != tt.want {
				t.Errorf("%v, %v, want %s", got, err, tt.want)
			}
		})
	}
	if _, err := Denials([]byte(`{"Statement":7}`), "b", "", "s3:DeleteObject"); err == nil {
		t.Error("no error for a policy without statements")
	}
}

func TestMatches(t *testing.T) {
	for _, tt := range []struct {
		pattern, text string
		want          bool
	}{
		{"", "", true}, {"*", "", true}, {"*", "abc", true}, {"a*c", "abbc", true}, {"a*c", "abcb", false},
		{"a?c", "abc", true}, {"a?c", "ac", false},
		{"*b*", "abc", true}, {"a*b*c", "axbxbxc", true}, {"abc", "abcd", false}, {"abc*", "abc", true},
		{"**c", "abc", true},
	} {
		if got := matches(tt.pattern, tt.text); got != tt.want {
			t.Errorf("matches(%q, %q) = %t", tt.pattern, tt.text, got)
		}
	}
}
