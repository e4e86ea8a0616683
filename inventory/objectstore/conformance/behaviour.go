package conformance

import (
	"context"
	"fmt"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
)

// keys are classes of keys that servers treat differently.
func keys() []Check {
	var checks []Check
	for _, k := range []struct {
		name string
		keys []string
	}{
		{"keys with spaces, quotes, `+ % ? # &`", []string{" leading", "two  spaces", "plus+sign", "100%", "percent%41",
			"question?", "hash#", "amp&", `quote"`, `back\slash`, "=1+1"}},
		{"keys in NFC beside NFD", []string{"caf\u00e9", "cafe\u0301"}},
		{"keys that end in `/`", []string{"directory/"}},
		{"`dir` beside `dir/file`", []string{"dir", "dir/file"}},
		{"keys with `//`", []string{"a//b"}},
		{"keys that begin with `/`", []string{"/a"}},
		{"keys with `.` and `..` segments", []string{"a/./b", "a/../b"}},
		{"keys with control characters", []string{"tab\there", "escape\x1b[31m", "newline\nhere", "bell\x07"}},
		{"keys of 1,024 bytes in short segments",
			[]string{strings.Repeat("0123456789abcde/", 63) + "0123456789abcdef"}},
		{"keys of 1,024 bytes in one segment", []string{strings.Repeat("x", 1024)}},
	} {
		checks = append(checks, Check{k.name, func(ctx context.Context, s *Subject) error {
			for _, key := range k.keys {
				if _, err := s.put(ctx, s.Versioned, objectstore.NewObject{Key: key}, objectstore.Body{}); err != nil {
					return err
				}
				if got, err := s.shape(ctx, s.Versioned, key); err != nil || got != "v" {
					return kept(false, err)
				}
			}
			return nil
		}})
	}
	return checks
}

// conditions are what the laws of erasing and of never overwriting rest on.
func conditions() []Check {
	body := func() objectstore.Body { return objectstore.Body{Reader: strings.NewReader("new"), Size: 3} }
	other := strings.Repeat("0", 32)
	begin := func(ctx context.Context, s *Subject, key string) error {
		_, err := s.put(ctx, s.Plain, objectstore.NewObject{Key: key}, objectstore.Body{})
		return err
	}
	return []Check{
		{"If-None-Match on PUT", func(ctx context.Context, s *Subject) error {
			if err := begin(ctx, s, "if-none-match"); err != nil {
				return err
			}
			_, err := s.Store.Put(ctx, objectstore.NewObject{Bucket: s.Plain, Key: "if-none-match",
				Guard: objectstore.Guard{Absent: true}}, body())
			return refused(err)
		}},
		{"If-Match on PUT", func(ctx context.Context, s *Subject) error {
			if err := begin(ctx, s, "if-match"); err != nil {
				return err
			}
			_, err := s.Store.Put(ctx, objectstore.NewObject{Bucket: s.Plain, Key: "if-match",
				Guard: objectstore.Guard{ETag: other}}, body())
			return refused(err)
		}},
		{"If-Match on DELETE", func(ctx context.Context, s *Subject) error {
			if err := begin(ctx, s, "delete-if-match"); err != nil {
				return err
			}
			return refused(s.Store.DeleteIf(ctx, s.Plain, objectstore.Deletion{Key: "delete-if-match", ETag: other}))
		}},
		{"source's ETag as a condition of a copy", func(ctx context.Context, s *Subject) error {
			if err := begin(ctx, s, "copied"); err != nil {
				return err
			}
			source, target, err := asked(ctx, s, "copied", "copy")
			if err != nil {
				return err
			}
			source.ETag = other
			_, err = s.Store.Copy(ctx, source, target)
			return refused(err)
		}},
		{"If-None-Match on a copy's destination", func(ctx context.Context, s *Subject) error {
			if err := begin(ctx, s, "copied-from"); err != nil {
				return err
			}
			if err := begin(ctx, s, "copied-over"); err != nil {
				return err
			}
			source, target, err := asked(ctx, s, "copied-from", "copied-over")
			if err != nil {
				return err
			}
			target.Guard = objectstore.Guard{Absent: true}
			_, err = s.Store.Copy(ctx, source, target)
			return refused(err)
		}},
	}
}

// asked is how a copy is asked for: where a service copies some versions by itself alone, by what its listing
// says of them.
func asked(ctx context.Context, s *Subject, from, to string) (
	source objectstore.Ref, target objectstore.NewObject, err error,
) {
	source = objectstore.Ref{Bucket: s.Plain, Key: from}
	target = objectstore.NewObject{Bucket: s.Plain, Key: to}
	if !objectstore.CapabilitiesOf(s.Store).CopiesSome {
		return source, target, nil
	}
	for v, err := range s.Store.Versions(ctx, s.Plain, from, "") {
		if err != nil {
			return source, target, err
		}
		if v.Key == from && v.Content != nil {
			source.ETag, target.Explicit, target.Claimed = v.ETag, true, v.Content.Claimed
		}
	}
	return source, target, nil
}

// settings are those of a bucket, in the form in which S3 has them.
func settings() []Check {
	var checks []Check
	for _, v := range []struct {
		name  objectstore.Setting
		value string
	}{
		{objectstore.Encryption, `{"Rules":[{"ApplyServerSideEncryptionByDefault":{"SSEAlgorithm":"AES256"}}]}`},
		{objectstore.Ownership, `{"Rules":[{"ObjectOwnership":"BucketOwnerPreferred"}]}`},
		{objectstore.PublicAccess, `{"BlockPublicAcls":true,"IgnorePublicAcls":true}`},
		{objectstore.CORS,
			`{"CORSRules":[{"AllowedMethods":["GET"],"AllowedOrigins":["https://app.example.com"],"AllowedHeaders":["*"]}]}`},
		{objectstore.Website, `{"IndexDocument":{"Suffix":"index.html"}}`},
		{objectstore.RequestPayment, `{"Payer":"Requester"}`},
		{objectstore.Policy,
			`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["*"]},` +
				`"Action":["s3:GetObject"],"Resource":["arn:aws:s3:::%s/public/*"]}]}`},
		{objectstore.Lifecycle,
			`{"Rules":[{"ID":"old logs","Status":"Enabled","Filter":{"Prefix":"logs/"},"Expiration":{"Days":3650}}]}`},
	} {
		checks = append(checks, Check{"bucket's " + string(v.name), func(ctx context.Context, s *Subject) error {
			value := v.value
			if v.name == objectstore.Policy {
				value = fmt.Sprintf(value, s.Versioned)
			}
			if err := s.Store.SetSetting(ctx, s.Versioned, v.name, []byte(value)); err != nil {
				return err
			}
			got, err := s.Store.Setting(ctx, s.Versioned, v.name)
			return kept(got != nil, err)
		}})
	}
	return checks
}
