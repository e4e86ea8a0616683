package s3store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/flatxml"
	"github.com/residency/residency/inventory/objectstore/listing"
)

const pageKeys = 1000 // the most that S3 puts into one page

// Versions implements objectstore.Lister. A bucket that never had versions is
// listed by its objects, see plain.
func (s *Store) Versions(ctx context.Context, bucket, prefix, after string) iter.Seq2[objectstore.Version, error] {
	if s.unordered {
		return s.anyOrder(ctx, bucket, prefix, after)
	}
	return func(yield func(objectstore.Version, error) bool) {
		l := &lister{Store: s, bucket: bucket, prefix: prefix, op: "ListObjectVersions", page: s.versionsPage}
		plain := after == "" && s.plain(ctx, bucket)
		if plain {
			l.op, l.page = "ListObjectsV2", s.objectsPage
		}
		for v, err := range l.versions(ctx, after) {
			var answered *objectstore.Error
			if errors.Is(err, objectstore.ErrOrder) && !errors.As(err, &answered) {
				err = s.disordered(l.op, bucket, err)
			}
			if !yield(v, err) || err != nil && !errors.Is(err, objectstore.ErrUnlistable) {
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

// disordered is broken, of a listing. Some services list in an order of their own by design.
func (s *Store) disordered(op, bucket string, err error) error {
	e := &objectstore.Error{Op: op, Bucket: s.where(bucket), Err: err}
	if errors.Is(err, objectstore.ErrKeyOrder) && !s.global {
		e.Hint = "if that is how the service lists, ordering: any in the configuration moves data away from it"
	}
	return e
}

// versionsPage asks for a page of all versions.
func (s *Store) versionsPage(ctx context.Context, bucket, prefix string, from listing.Marker) (*page, error) {
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
	return s.listed("ListObjectVersions", bucket, func(o []types.OptionalObjectAttributes) (middleware.Metadata, error) {
		in.OptionalObjectAttributes = o
		out, err := s.client.ListObjectVersions(ctx, in, s3.WithAPIOptions(parseListing))
		if err != nil {
			return middleware.Metadata{}, err
		}
		return out.ResultMetadata, nil
	})
}

// listed asks for a page with what of archived versions is optional, and without where
// the service refuses that.
func (s *Store) listed(
	op, bucket string, ask func([]types.OptionalObjectAttributes) (middleware.Metadata, error),
) (*page, error) {
	optional := []types.OptionalObjectAttributes{types.OptionalObjectAttributesRestoreStatus}
	if s.plainPages.Load() {
		optional = nil
	}
	answer, err := ask(optional)
	err = s.fail(op, bucket, err)
	if optional != nil && (errors.Is(err, objectstore.ErrRejected) || errors.Is(err, objectstore.ErrNotOffered)) {
		if without, again := ask(nil); again == nil {
			s.plainPages.Store(true)
			answer, err = without, nil
		}
	}
	if err != nil {
		return nil, err
	}
	return s.parsed(op, bucket, answer)
}

type pageKey struct{}

// parsed is the page that parseListing has left with an answer.
func (s *Store) parsed(op, bucket string, m middleware.Metadata) (*page, error) {
	p, ok := m.Get(pageKey{}).(*page)
	if !ok {
		return nil, s.broken(op, bucket, fmt.Errorf("%w: no listing in the answer", flatxml.ErrSyntax))
	}
	return p, nil
}

// parseListing reads the answer before the SDK does and leaves it an empty
// document.
func parseListing(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("ResidencyListing",
		func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (
			middleware.DeserializeOutput, middleware.Metadata, error) {
			out, metadata, err := next.HandleDeserialize(ctx, in)
			if err != nil {
				return out, metadata, err
			}
			response, ok := out.RawResponse.(*smithyhttp.Response)
			if !ok || response.StatusCode != 200 {
				return out, metadata, nil
			}
			a := whole(response.Response, maxAnswer)
			if a.err != nil {
				return out, metadata, fmt.Errorf("read listing: %w", a.err)
			}
			p, err := parsePage(a.data)
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
	p, err := s.versionsPage(ctx, bucket, "", listing.Marker{})
	if err != nil {
		return false, err
	}
	return p.encoded, nil
}
