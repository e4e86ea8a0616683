package gcsstore

import (
	"context"
	"errors"
	"net/http"

	"github.com/residency/residency/inventory/objectstore"
)

var _ objectstore.MarkerPutter = (*Store)(nil)

var (
	errNoVersions = errors.New("the bucket keeps no versions, so a deletion is for good")
	errNoLive     = errors.New("the key has no live version, and there are no delete markers")
	errGone       = errors.New("the version that was to become noncurrent is gone: somebody has switched versioning off")
)

// PutMarker implements objectstore.Writer: the live version becomes noncurrent, by a
// deletion on the condition that it is still the live one. Where there is none, or the
// bucket keeps no versions, the error is ErrNotOffered and nothing is changed.
func (s *Store) PutMarker(ctx context.Context, bucket, key string) (objectstore.Written, error) {
	live, _, err := s.stat(ctx, objectstore.Ref{Bucket: bucket, Key: key})
	switch {
	case absent(err):
		return objectstore.Written{}, s.noMarker(bucket, errNoLive)
	case err != nil:
		return objectstore.Written{}, err
	}
	return s.mark(ctx, bucket, key, decimal(live.Generation))
}

// PutMarkerOn implements objectstore.MarkerPutter. The service compares the generation, which
// is the guard's version ID, and not the ETag: a change of metadata makes no other version. An
// ID that no version can have is ErrNotOffered, as is a bucket without versions.
func (s *Store) PutMarkerOn(
	ctx context.Context, bucket, key string, current objectstore.Guard,
) (objectstore.Written, error) {
	if _, err := parseGeneration(current.VersionID); err != nil {
		return objectstore.Written{}, s.noMarker(bucket, errNoLive)
	}
	w, err := s.mark(ctx, bucket, key, current.VersionID)
	if absent(err) {
		err = &objectstore.Error{Op: deleteObject, Bucket: s.where(bucket), Kind: objectstore.ErrPrecondition,
			Err: errNoLive}
	}
	return w, err
}

// mark makes one generation noncurrent, if it is the live one, and looks whether it has stayed.
func (s *Store) mark(ctx context.Context, bucket, key, generation string) (objectstore.Written, error) {
	switch v, err := s.Versioning(ctx, bucket); {
	case err != nil:
		return objectstore.Written{}, err
	case v != objectstore.Enabled:
		return objectstore.Written{}, s.noMarker(bucket, errNoVersions)
	}
	r := s.request(deleteObject, bucket, http.MethodDelete, objectPath(bucket, key),
		query{"ifGenerationMatch": generation})
	a, err := s.transport.send(ctx, r)
	if err != nil {
		return objectstore.Written{}, err
	}
	_, _, err = s.stat(ctx, objectstore.Ref{Bucket: bucket, Key: key, VersionID: generation})
	if errors.Is(err, objectstore.ErrNotFound) {
		err = s.broken(r, errGone)
	}
	return objectstore.Written{VersionID: objectstore.MarkerOf(generation), Answered: a.at}, err
}

const deleteObject = "storage.objects.delete"

// absent tells whether there is no such version in a bucket that there is.
func absent(err error) bool {
	return errors.Is(err, objectstore.ErrNotFound) && !errors.Is(err, objectstore.ErrNoBucket)
}

func (s *Store) noMarker(bucket string, why error) error {
	return &objectstore.Error{Op: deleteObject, Bucket: s.where(bucket), Kind: objectstore.ErrNotOffered, Err: why}
}
