package s3store

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/listing"
)

// A bucket that never had versioning has one version of each object, and a
// listing of its objects tells all that one of its versions would. Servers that
// keep objects as files answer it several times faster: they need not look for
// versions, object by object.
//
// Versioning cannot be taken off a bucket again, only suspended (Amazon S3 User
// Guide, "Using versioning in S3 buckets"). So a bucket that has none when its
// listing has ended had none while it was listed, and nothing was hidden.

// neverVersioned remembers which buckets were last seen without versioning. Its
// zero value works; it is safe for concurrent use.
type neverVersioned struct {
	mu    sync.Mutex
	plain map[string]bool // by bucket; missing: not known
}

func (n *neverVersioned) saw(bucket string, v objectstore.Versioning) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.plain == nil {
		n.plain = make(map[string]bool)
	}
	n.plain[bucket] = v == objectstore.Unversioned
}

func (n *neverVersioned) last(bucket string) (plain, known bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	plain, known = n.plain[bucket]
	return plain, known
}

// plain tells whether a bucket can be listed by its objects, to be confirmed by
// stillPlain. A service that does not say is listed by versions.
func (s *Store) plain(ctx context.Context, bucket string) bool {
	if plain, known := s.unversioned.last(bucket); known {
		return plain
	}
	v, err := s.versioning(ctx, bucket)
	return err == nil && v == objectstore.Unversioned
}

// stillPlain is asked after a listing by objects: ErrOrder if there may be more
// than it has shown.
func (s *Store) stillPlain(ctx context.Context, bucket string) error {
	v, err := s.Versioning(ctx, bucket)
	if err == nil && v != objectstore.Unversioned {
		err = s.broken("ListObjectsV2", bucket, fmt.Errorf("%w: versioning was turned on meanwhile", objectstore.ErrOrder))
	}
	return err
}

// objectsPage asks for a page of objects. The next one begins behind its last.
func (s *Store) objectsPage(ctx context.Context, bucket, prefix string, from listing.Marker) (*page, error) {
	in := &s3.ListObjectsV2Input{}
	if from.Key != "" {
		in.StartAfter = &from.Key
	}
	p, err := s.listObjects(ctx, bucket, prefix, in)
	if err != nil {
		return nil, err
	}
	p.nextKey, p.nextID = "", ""
	if n := len(p.versions); n > 0 {
		p.nextKey, p.astray = p.versions[n-1].Key, slices.Contains(p.doubtful, n-1)
	} else if p.truncated {
		return nil, s.broken("ListObjectsV2", bucket, fmt.Errorf("%w: an empty page says that there are more",
			objectstore.ErrOrder))
	}
	return p, nil
}

// listObjects asks for a page of objects as in says.
func (s *Store) listObjects(ctx context.Context, bucket, prefix string, in *s3.ListObjectsV2Input) (*page, error) {
	in.Bucket, in.EncodingType, in.MaxKeys = &bucket, types.EncodingTypeUrl, &s.pageSize
	if prefix != "" {
		in.Prefix = &prefix
	}
	return s.listed("ListObjectsV2", bucket, func(o []types.OptionalObjectAttributes) (middleware.Metadata, error) {
		in.OptionalObjectAttributes = o
		out, err := s.client.ListObjectsV2(ctx, in, s3.WithAPIOptions(parseListing))
		if err != nil {
			return middleware.Metadata{}, err
		}
		return out.ResultMetadata, nil
	})
}
