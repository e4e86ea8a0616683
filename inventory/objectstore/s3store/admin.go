package s3store

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/listing"
)

// Buckets implements objectstore.Administrator. With AWS the list has every
// bucket of the account in all regions.
func (s *Store) Buckets(ctx context.Context) ([]objectstore.Bucket, error) {
	var buckets []objectstore.Bucket
	in := &s3.ListBucketsInput{MaxBuckets: aws.Int32(pageKeys)}
	var course listing.Course
	for {
		out, err := s.client.ListBuckets(ctx, in)
		if err != nil {
			return nil, s.fail("ListBuckets", "", err)
		}
		for _, b := range out.Buckets {
			buckets = append(buckets, objectstore.Bucket{Name: aws.ToString(b.Name), Region: aws.ToString(b.BucketRegion), Created: aws.ToTime(b.CreationDate)})
		}
		if aws.ToString(out.ContinuationToken) == "" {
			return buckets, nil
		}
		if err := course.Advance(listing.Marker{VersionID: *out.ContinuationToken}, len(out.Buckets)); err != nil {
			return nil, s.broken("ListBuckets", "", err)
		}
		in.ContinuationToken = out.ContinuationToken
	}
}

// BucketRegion implements objectstore.Administrator.
func (s *Store) BucketRegion(ctx context.Context, bucket string) (string, error) {
	out, err := s.client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &bucket})
	if region := s.elsewhereIn(err); region != "" {
		return region, nil
	}
	if err = s.fail("HeadBucket", bucket, err); errors.Is(err, objectstore.ErrDenied) && s.foreign(ctx, bucket) {
		return "", &objectstore.Error{Op: "HeadBucket", Bucket: s.where(bucket), Kind: objectstore.ErrOwner, Err: fmt.Errorf("not of %s, which every request names as the owner", s.owner.name(ctx))}
	}
	if err != nil {
		return "", err
	}
	return aws.ToString(out.BucketRegion), nil
}

// Versioning implements objectstore.Administrator.
func (s *Store) Versioning(ctx context.Context, bucket string) (objectstore.Versioning, error) {
	out, err := s.client.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &bucket})
	if err != nil {
		return "", s.fail("GetBucketVersioning", bucket, err)
	}
	v := objectstore.Unversioned
	switch out.Status {
	case types.BucketVersioningStatusEnabled:
		v = objectstore.Enabled
	case types.BucketVersioningStatusSuspended:
		v = objectstore.Suspended
	}
	s.unversioned.saw(bucket, v)
	return v, nil
}

// MFADelete implements objectstore.MFADeleter.
func (s *Store) MFADelete(ctx context.Context, bucket string) (bool, error) {
	out, err := s.client.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &bucket})
	if err != nil {
		return false, s.fail("GetBucketVersioning", bucket, err)
	}
	return out.MFADelete == types.MFADeleteStatusEnabled, nil
}

// SetVersioning implements objectstore.Administrator.
func (s *Store) SetVersioning(ctx context.Context, bucket string, v objectstore.Versioning) error {
	status := types.BucketVersioningStatusSuspended
	if v == objectstore.Enabled {
		status = types.BucketVersioningStatusEnabled
	}
	_, err := s.client.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: &bucket, VersioningConfiguration: &types.VersioningConfiguration{Status: status}})
	s.unversioned.saw(bucket, v) // whether or not it was heard to be done
	return s.fail("PutBucketVersioning", bucket, err)
}

// BucketTags implements objectstore.Administrator. A bucket without tags has
// none; that is no error.
func (s *Store) BucketTags(ctx context.Context, bucket string) ([]objectstore.Tag, error) {
	out, err := s.client.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &bucket})
	if err != nil {
		err = s.fail("GetBucketTagging", bucket, err)
		if noTagSet(err) {
			return nil, nil
		}
		return nil, err
	}
	return tags(out.TagSet), nil
}

// SetBucketTags implements objectstore.Administrator.
func (s *Store) SetBucketTags(ctx context.Context, bucket string, list []objectstore.Tag) error {
	set := make([]types.Tag, len(list))
	for i := range list {
		set[i] = types.Tag{Key: &list[i].Key, Value: &list[i].Value}
	}
	_, err := s.client.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{Bucket: &bucket, Tagging: &types.Tagging{TagSet: set}})
	return s.fail("PutBucketTagging", bucket, err)
}

// CreateBucket implements objectstore.Administrator.
func (s *Store) CreateBucket(ctx context.Context, bucket string, lock bool) error {
	in := &s3.CreateBucketInput{Bucket: &bucket}
	if lock {
		in.ObjectLockEnabledForBucket = &lock
	}
	if s.region != unnamed {
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(s.region)}
	}
	_, err := s.client.CreateBucket(ctx, in)
	return s.fail("CreateBucket", bucket, err)
}

// DeleteBucket implements objectstore.Administrator.
func (s *Store) DeleteBucket(ctx context.Context, bucket string) error {
	_, err := s.client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &bucket})
	return s.fail("DeleteBucket", bucket, err)
}

func header(metadata middleware.Metadata) http.Header {
	h, _ := metadata.Get(headerKey{}).(http.Header)
	return h
}

func noTagSet(err error) bool {
	var e *objectstore.Error
	return errors.As(err, &e) && e.Code == "NoSuchTagSet"
}

// Time returns the endpoint's clock as its answers tell it, to the second.
func (s *Store) Time(ctx context.Context) (time.Time, error) {
	out, err := s.client.ListBuckets(ctx, &s3.ListBucketsInput{MaxBuckets: aws.Int32(1)}, s3.WithAPIOptions(rawHeader))
	if err != nil {
		return time.Time{}, s.fail("ListBuckets", "", err)
	}
	t, err := http.ParseTime(header(out.ResultMetadata).Get("Date"))
	if err != nil {
		return time.Time{}, s.broken("ListBuckets", "", fmt.Errorf("the answer has no date: %w", err))
	}
	return t, nil
}
