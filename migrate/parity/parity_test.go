package parity_test

import (
	"encoding/json"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/residency/residency/migrate/parity"
)

var src, dst = parity.Bucket{Partition: "aws", Name: "src"}, parity.Bucket{Partition: "aws", Name: "dst"}

func TestRewriteAcrossPartitions(t *testing.T) {
	there := parity.Bucket{Partition: "aws-us-gov", Name: "dst"}
	got, err := parity.Rewrite([]byte(`["arn:aws:s3:::src/*","arn:aws:iam::111122223333:root"]`), src, there)
	if want := `["arn:aws-us-gov:s3:::dst/*","arn:aws:iam::111122223333:root"]`; err != nil || string(got) != want {
		t.Errorf("%s, %v, want %s", got, err, want)
	}
	policy := `{"Id":"o-short","Statement":[{"Principal":{"AWS":["111122223333","arn:aws:iam::1:root","*"]},` +
		`"Resource":"arn:aws-us-gov:s3:::dst","Condition":{"StringEquals":{"aws:PrincipalOrgID":"o-abcdefghij",` +
		`"aws:SourceVpce":["vpce-1a2b3c4d"],"aws:SourceVpc":"vpc-0a1b2c3d4e5f60718"}}}]}`
	for what, tt := range map[string][2][]string{
		"foreign": {parity.Foreign([]byte(policy), "aws-us-gov"),
			{"111122223333", "arn:aws:iam::1:root", "o-abcdefghij"}},
		"networks": {parity.Networks([]byte(policy)), {"vpc-0a1b2c3d4e5f60718", "vpce-1a2b3c4d"}},
	} {
		if !slices.Equal(tt[0], tt[1]) {
			t.Errorf("%s: %q, want %q", what, tt[0], tt[1])
		}
	}
}

func TestRewrite(t *testing.T) {
	for in, want := range map[string]string{
		`{"Resource":"arn:aws:s3:::src"}`:                           `{"Resource":"arn:aws:s3:::dst"}`,
		`{"Resource":["arn:aws:s3:::src/*","arn:aws:s3:::src2/*"]}`: `{"Resource":["arn:aws:s3:::dst/*","arn:aws:s3:::src2/*"]}`,
		`{"Resource":"arn:aws-cn:s3:::src/a/src"}`:                  `{"Resource":"arn:aws-cn:s3:::dst/a/src"}`,
		// another name that begins like it
		`{"Resource":"arn:aws:s3:::src*"}`:                            `{"Resource":"arn:aws:s3:::src*"}`,
		`{"Principal":{"AWS":"arn:aws:iam::1:role/src"}}`:             `{"Principal":{"AWS":"arn:aws:iam::1:role/src"}}`,
		`{"Condition":{"StringEquals":{"aws:x":""}},"N":10000000000}`: `{"Condition":{"StringEquals":{"aws:x":""}},"N":10000000000}`,
		`{"arn:aws:s3:::src":"not a value"}`:                          `{"arn:aws:s3:::src":"not a value"}`,
	} {
		got, err := parity.Rewrite([]byte(in), src, dst)
		if err != nil || string(got) != want {
			t.Errorf("Rewrite(%s)\n  = %s, %v\nwant %s", in, got, err, want)
		}
	}
}

// FuzzRewrite: whatever the setting, only strings change, only to the
// destination's ARN, and rewriting back restores it.
func FuzzRewrite(f *testing.F) {
	f.Add([]byte(`{"Statement":[{"Effect":"Deny","Resource":["arn:aws:s3:::src","arn:aws:s3:::src/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]}`))
	f.Add([]byte(`["arn:aws:s3:::src/\u2028","arn:aws:s3:::source"]`))
	f.Fuzz(func(t *testing.T, value []byte) {
		if strings.Contains(string(value), "dst") {
			return
		}
		out, err := parity.Rewrite(value, src, dst)
		if err != nil {
			return
		}
		if string(out) == string(value) {
			return
		}
		back, err := parity.Rewrite(out, dst, src)
		if err != nil {
			t.Fatal(err)
		}
		var a, b any
		if json.Unmarshal(value, &a) != nil || json.Unmarshal(back, &b) != nil || !reflect.DeepEqual(a, b) {
			t.Errorf("%s\nbecame %s\nand back %s", value, out, back)
		}
	})
}

func TestLifecycle(t *testing.T) {
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	got, err := parity.ParseLifecycle([]byte(`{"Rules":[
		{"ID":"off","Status":"Disabled","Expiration":{"Days":1}},
		{"ID":"days","Status":"Enabled","Expiration":{"Days":30}},
		{"Status":"Enabled","NoncurrentVersionExpiration":{"NoncurrentDays":3}},
		{"ID":"tiers","Status":"Enabled","Transitions":[{"Days":30,"StorageClass":"GLACIER"}]},
		{"ID":"past","Status":"Enabled","Expiration":{"Date":"2025-12-31T00:00:00Z"}},
		{"ID":"future","Status":"Enabled","Expiration":{"Date":"2026-12-31T00:00:00Z"}},
		{"ID":"markers","Status":"Enabled","Expiration":{"ExpiredObjectDeleteMarker":true}}]}`), now)
	if err != nil || !slices.Equal(got.Rules, []string{"days", "number 3", "past", "future"}) ||
		!slices.Equal(got.Dated, []string{"past"}) || !slices.Equal(got.Markers, []string{"markers"}) {
		t.Errorf("ParseLifecycle = %+v, %v", got, err)
	}
}

func TestEncryption(t *testing.T) {
	value := []byte(`{"Rules":[{"ApplyServerSideEncryptionByDefault":{"KMSMasterKeyID":"arn:aws:kms:us-east-1:1:key/a","SSEAlgorithm":"aws:kms"},"BucketKeyEnabled":true}]}`)
	e, err := parity.ParseEncryption(value)
	if err != nil || e.Algorithm != "aws:kms" || e.KeyID != "arn:aws:kms:us-east-1:1:key/a" {
		t.Errorf("ParseEncryption = %+v, %v", e, err)
	}
	out, err := parity.WithKey(value, "arn:aws:kms:eu-west-1:1:key/b")
	if err != nil {
		t.Fatal(err)
	}
	if e, err = parity.ParseEncryption(out); err != nil || e.KeyID != "arn:aws:kms:eu-west-1:1:key/b" ||
		!strings.Contains(string(out), `"BucketKeyEnabled":true`) {
		t.Errorf("WithKey = %s, %v", out, err)
	}
}

func TestTargets(t *testing.T) {
	got, err := parity.Targets([]byte(`{"Role":"r","Rules":[` +
		`{"Status":"Enabled","Destination":{"Bucket":"arn:aws:s3:::b"}},` +
		`{"Status":"Disabled","Destination":{"Bucket":"arn:aws:s3:::c"}},` +
		`{"Status":"Enabled","Destination":{"Bucket":"arn:aws:s3:::a"}}]}`))
	if err != nil || !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("Targets = %q, %v", got, err)
	}
}

func TestCustomerKeys(t *testing.T) {
	for value, want := range map[string][2]bool{
		`{"Rules":[{"BlockedEncryptionTypes":{"EncryptionType":["SSE-C"]}}]}`:          {true, true},
		`{"Rules":[{"BlockedEncryptionTypes":{"EncryptionType":["NONE"]}}]}`:           {false, true},
		`{"Rules":[{"BlockedEncryptionTypes":{"EncryptionType":null}}]}`:               {false, false},
		`{"Rules":[{"ApplyServerSideEncryptionByDefault":{"SSEAlgorithm":"AES256"}}]}`: {false, false},
		`{}`: {false, false},
	} {
		refused, told, err := parity.CustomerKeys([]byte(value))
		if err != nil || refused != want[0] || told != want[1] {
			t.Errorf("CustomerKeys(%s) = %t, %t, %v, want %v", value, refused, told, err, want)
		}
	}
	if refused, told, err := parity.CustomerKeys(nil); refused || told || err != nil {
		t.Errorf("CustomerKeys(nil) = %t, %t, %v", refused, told, err)
	}
}
