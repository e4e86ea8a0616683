package s3store

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

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
			buckets = append(buckets, objectstore.Bucket{Name: aws.ToString(b.Name),
				Region: s.code(aws.ToString(b.BucketRegion)), Created: aws.ToTime(b.CreationDate)})
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
		return "", &objectstore.Error{Op: "HeadBucket", Bucket: s.where(bucket), Kind: objectstore.ErrOwner,
			Err: fmt.Errorf("it is not %s, which every request names as the owner", s.owner.name(ctx))}
	}
	if err != nil {
		return "", err
	}
	return s.code(aws.ToString(out.BucketRegion)), nil
}

// code is what the configuration calls a region that the service names by what is signed.
func (s *Store) code(named string) string {
	if named == s.signing {
		return s.region
	}
	return named
}

// Versioning implements objectstore.Administrator.
func (s *Store) Versioning(ctx context.Context, bucket string) (objectstore.Versioning, error) {
	v, err := s.versioning(ctx, bucket)
	if errors.Is(err, objectstore.ErrNotOffered) && s.versionless(ctx, bucket) {
		s.unversioned.saw(bucket, objectstore.Unversioned)
		return objectstore.Unversioned, nil
	}
	return v, err
}

func (s *Store) versioning(ctx context.Context, bucket string) (objectstore.Versioning, error) {
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

// versionless tells of a service that knows no versions at all: it cannot list them
// either (Cloudflare R2, "S3 API compatibility": neither is implemented).
func (s *Store) versionless(ctx context.Context, bucket string) bool {
	_, err := s.versionsPage(ctx, bucket, "", listing.Marker{})
	return errors.Is(err, objectstore.ErrNotOffered)
}

// MFADelete implements objectstore.MFADeleter.
func (s *Store) MFADelete(ctx context.Context, bucket string) (bool, error) {
	out, err := s.client.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &bucket})
	if err = s.fail("GetBucketVersioning", bucket, err); errors.Is(err, objectstore.ErrNotOffered) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return out.MFADelete == types.MFADeleteStatusEnabled, nil
}

// SetVersioning implements objectstore.Administrator.
func (s *Store) SetVersioning(ctx context.Context, bucket string, v objectstore.Versioning) error {
	status := types.BucketVersioningStatusSuspended
	if v == objectstore.Enabled {
		status = types.BucketVersioningStatusEnabled
	}
	_, err := s.client.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: &bucket,
		VersioningConfiguration: &types.VersioningConfiguration{Status: status}})
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
	_, err := s.client.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{Bucket: &bucket,
		Tagging: &types.Tagging{TagSet: set}})
	return s.fail("PutBucketTagging", bucket, err)
}

// CreateBucket implements objectstore.Administrator.
func (s *Store) CreateBucket(ctx context.Context, bucket string, lock bool) error {
	in := &s3.CreateBucketInput{Bucket: &bucket}
	if lock {
		in.ObjectLockEnabledForBucket = &lock
	}
	if s.signing != unnamed {
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(
			s.signing)}
	}
	_, err := s.client.CreateBucket(ctx, in)
	return s.fail("CreateBucket", bucket, err)
}

// DeleteBucket implements objectstore.Administrator.
func (s *Store) DeleteBucket(ctx context.Context, bucket string) error {
	_, err := s.client.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &bucket})
	return s.fail("DeleteBucket", bucket, err)
}

// header is an answer's: some values, such as an Expires that is no date, reach us only
// there.
func header(metadata middleware.Metadata) http.Header {
	return raw(metadata).Header
}

func raw(metadata middleware.Metadata) *smithyhttp.Response {
	if r, ok := awsmiddleware.GetRawResponse(metadata).(*smithyhttp.Response); ok {
		return r
	}
	return &smithyhttp.Response{Response: new(http.Response)}
}

func noTagSet(err error) bool {
	var e *objectstore.Error
	return errors.As(err, &e) && e.Code == "NoSuchTagSet"
}

// Time returns the endpoint's clock as its answers tell it, to the second.
func (s *Store) Time(ctx context.Context) (time.Time, error) {
	out, err := s.client.ListBuckets(ctx, &s3.ListBucketsInput{MaxBuckets: aws.Int32(1)})
	if err != nil {
		return time.Time{}, s.fail("ListBuckets", "", err)
	}
	t, err := http.ParseTime(header(out.ResultMetadata).Get("Date"))
	if err != nil {
		return time.Time{}, s.broken("ListBuckets", "", fmt.Errorf("the answer has no date: %w", err))
	}
	return t, nil
}
