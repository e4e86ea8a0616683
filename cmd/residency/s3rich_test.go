package main

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"golang.org/x/sync/errgroup"
)

// rich puts objects with everything that one can have.
func (t *s3Tool) rich(ctx context.Context) error {
	for key, change := range map[string]func(*s3.PutObjectInput){
		"plain": func(*s3.PutObjectInput) {},
		"empty": func(in *s3.PutObjectInput) { in.Body = strings.NewReader("") },
		"headers": func(in *s3.PutObjectInput) {
			in.ContentType, in.CacheControl = aws.String("text/csv"), aws.String("no-store")
			in.ContentLanguage, in.ContentEncoding = aws.String("de"), aws.String("gzip")
			in.ContentDisposition = aws.String("attachment")
			in.Expires = aws.Time(time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC))
			in.Metadata = map[string]string{"customer": "4711", "note": "two words"}
		},
		"tags":     func(in *s3.PutObjectInput) { in.Tagging = aws.String("class=invoice&note=two%20words") },
		"redirect": func(in *s3.PutObjectInput) { in.WebsiteRedirectLocation = aws.String("/elsewhere") },
		"sha256":   func(in *s3.PutObjectInput) { in.ChecksumAlgorithm = types.ChecksumAlgorithmSha256 },
		"colder":   func(in *s3.PutObjectInput) { in.StorageClass = types.StorageClassStandardIa },
	} {
		in := &s3.PutObjectInput{Bucket: &t.bucket, Key: aws.String("rich/" + key), Body: strings.NewReader(key)}
		change(in)
		if _, err := t.client.PutObject(ctx, in); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	for _, algorithm := range []types.ChecksumAlgorithm{"", types.ChecksumAlgorithmSha256,
		types.ChecksumAlgorithmCrc64nvme} {
		if err := t.parts(ctx, "rich/parts-"+string(algorithm), algorithm); err != nil {
			return err
		}
	}
	return nil
}

// customer puts an object under SSE-C in a bucket that permits it.
func (t *s3Tool) customer(ctx context.Context) error {
	_, err := t.client.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{Bucket: &t.bucket,
		ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{{
			ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{
				SSEAlgorithm: types.ServerSideEncryptionAes256},
			BlockedEncryptionTypes: &types.BlockedEncryptionTypes{EncryptionType: []types.EncryptionType{types.EncryptionTypeNone}},
		}}}})
	if err != nil {
		return err
	}
	key := strings.Repeat("k", 32)
	sum := md5.Sum([]byte(key))
	_, err = t.client.PutObject(ctx, &s3.PutObjectInput{Bucket: &t.bucket, Key: aws.String("secret"),
		Body:                 strings.NewReader("one"),
		SSECustomerAlgorithm: aws.String("AES256"),
		SSECustomerKey:       aws.String(base64.StdEncoding.EncodeToString([]byte(key))),
		SSECustomerKeyMD5:    aws.String(base64.StdEncoding.EncodeToString(sum[:]))})
	return err
}

// acls puts an object that everybody may read, in a bucket where that is possible.
func (t *s3Tool) acls(ctx context.Context) error {
	if _, err := t.client.DeletePublicAccessBlock(ctx,
		&s3.DeletePublicAccessBlockInput{Bucket: &t.bucket}); err != nil {
		return err
	}
	_, err := t.client.PutBucketOwnershipControls(ctx, &s3.PutBucketOwnershipControlsInput{Bucket: &t.bucket,
		OwnershipControls: &types.OwnershipControls{Rules: []types.OwnershipControlsRule{{
			ObjectOwnership: types.ObjectOwnershipObjectWriter}}}})
	if err != nil {
		return err
	}
	_, err = t.client.PutObject(ctx, &s3.PutObjectInput{Bucket: &t.bucket, Key: aws.String("public"),
		Body: strings.NewReader("one"),
		ACL:  types.ObjectCannedACLPublicRead})
	return err
}

// many puts objects that have nothing but bytes.
func (t *s3Tool) many(ctx context.Context, text string) error {
	n, err := strconv.Atoi(text)
	if err != nil {
		return err
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(8)
	for i := range n {
		group.Go(func() error {
			_, err := t.client.PutObject(ctx, &s3.PutObjectInput{
				Bucket: &t.bucket, Key: aws.String(fmt.Sprintf("many/%04d", i)),
				Body: strings.NewReader(fmt.Sprint("body ", i)),
			})
			return err
		})
	}
	return group.Wait()
}

// parts puts an object of two parts.
func (t *s3Tool) parts(ctx context.Context, key string, algorithm types.ChecksumAlgorithm) error {
	up, err := t.client.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &t.bucket, Key: &key,
		ChecksumAlgorithm: algorithm, Tagging: aws.String("in=parts")})
	if err != nil {
		return err
	}
	var done []types.CompletedPart
	for i, body := range [][]byte{bytes.Repeat([]byte("x"), 5<<20), []byte("end")} {
		number := aws.Int32(int32(i + 1))
		out, err := t.client.UploadPart(ctx, &s3.UploadPartInput{Bucket: &t.bucket, Key: &key,
			UploadId: up.UploadId, PartNumber: number, Body: bytes.NewReader(body), ChecksumAlgorithm: algorithm})
		if err != nil {
			return err
		}
		part := types.CompletedPart{PartNumber: number, ETag: out.ETag, ChecksumSHA256: out.ChecksumSHA256}
		if algorithm == types.ChecksumAlgorithmCrc64nvme {
			part.ChecksumCRC64NVME = out.ChecksumCRC64NVME
		}
		done = append(done, part)
	}
	_, err = t.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: &t.bucket, Key: &key,
		UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: done}})
	return err
}
