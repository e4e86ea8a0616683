package s3store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/listing"
)

// ListsUploads implements objectstore.UploadLister.
func (s *Store) ListsUploads() bool { return !s.noUploads.Load() }

// Uploads implements objectstore.Lister. Where the service does not list any, there are
// none to be seen.
func (s *Store) Uploads(ctx context.Context, bucket, prefix string) iter.Seq2[objectstore.Upload, error] {
	return func(yield func(objectstore.Upload, error) bool) {
		var from listing.Marker
		var course listing.Course
		var before *page // the one before, if it ended astray: what was unlistable there may come again
		for {
			p, err := s.uploadsPage(ctx, bucket, prefix, from)
			if errors.Is(err, objectstore.ErrNotOffered) {
				s.noUploads.Store(true)
				return
			}
			if err != nil {
				yield(objectstore.Upload{}, err)
				return
			}
			for i, u := range p.uploads {
				unlistable := false
				if slices.Contains(p.doubtful, i) {
					if before != nil && slices.Contains(before.uploads, u) {
						continue
					}
					if unlistable, err = s.elsewhere(ctx, bucket, u); err != nil {
						yield(objectstore.Upload{}, err)
						return
					}
				}
				switch {
				case unlistable:
					if !yield(u, s.unlistable("ListMultipartUploads", bucket)) {
						return
					}
				case strings.HasPrefix(u.Key, prefix) && !yield(u, nil):
					return
				}
			}
			if !p.truncated {
				return
			}
			from = listing.Marker{Key: p.nextKey, VersionID: p.nextID}
			if before = nil; p.astray {
				before = p
				if from, err = s.behindUploads(bucket, p); err != nil {
					yield(objectstore.Upload{}, err)
					return
				}
			}
			if err := course.Advance(from, len(p.uploads)); err != nil {
				yield(objectstore.Upload{}, s.broken("ListMultipartUploads", bucket, err))
				return
			}
		}
	}
}

func (s *Store) uploadsPage(ctx context.Context, bucket, prefix string, from listing.Marker) (*page, error) {
	in := &s3.ListMultipartUploadsInput{Bucket: &bucket, EncodingType: types.EncodingTypeUrl, MaxUploads: &s.pageSize}
	if prefix != "" {
		in.Prefix = &prefix
	}
	if from.Key != "" {
		in.KeyMarker = &from.Key
	}
	if from.VersionID != "" {
		in.UploadIdMarker = &from.VersionID
	}
	out, err := s.client.ListMultipartUploads(ctx, in, s3.WithAPIOptions(parseListing))
	if err != nil {
		return nil, s.fail("ListMultipartUploads", bucket, err)
	}
	return s.parsed("ListMultipartUploads", bucket, out.ResultMetadata)
}

// behindUploads is where the next page begins if the server may not have told
// it: behind all uploads of the last key beyond doubt.
func (s *Store) behindUploads(bucket string, p *page) (listing.Marker, error) {
	for i, u := range slices.Backward(p.uploads) {
		if !slices.Contains(p.doubtful, i) {
			return listing.Marker{Key: u.Key}, nil
		}
	}
	return listing.Marker{}, s.broken("ListMultipartUploads", bucket,
		fmt.Errorf("%w: the next page can start after no key of this one", objectstore.ErrOrder))
}

// elsewhere tells whether an upload is not found under the key that it is listed
// with.
func (s *Store) elsewhere(ctx context.Context, bucket string, u objectstore.Upload) (bool, error) {
	in := &s3.ListPartsInput{Bucket: &bucket, Key: &u.Key, UploadId: &u.UploadID, MaxParts: aws.Int32(1)}
	_, err := s.client.ListParts(ctx, in)
	if err = s.fail("ListParts", bucket, err); isNotFound(err) {
		return true, nil
	}
	return false, err
}

var _ objectstore.PartLister = (*Store)(nil)

// Parts implements objectstore.PartLister.
func (s *Store) Parts(ctx context.Context, bucket, key, uploadID string) ([]objectstore.Part, error) {
	const op = "ListParts"
	var parts []objectstore.Part
	in := &s3.ListPartsInput{Bucket: &bucket, Key: &key, UploadId: &uploadID, MaxParts: &s.pageSize}
	for last := 0; ; {
		out, err := s.client.ListParts(ctx, in)
		if err != nil {
			return nil, s.fail(op, bucket, err)
		}
		for _, p := range out.Parts {
			sum := sums{SHA256: p.ChecksumSHA256, SHA1: p.ChecksumSHA1, CRC64NVME: p.ChecksumCRC64NVME, CRC32C: p.ChecksumCRC32C,
				CRC32: p.ChecksumCRC32}
			part := objectstore.Part{
				Number: int(aws.ToInt32(p.PartNumber)), Size: aws.ToInt64(p.Size),
				ETag: bare(aws.ToString(p.ETag)), Checksum: sum.or(objectstore.Checksum{}, false),
			}
			if part.Number <= last {
				return nil, s.broken(op, bucket, fmt.Errorf("%w: part %d behind part %d", objectstore.ErrOrder, part.Number, last))
			}
			last = part.Number
			parts = append(parts, part)
		}
		if !aws.ToBool(out.IsTruncated) {
			return parts, nil
		}
		if len(out.Parts) == 0 {
			return nil, s.broken(op, bucket, fmt.Errorf("%w: a page without parts says that there is more",
				objectstore.ErrOrder))
		}
		in.PartNumberMarker = aws.String(strconv.Itoa(last))
	}
}
