package s3store

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/listing"
)

var _ objectstore.PartSizer = (*Store)(nil)

// PartSizes implements objectstore.PartSizer. Amazon S3 tells of the parts only where
// they have additional checksums, a thousand in one answer (Amazon S3 API Reference,
// "GetObjectAttributes", ObjectParts).
func (s *Store) PartSizes(ctx context.Context, ref objectstore.Ref) ([]int64, error) {
	const op = "GetObjectAttributes"
	in := &s3.GetObjectAttributesInput{
		Bucket: &ref.Bucket, Key: &ref.Key, VersionId: versionID(ref.VersionID), MaxParts: aws.Int32(pageKeys),
		ObjectAttributes: []types.ObjectAttributes{types.ObjectAttributesEtag, types.ObjectAttributesObjectParts},
	}
	var sizes []int64
	var course listing.Course
	for {
		out, err := s.client.GetObjectAttributes(ctx, in)
		if err != nil {
			return nil, s.fail(op, ref.Bucket, err)
		}
		if etag := strings.Trim(aws.ToString(out.ETag), `"`); ref.ETag != "" && etag != ref.ETag {
			return nil, s.broken(op, ref.Bucket, fmt.Errorf("%w: its ETag is another", objectstore.ErrPrecondition))
		}
		parts := out.ObjectParts
		if parts == nil || len(parts.Parts) == 0 {
			return nil, s.broken(op, ref.Bucket, fmt.Errorf("%w: it does not tell of parts", objectstore.ErrNotOffered))
		}
		for _, p := range parts.Parts {
			if int(aws.ToInt32(p.PartNumber)) != len(sizes)+1 {
				return nil, s.broken(op, ref.Bucket, fmt.Errorf("%w: parts are not numbered one by one", objectstore.ErrNotOffered))
			}
			sizes = append(sizes, aws.ToInt64(p.Size))
		}
		if !aws.ToBool(parts.IsTruncated) {
			return sizes, nil
		}
		if err := course.Advance(listing.Marker{VersionID: aws.ToString(parts.NextPartNumberMarker)}, len(parts.Parts)); err != nil {
			return nil, s.broken(op, ref.Bucket, err)
		}
		in.PartNumberMarker = parts.NextPartNumberMarker
	}
}
