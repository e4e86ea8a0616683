package bucketpolicy_test

import (
	"strings"
	"testing"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/bucketpolicy"
)

func TestWriteBlock(t *testing.T) {
	blocks := bucketpolicy.WriteBlocks{Partition: "aws"}
	fence := objectstore.WriteBlock{Name: "0123", Bucket: "b", Prefixes: []string{""}, Deletes: true}
	const statement = `{"Action":["s3:PutObject","s3:PutObjectTagging","s3:DeleteObjectTagging","s3:PutObjectVersionTagging","s3:DeleteObjectVersionTagging","s3:PutObjectAcl","s3:DeleteObject","s3:PutObjectVersionAcl","s3:ReplicateObject","s3:ReplicateDelete"],"Effect":"Deny","Principal":"*","Resource":["arn:aws:s3:::b/*"],"Sid":"ResidencyFence0123"}`
	const theirs = `{"Effect":"Allow","Sid":"Theirs"}`
	for _, tt := range []struct{ before, fenced, after string }{
		{"", `{"Statement":[` + statement + `],"Version":"2012-10-17"}`, ""},
		{`{"Version":"2008-10-17","Statement":[` + theirs + `]}`, `{"Statement":[` + theirs + `,` + statement +
			`],"Version":"2008-10-17"}`, `{"Statement":[` + theirs + `],"Version":"2008-10-17"}`},
		{`{"Statement":` + theirs + `}`, `{"Statement":[` + theirs + `,` + statement + `]}`,
			`{"Statement":[` + theirs + `]}`},
	} {
		var before []byte
		if tt.before != "" {
			before = []byte(tt.before)
		}
		got, err := blocks.With(before, fence)
		if err != nil || string(got) != tt.fenced {
			t.Errorf("With(%s)\n  = %s, %v\nwant %s", tt.before, got, err, tt.fenced)
		}
		if again, err := blocks.With(got, fence); err != nil || string(again) != tt.fenced {
			t.Errorf("With twice = %s, %v, want %s", again, err, tt.fenced)
		}
		if after, err := bucketpolicy.WithoutWriteBlocks(got); err != nil || string(after) != tt.after {
			t.Errorf("WithoutWriteBlocks = %s, %v, want %s", after, err, tt.after)
		}
	}
	narrow := objectstore.WriteBlock{Name: "0123", Bucket: "b", Prefixes: []string{""}, Narrow: true}
	if got, err := blocks.With(nil, narrow); err != nil || !strings.Contains(string(got), `"s3:PutObjectAcl"],"Effect"`) {
		t.Errorf("narrow: %s, %v", got, err)
	}
	other := objectstore.WriteBlock{Name: "4567", Bucket: "b", Prefixes: []string{"p"}}
	alone, err := blocks.With(nil, other)
	if err != nil {
		t.Fatal(err)
	}
	both, err := blocks.With(alone, fence)
	if err != nil {
		t.Fatal(err)
	}
	if rest, err := blocks.Without(both, fence.Name); err != nil || string(rest) != string(alone) {
		t.Errorf("Without = %s, %v, want the other fence, %s", rest, err, alone)
	}
	if rest, err := blocks.Without(alone, fence.Name); err != nil || string(rest) != string(alone) {
		t.Errorf("Without what is not there = %s, %v, want %s", rest, err, alone)
	}
	for _, tt := range []struct {
		policy string
		is     bool
	}{
		{string(both), true}, {string(alone), false}, {"", false}, {`{"Statement":` + statement + `}`, true},
		{strings.Replace(string(both), `"Deny"`, `"Allow"`, 2), false},
		{`{"Statement":{"Sid":"Theirs","Effect":"Deny","Resource":"ResidencyFence0123"}}`, false},
	} {
		if is, err := blocks.In([]byte(tt.policy), fence.Name); err != nil || is != tt.is {
			t.Errorf("In(%s) = %t, %v, want %t", tt.policy, is, err, tt.is)
		}
	}
	if _, err := blocks.In([]byte(`["ResidencyFence0123"]`), fence.Name); err == nil {
		t.Error("In what is no policy succeeded")
	}
	const plain = `{ "Statement": [] }`
	if same, err := bucketpolicy.WithoutWriteBlocks([]byte(plain)); err != nil || string(same) != plain {
		t.Errorf("WithoutWriteBlocks(%s) = %s, %v, want it unchanged", plain, same, err)
	}
	for _, broken := range []string{`[]`, `{"Statement":1}`, `{`} {
		if _, err := blocks.With([]byte(broken), fence); err == nil {
			t.Errorf("With(%s) succeeded", broken)
		}
	}
}
