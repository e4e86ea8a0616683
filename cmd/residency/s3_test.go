package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/inventory/objectstore/storetest/amazon"
)

const s3Usage = `s3 is an independent client of the sandbox:
  s3 bucket REGION BUCKET [versioned]     create a bucket
  s3 locked REGION BUCKET MODE            create one whose objects are all retained for ten years
  s3 tag REGION BUCKET KEY VALUE          tag it
  s3 policy REGION BUCKET JSON            give it a policy
  s3 versions REGION BUCKET               turn its versioning on
  s3 drop REGION BUCKET                   delete it, with its unfinished uploads
  s3 shows REGION BUCKET                  print its versioning, tags and policy
  s3 put REGION BUCKET KEY TEXT           put an object; the key may have escapes as in Go
  s3 rich REGION BUCKET                   put objects of every kind
  s3 many REGION BUCKET N                 put N plain objects
  s3 customer REGION BUCKET               permit SSE-C, and put an object under the key of 32 letters k
  s3 acls REGION BUCKET                   turn access control lists on, and put an object that all may read
  s3 settings REGION BUCKET               give it one of each setting
  s3 setup REGION BUCKET                  print those
  s3 kms REGION BUCKET KEY                encrypt it with a key of KMS by default
  s3 head REGION BUCKET KEY               print how large one is
  s3 rm REGION BUCKET KEY                 delete one
  s3 purge REGION BUCKET KEY              delete all its entries
  s3 upload REGION BUCKET KEY             begin a multipart upload and leave it
  s3 ls REGION BUCKET[/PREFIX]            list every entry, oldest first, and uploads
  s3 save REGION BUCKET[/PREFIX] FILE     write down everything there is
  s3 same REGION BUCKET[/PREFIX] FILE     compare everything with what was written down
`

// s3Command is in this process: starting one would take longer than what it does.
func s3Command(ts *testscript.TestScript, neg bool, args []string) {
	err := s3Run(context.Background(), ts, args)
	if err != nil {
		fmt.Fprintln(ts.Stderr(), "s3:", err)
	}
	if neg != (err != nil) {
		ts.Fatalf("s3 %s: %v", strings.Join(args, " "), err)
	}
}

func s3Run(ctx context.Context, ts *testscript.TestScript, args []string) error {
	if len(args) < 3 {
		return errors.New(s3Usage)
	}
	client, closes, err := s3Client(ts, args[1])
	if err != nil {
		return err
	}
	defer closes()
	bucket, prefix, _ := strings.Cut(args[2], "/")
	t := &s3Tool{client: client, out: ts.Stdout(), region: args[1], bucket: bucket, prefix: prefix}
	rest := args[3:]
	want := map[string]int{"locked": 1, "put": 2, "rich": 0, "customer": 0, "acls": 0, "many": 1, "kms": 1,
		"settings": 0,
		"setup":    0, "head": 1, "rm": 1, "purge": 1, "upload": 1, "ls": 0, "save": 1, "same": 1, "tag": 2,
		"policy": 1,
		"shows":  0, "versions": 0, "drop": 0}
	if n, ok := want[args[0]]; ok && n != len(rest) || !ok && args[0] != "bucket" {
		return errors.New(s3Usage)
	}
	if len(rest) > 0 && strings.Contains(rest[0], `\`) {
		if key, err := strconv.Unquote(`"` + rest[0] + `"`); err == nil {
			rest[0] = key
		}
	}
	switch args[0] {
	case "head":
		out, err := t.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &bucket, Key: &rest[0]})
		if err == nil {
			fmt.Fprintln(t.out, *out.ContentLength)
		}
		return err
	case "bucket":
		return t.create(ctx, len(rest) == 1 && rest[0] == "versioned")
	case "locked":
		return t.createLocked(ctx, rest[0])
	case "tag":
		_, err = t.client.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{Bucket: &bucket,
			Tagging: &types.Tagging{TagSet: []types.Tag{{Key: &rest[0], Value: &rest[1]}}}})
	case "policy":
		if ts.Getenv("SANDBOX") == "" { // new buckets at Amazon take no policy for everybody
			if _, err := t.client.DeletePublicAccessBlock(ctx,
				&s3.DeletePublicAccessBlockInput{Bucket: &bucket}); err != nil {
				return err
			}
		}
		_, err = t.client.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: &rest[0]})
	case "versions":
		return t.version(ctx)
	case "drop":
		return t.drop(ctx)
	case "shows":
		return t.shows(ctx)
	case "put":
		in := &s3.PutObjectInput{Bucket: &bucket, Key: &rest[0], Body: strings.NewReader(rest[1])}
		if ts.Getenv("SANDBOX") == "" { // buckets with object lock at Amazon take nothing without a checksum
			in.ChecksumAlgorithm = types.ChecksumAlgorithmCrc64nvme
		}
		_, err = t.client.PutObject(ctx, in)
	case "settings":
		return t.settings(ctx)
	case "setup":
		return t.setup(ctx)
	case "kms":
		_, err = t.client.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{Bucket: &bucket,
			ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{
				Rules: []types.ServerSideEncryptionRule{{ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAwsKms, KMSMasterKeyID: &rest[0]}}}}})
	case "many":
		return t.many(ctx, rest[0])
	case "customer":
		return t.customer(ctx)
	case "acls":
		return t.acls(ctx)
	case "rich":
		return t.rich(ctx)
	case "rm":
		_, err = t.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: &rest[0]})
	case "purge":
		return t.purge(ctx, rest[0])
	case "upload":
		_, err = t.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &bucket, Key: &rest[0]})
	case "ls":
		return t.list(ctx)
	case "save":
		return t.save(ctx, ts.MkAbs(rest[0]))
	case "same":
		return t.same(ctx, ts.MkAbs(rest[0]))
	}
	return err
}

// s3Client is one of the sandbox, or of the Amazon if the script has that.
func s3Client(ts *testscript.TestScript, region string) (_ *s3.Client, closes func(), _ error) {
	dir := ts.Getenv("SANDBOX")
	if dir == "" {
		return (*ts.Value(amazonKey{}).(**amazon.Server)).Client(region), func() {}, nil
	}
	box, err := storetest.Attach(dir)
	if err != nil {
		return nil, nil, err
	}
	return box.Client(region), func() { ts.Check(box.Close()) }, nil
}

type s3Tool struct {
	client                 *s3.Client
	out                    io.Writer
	region, bucket, prefix string
}

func (t *s3Tool) createLocked(ctx context.Context, mode string) error {
	lock := true
	if _, err := t.client.CreateBucket(ctx, t.input(&lock)); err != nil {
		return err
	}
	years := int32(10)
	_, err := t.client.PutObjectLockConfiguration(ctx, &s3.PutObjectLockConfigurationInput{Bucket: &t.bucket,
		ObjectLockConfiguration: &types.ObjectLockConfiguration{
			ObjectLockEnabled: types.ObjectLockEnabledEnabled,
			Rule:              &types.ObjectLockRule{DefaultRetention: &types.DefaultRetention{Mode: types.ObjectLockRetentionMode(mode), Years: &years}}}})
	return err
}

// input creates the bucket in its region.
func (t *s3Tool) input(lock *bool) *s3.CreateBucketInput {
	in := &s3.CreateBucketInput{Bucket: &t.bucket, ObjectLockEnabledForBucket: lock}
	if t.region != "us-east-1" {
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(
			t.region)}
	}
	return in
}

func (t *s3Tool) create(ctx context.Context, versioned bool) error {
	if _, err := t.client.CreateBucket(ctx, t.input(nil)); err != nil || !versioned {
		return err
	}
	return t.version(ctx)
}

func (t *s3Tool) version(ctx context.Context) error {
	_, err := t.client.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: &t.bucket,
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}})
	return err
}

// shows prints what is set about a bucket; what is not set, as empty.
func (t *s3Tool) shows(ctx context.Context) error {
	absent := func(err error) bool {
		var refused smithy.APIError
		return errors.As(err, &refused) && (refused.ErrorCode() == "NoSuchTagSet" ||
			refused.ErrorCode() == "NoSuchBucketPolicy")
	}
	versioning, err := t.client.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &t.bucket})
	if err != nil {
		return err
	}
	fmt.Fprintf(t.out, "versioning %s\n", versioning.Status)
	tagging, err := t.client.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &t.bucket})
	if err != nil && !absent(err) {
		return err
	}
	if err == nil {
		for _, tag := range tagging.TagSet {
			fmt.Fprintf(t.out, "tag %s=%s\n", *tag.Key, *tag.Value)
		}
	}
	policy, err := t.client.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &t.bucket})
	if err != nil {
		if absent(err) {
			return nil
		}
		return err
	}
	fmt.Fprintf(t.out, "policy %s\n", *policy.Policy)
	return nil
}

func (t *s3Tool) purge(ctx context.Context, key string) error {
	histories, err := storetest.Snapshot(ctx, t.client, t.bucket, key)
	if err != nil {
		return err
	}
	for _, e := range histories[key] {
		if _, err := t.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &t.bucket, Key: &key,
			VersionId: &e.VersionID}); err != nil {
			return err
		}
	}
	return nil
}

// drop deletes the bucket, which has unfinished uploads at most.
func (t *s3Tool) drop(ctx context.Context) error {
	uploads, err := t.client.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: &t.bucket})
	if err != nil {
		return err
	}
	for _, u := range uploads.Uploads {
		if _, err := t.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &t.bucket, Key: u.Key,
			UploadId: u.UploadId}); err != nil {
			return err
		}
	}
	_, err = t.client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &t.bucket})
	return err
}

func (t *s3Tool) snapshot(ctx context.Context) (storetest.Histories, error) {
	return storetest.Snapshot(ctx, t.client, t.bucket, t.prefix)
}

func (t *s3Tool) list(ctx context.Context) error {
	histories, err := t.snapshot(ctx)
	var refused smithy.APIError
	if errors.As(err, &refused) && refused.ErrorCode() == "NoSuchBucket" {
		fmt.Fprintln(t.out, "no such bucket")
		return nil
	}
	if err != nil {
		return err
	}
	for _, key := range slices.Sorted(maps.Keys(histories)) {
		fmt.Fprintf(t.out, "%q", key)
		for _, e := range histories[key] {
			if e.Marker {
				fmt.Fprint(t.out, " marker")
			} else {
				fmt.Fprintf(t.out, " %d:%.6s", e.Size, e.SHA256)
			}
		}
		fmt.Fprintln(t.out)
	}
	uploads, err := storetest.Uploads(ctx, t.client, t.bucket, t.prefix)
	for _, key := range uploads {
		fmt.Fprintf(t.out, "%q unfinished upload\n", key)
	}
	return err
}

func (t *s3Tool) save(ctx context.Context, file string) error {
	histories, err := t.snapshot(ctx)
	if err != nil {
		return err
	}
	text, err := json.Marshal(histories)
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o600)
}

func (t *s3Tool) same(ctx context.Context, file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	var want storetest.Histories
	if err := json.Unmarshal(text, &want); err != nil {
		return err
	}
	got, err := t.snapshot(ctx)
	if err != nil {
		return err
	}
	if d := storetest.Diff(want, got); d != "" {
		return fmt.Errorf("%s is not what %s says:\n%s", t.bucket, file, d)
	}
	return nil
}
