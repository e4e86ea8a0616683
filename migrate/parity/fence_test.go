package parity_test

import (
	"strings"
	"testing"

	"github.com/residency/residency/migrate/parity"
)

func TestFence(t *testing.T) {
	fence := parity.Fence{Name: "0123", Resources: []string{"arn:aws:s3:::b/*"}, Deletes: true}
	const statement = `{"Action":["s3:PutObject","s3:PutObjectTagging","s3:DeleteObjectTagging","s3:PutObjectVersionTagging","s3:DeleteObjectVersionTagging","s3:PutObjectAcl","s3:DeleteObject","s3:PutObjectVersionAcl","s3:ReplicateObject","s3:ReplicateDelete"],"Effect":"Deny","Principal":"*","Resource":["arn:aws:s3:::b/*"],"Sid":"ResidencyFence0123"}`
	const theirs = `{"Effect":"Allow","Sid":"Theirs"}`
	for _, tt := range []struct{ before, fenced, after string }{
		{"", `{"Statement":[` + statement + `],"Version":"2012-10-17"}`, ""},
		{`{"Version":"2008-10-17","Statement":[` + theirs + `]}`, `{"Statement":[` + theirs + `,` + statement + `],"Version":"2008-10-17"}`, `{"Statement":[` + theirs + `],"Version":"2008-10-17"}`},
		{`{"Statement":` + theirs + `}`, `{"Statement":[` + theirs + `,` + statement + `]}`, `{"Statement":[` + theirs + `]}`},
	} {
		var before []byte
		if tt.before != "" {
			before = []byte(tt.before)
		}
		got, err := fence.With(before)
		if err != nil || string(got) != tt.fenced {
			t.Errorf("With(%s)\n  = %s, %v\nwant %s", tt.before, got, err, tt.fenced)
		}
		if again, err := fence.With(got); err != nil || string(again) != tt.fenced {
			t.Errorf("With twice = %s, %v, want %s", again, err, tt.fenced)
		}
		if after, err := parity.Unfenced(got); err != nil || string(after) != tt.after {
			t.Errorf("Unfenced = %s, %v, want %s", after, err, tt.after)
		}
	}
	narrow := parity.Fence{Name: "0123", Resources: fence.Resources, Narrow: true}
	if got, err := narrow.With(nil); err != nil || !strings.Contains(string(got), `"s3:PutObjectAcl"],"Effect"`) {
		t.Errorf("narrow: %s, %v", got, err)
	}
	other := parity.Fence{Name: "4567", Resources: []string{"arn:aws:s3:::b/p*"}}
	alone, err := other.With(nil)
	if err != nil {
		t.Fatal(err)
	}
	both, err := fence.With(alone)
	if err != nil {
		t.Fatal(err)
	}
	if rest, err := fence.Without(both); err != nil || string(rest) != string(alone) {
		t.Errorf("Without = %s, %v, want the other fence, %s", rest, err, alone)
	}
	if rest, err := fence.Without(alone); err != nil || string(rest) != string(alone) {
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
		if is, err := fence.In([]byte(tt.policy)); err != nil || is != tt.is {
			t.Errorf("In(%s) = %t, %v, want %t", tt.policy, is, err, tt.is)
		}
	}
	if _, err := fence.In([]byte(`["ResidencyFence0123"]`)); err == nil {
		t.Error("In what is no policy succeeded")
	}
	const plain = `{ "Statement": [] }`
	if same, err := parity.Unfenced([]byte(plain)); err != nil || string(same) != plain {
		t.Errorf("Unfenced(%s) = %s, %v, want it unchanged", plain, same, err)
	}
	for _, broken := range []string{`[]`, `{"Statement":1}`, `{`} {
		if _, err := fence.With([]byte(broken)); err == nil {
			t.Errorf("With(%s) succeeded", broken)
		}
	}
}
