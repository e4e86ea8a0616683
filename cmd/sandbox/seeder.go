package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"net/url"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// seeder writes samples. The first error stands; what follows it does nothing.
type seeder struct {
	ctx context.Context
	box *box

	mu  sync.Mutex
	err error
}

func (s *seeder) fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.err == nil && err != nil {
		s.err = err
	}
}

func (s *seeder) failed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err != nil
}

// bucket is one being filled.
type bucket struct {
	*seeder
	client *s3.Client
	name   string
}

func (s *seeder) bucket(region, name string, versioned bool, tags map[string]string) *bucket {
	client, err := s.box.client(region)
	s.fail(err)
	b := &bucket{seeder: s, client: client, name: name}
	if s.failed() {
		return b
	}
	in := &s3.CreateBucketInput{Bucket: &name}
	if region != "us-east-1" {
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(
			region)}
	}
	_, err = client.CreateBucket(s.ctx, in)
	s.fail(err)
	if versioned {
		_, err := client.PutBucketVersioning(s.ctx, &s3.PutBucketVersioningInput{Bucket: &name,
			VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}})
		s.fail(err)
	}
	if len(tags) > 0 {
		var set []types.Tag
		for k, v := range tags {
			set = append(set, types.Tag{Key: aws.String(k), Value: aws.String(v)})
		}
		_, err := client.PutBucketTagging(s.ctx, &s3.PutBucketTaggingInput{Bucket: &name,
			Tagging: &types.Tagging{TagSet: set}})
		s.fail(err)
	}
	return b
}

// object is one to be put; its zero value is an empty object.
type object struct {
	key  string
	body []byte
	with func(*s3.PutObjectInput)
}

func (b *bucket) put(o object) {
	if b.failed() {
		return
	}
	in := &s3.PutObjectInput{Bucket: &b.name, Key: &o.key, Body: bytes.NewReader(o.body),
		ContentType: aws.String("application/octet-stream")}
	if o.with != nil {
		o.with(in)
	}
	if _, err := b.client.PutObject(b.ctx, in); err != nil {
		b.fail(fmt.Errorf("put %q into %s: %w", o.key, b.name, err))
	}
}

// putAll puts different keys, eight at a time.
func (b *bucket) putAll(objects []object) {
	var wg sync.WaitGroup
	work := make(chan object)
	for range 8 {
		wg.Go(func() {
			for o := range work {
				b.put(o)
			}
		})
	}
	for _, o := range objects {
		work <- o
	}
	close(work)
	wg.Wait()
}

// remove makes a delete marker.
func (b *bucket) remove(key string) {
	if b.failed() {
		return
	}
	if _, err := b.client.DeleteObject(b.ctx, &s3.DeleteObjectInput{Bucket: &b.name, Key: &key}); err != nil {
		b.fail(fmt.Errorf("delete %q in %s: %w", key, b.name, err))
	}
}

// multipart uploads parts of the given sizes; without complete it leaves the
// upload unfinished.
func (b *bucket) multipart(key string, complete bool, with func(*s3.CreateMultipartUploadInput), parts ...[]byte) {
	if b.failed() {
		return
	}
	in := &s3.CreateMultipartUploadInput{Bucket: &b.name, Key: &key, ContentType: aws.String("application/octet-stream")}
	if with != nil {
		with(in)
	}
	created, err := b.client.CreateMultipartUpload(b.ctx, in)
	if err != nil {
		b.fail(fmt.Errorf("start upload of %q: %w", key, err))
		return
	}
	var done []types.CompletedPart
	for i, body := range parts {
		n := aws.Int32(int32(i + 1))
		out, err := b.client.UploadPart(b.ctx, &s3.UploadPartInput{Bucket: &b.name, Key: &key, UploadId: created.UploadId,
			PartNumber: n, Body: bytes.NewReader(body)})
		if err != nil {
			b.fail(fmt.Errorf("upload part %d of %q: %w", i+1, key, err))
			return
		}
		done = append(done, types.CompletedPart{PartNumber: n, ETag: out.ETag})
	}
	if !complete {
		return
	}
	_, err = b.client.CompleteMultipartUpload(b.ctx, &s3.CompleteMultipartUploadInput{Bucket: &b.name, Key: &key,
		UploadId: created.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: done}})
	if err != nil {
		b.fail(fmt.Errorf("complete upload of %q: %w", key, err))
	}
}

// random makes the same bytes for the same name on every run.
func random(name string, n int) []byte {
	out := make([]byte, n)
	_, _ = rand.NewChaCha8(sha256.Sum256([]byte(name))).Read(out) // never fails
	return out
}

func contentType(v string) func(*s3.PutObjectInput) {
	return func(in *s3.PutObjectInput) { in.ContentType = &v }
}

func tags(pairs ...string) *string {
	values := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values.Set(pairs[i], pairs[i+1])
	}
	return aws.String(values.Encode())
}

func numbered(prefix, suffix string, n, size int, with func(*s3.PutObjectInput)) []object {
	objects := make([]object, n)
	for i := range objects {
		key := fmt.Sprintf("%s%04d%s", prefix, i+1, suffix)
		objects[i] = object{key: key, body: random(key, size+i*37%4096), with: with}
	}
	return objects
}
