package s3store

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/listing"
)

// Uploads implements objectstore.Lister.
func (s *Store) Uploads(ctx context.Context, bucket, prefix string) iter.Seq2[objectstore.Upload, error] {
	return func(yield func(objectstore.Upload, error) bool) {
		var from listing.Marker
		var course listing.Course
		var before *page // the one before, if it ended astray: what was unlistable there may come again
		for {
			p, err := s.uploadsPage(ctx, bucket, prefix, from)
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
	return listing.Marker{}, s.broken("ListMultipartUploads", bucket, fmt.Errorf("%w: a page has no key that the next one can begin behind", objectstore.ErrOrder))
}

// elsewhere tells whether an upload is not found under the key that it is listed
// with.
func (s *Store) elsewhere(ctx context.Context, bucket string, u objectstore.Upload) (bool, error) {
	_, err := s.client.ListParts(ctx, &s3.ListPartsInput{Bucket: &bucket, Key: &u.Key, UploadId: &u.UploadID, MaxParts: aws.Int32(1)})
	if err = s.fail("ListParts", bucket, err); isNotFound(err) {
		return true, nil
	}
	return false, err
}
