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
func (s *Store) PartSizes(
	ctx context.Context, ref objectstore.Ref,
) (sizes []int64, whole objectstore.Checksum, err error) {
	const op = "GetObjectAttributes"
	in := &s3.GetObjectAttributesInput{
		Bucket: &ref.Bucket, Key: &ref.Key, VersionId: versionID(ref.VersionID), MaxParts: aws.Int32(pageKeys),
		ObjectAttributes: []types.ObjectAttributes{types.ObjectAttributesEtag, types.ObjectAttributesObjectParts,
			types.ObjectAttributesChecksum},
	}
	var course listing.Course
	for {
		out, err := s.client.GetObjectAttributes(ctx, in)
		if err != nil {
			return nil, whole, s.fail(op, ref.Bucket, err)
		}
		if etag := bare(aws.ToString(out.ETag)); ref.ETag != "" && etag != ref.ETag {
			return nil, whole, s.broken(op, ref.Bucket, fmt.Errorf("%w: its ETag is another", objectstore.ErrPrecondition))
		}
		parts := out.ObjectParts
		whole = wholeChecksum(out)
		if parts == nil || len(parts.Parts) == 0 {
			return nil, whole, s.broken(op, ref.Bucket, fmt.Errorf("%w: it does not tell of parts", objectstore.ErrNotOffered))
		}
		for _, p := range parts.Parts {
			if int(aws.ToInt32(p.PartNumber)) != len(sizes)+1 {
				return nil, whole, s.broken(op, ref.Bucket, fmt.Errorf("%w: parts are not numbered one by one",
					objectstore.ErrNotOffered))
			}
			sizes = append(sizes, aws.ToInt64(p.Size))
		}
		if !aws.ToBool(parts.IsTruncated) {
			return sizes, whole, nil
		}
		if err := course.Advance(listing.Marker{VersionID: aws.ToString(parts.NextPartNumberMarker)},
			len(parts.Parts)); err != nil {
			return nil, whole, s.broken(op, ref.Bucket, err)
		}
		in.PartNumberMarker = parts.NextPartNumberMarker
	}
}

// wholeChecksum is the checksum that an answer tells of the whole, written as other
// answers write it: with the number of parts behind a composite one.
func wholeChecksum(out *s3.GetObjectAttributesOutput) objectstore.Checksum {
	c := out.Checksum
	if c == nil {
		return objectstore.Checksum{}
	}
	all := sums{SHA256: c.ChecksumSHA256, SHA1: c.ChecksumSHA1, CRC64NVME: c.ChecksumCRC64NVME, CRC32C: c.ChecksumCRC32C,
		CRC32: c.ChecksumCRC32}
	whole := all.or(objectstore.Checksum{}, c.ChecksumType == types.ChecksumTypeComposite)
	if whole.Composite && !strings.Contains(whole.Value, "-") && out.ObjectParts != nil {
		whole.Value += fmt.Sprintf("-%d", aws.ToInt32(out.ObjectParts.TotalPartsCount))
	}
	return whole
}
