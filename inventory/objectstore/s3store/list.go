package s3store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/listing"
)

const pageKeys = 1000 // the most that S3 puts into one page

// Versions implements objectstore.Lister. A bucket that never had versions is
// listed by its objects, see plain.
func (s *Store) Versions(ctx context.Context, bucket, prefix, after string) iter.Seq2[objectstore.Version, error] {
	return func(yield func(objectstore.Version, error) bool) {
		op, fetch := "ListObjectVersions", s.versionPages(bucket, prefix)
		plain := after == "" && s.plain(ctx, bucket)
		if plain {
			op, fetch = "ListObjectsV2", s.objectPages(bucket, prefix)
		}
		for v, err := range listing.Versions(ctx, prefix, after, fetch, listing.Options{Now: s.now, Workers: s.listers}) {
			var answered *objectstore.Error
			if errors.Is(err, objectstore.ErrOrder) && !errors.As(err, &answered) {
				err = s.broken(op, bucket, err)
			}
			if !yield(v, err) || err != nil {
				return
			}
		}
		if !plain {
			return
		}
		if err := s.stillPlain(ctx, bucket); err != nil {
			yield(objectstore.Version{}, err)
		}
	}
}

// versionPages asks for pages of all versions.
func (s *Store) versionPages(bucket, prefix string) listing.Pager {
	return func(ctx context.Context, from listing.Marker) (listing.Page, error) {
		in := &s3.ListObjectVersionsInput{Bucket: &bucket, EncodingType: types.EncodingTypeUrl, MaxKeys: &s.pageSize}
		if prefix != "" {
			in.Prefix = &prefix
		}
		if from.Key != "" {
			in.KeyMarker = &from.Key
		}
		if from.VersionID != "" {
			in.VersionIdMarker = &from.VersionID
		}
		in.OptionalObjectAttributes = []types.OptionalObjectAttributes{types.OptionalObjectAttributesRestoreStatus}
		p, err := s.versionsPage(ctx, bucket, in)
		if err != nil {
			return listing.Page{}, err
		}
		return listing.Page{Entries: p.versions, More: p.truncated, Next: listing.Marker{Key: p.nextKey, VersionID: p.nextID}}, nil
	}
}

func (s *Store) versionsPage(ctx context.Context, bucket string, in *s3.ListObjectVersionsInput) (*page, error) {
	out, err := s.client.ListObjectVersions(ctx, in, s3.WithAPIOptions(parseListing))
	if err != nil {
		return nil, s.fail("ListObjectVersions", bucket, err)
	}
	p, err := s.parsed("ListObjectVersions", bucket, out.ResultMetadata)
	if err != nil {
		return nil, err
	}
	sortPage(p.versions)
	return p, nil
}

// Uploads implements objectstore.Lister.
func (s *Store) Uploads(ctx context.Context, bucket, prefix string) iter.Seq2[objectstore.Upload, error] {
	return func(yield func(objectstore.Upload, error) bool) {
		in := &s3.ListMultipartUploadsInput{Bucket: &bucket, EncodingType: types.EncodingTypeUrl, MaxUploads: aws.Int32(pageKeys)}
		if prefix != "" {
			in.Prefix = &prefix
		}
		var course listing.Course
		for {
			out, err := s.client.ListMultipartUploads(ctx, in, s3.WithAPIOptions(parseListing))
			if err != nil {
				yield(objectstore.Upload{}, s.fail("ListMultipartUploads", bucket, err))
				return
			}
			p, err := s.parsed("ListMultipartUploads", bucket, out.ResultMetadata)
			if err != nil {
				yield(objectstore.Upload{}, err)
				return
			}
			for _, u := range p.uploads {
				if strings.HasPrefix(u.Key, prefix) && !yield(u, nil) {
					return
				}
			}
			if !p.truncated {
				return
			}
			if err := course.Advance(listing.Marker{Key: p.nextKey, VersionID: p.nextID}, len(p.uploads)); err != nil {
				yield(objectstore.Upload{}, s.broken("ListMultipartUploads", bucket, err))
				return
			}
			in.KeyMarker, in.UploadIdMarker = &p.nextKey, &p.nextID
		}
	}
}

type pageKey struct{}

// parsed is the page that parseListing has left with an answer. Its keys are in
// order.
func (s *Store) parsed(op, bucket string, m middleware.Metadata) (*page, error) {
	p, ok := m.Get(pageKey{}).(*page)
	if !ok {
		return nil, s.broken(op, bucket, fmt.Errorf("%w: no listing in the answer", errXML))
	}
	if err := ascending(p.versions); err != nil {
		return nil, s.broken(op, bucket, err)
	}
	return p, nil
}

// parseListing reads the answer before the SDK does and leaves it an empty
// document.
func parseListing(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("ResidencyListing", func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleDeserialize(ctx, in)
		if err != nil {
			return out, metadata, err
		}
		response, ok := out.RawResponse.(*smithyhttp.Response)
		if !ok || response.StatusCode != 200 {
			return out, metadata, nil
		}
		raw := bytes.NewBuffer(make([]byte, 0, min(max(response.ContentLength, 0), maxAnswer)+bytes.MinRead))
		if _, err := raw.ReadFrom(response.Body); err != nil {
			return out, metadata, fmt.Errorf("read listing: %w", err)
		}
		_ = response.Body.Close()
		p, err := parsePage(raw.Bytes())
		if err != nil {
			return out, metadata, err
		}
		metadata.Set(pageKey{}, p)
		response.Body = io.NopCloser(strings.NewReader("<Result></Result>"))
		return out, metadata, nil
	}), middleware.After)
}

// EncodesKeys tells whether listings of this endpoint escape keys when asked
// to. Without it, keys with characters that XML cannot hold are misread.
func (s *Store) EncodesKeys(ctx context.Context, bucket string) (bool, error) {
	p, err := s.versionsPage(ctx, bucket, &s3.ListObjectVersionsInput{Bucket: &bucket, EncodingType: types.EncodingTypeUrl, MaxKeys: aws.Int32(pageKeys)})
	if err != nil {
		return false, err
	}
	return p.encoded, nil
}
