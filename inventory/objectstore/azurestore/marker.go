package azurestore

import (
	"context"
	"errors"

	"github.com/residency/residency/inventory/objectstore"
)

var _ objectstore.MarkerPutter = (*Store)(nil)

// PutMarker implements objectstore.Writer by a deletion of what is current, which stays as a
// version. Without a current version, and in accounts that are not known to keep versions,
// it is ErrNotOffered, and nothing is sent: there the deletion would be for good.
func (s *Store) PutMarker(ctx context.Context, bucket, key string) (objectstore.Written, error) {
	if err := s.marks(ctx, bucket); err != nil {
		return objectstore.Written{}, err
	}
	info, err := s.Stat(ctx, objectstore.Ref{Bucket: bucket, Key: key}, 0)
	switch {
	case errors.Is(err, objectstore.ErrNoBucket):
		return objectstore.Written{}, err
	case errors.Is(err, objectstore.ErrNotFound), err == nil && info.VersionID == objectstore.NullVersion:
		return objectstore.Written{}, s.noMarker(bucket, noCurrent)
	case err != nil:
		return objectstore.Written{}, err
	}
	return s.mark(ctx, bucket, key, info.Current())
}

// PutMarkerOn implements objectstore.MarkerPutter with one deletion, of which the service compares
// the ETag: no two writes have the same ("Specifying conditional headers for Blob service
// operations"). Without an ETag nothing could be compared, which is ErrRejected; where PutMarker
// is ErrNotOffered, so is this.
func (s *Store) PutMarkerOn(
	ctx context.Context, bucket, key string, current objectstore.Guard,
) (objectstore.Written, error) {
	if err := s.marks(ctx, bucket); err != nil {
		return objectstore.Written{}, err
	}
	query, marker := blobQuery(current.VersionID)
	switch {
	case marker || !query.Has("versionid"):
		return objectstore.Written{}, s.noMarker(bucket, noCurrent)
	case current.ETag == "":
		return objectstore.Written{}, s.refused(deleteBlob, bucket, rejected("no ETag is named"))
	}
	w, err := s.mark(ctx, bucket, key, current)
	if errors.Is(err, objectstore.ErrNotFound) && !errors.Is(err, objectstore.ErrNoBucket) {
		err = &objectstore.Error{Op: deleteBlob, Bucket: s.where(bucket), Kind: objectstore.ErrPrecondition,
			Err: errors.New(noCurrent)}
	}
	return w, err
}

// mark deletes what is current, if it is that version.
func (s *Store) mark(ctx context.Context, bucket, key string, current objectstore.Guard) (objectstore.Written, error) {
	h, err := s.deleteCurrent(ctx, bucket, key, current.ETag)
	if err != nil {
		return objectstore.Written{}, err
	}
	w := objectstore.Written{VersionID: objectstore.MarkerOf(current.VersionID), Answered: httpTime(h.Get("Date"))}
	// The answer need not name the version. One that names another has deleted what was not meant.
	if id := h.Get("x-ms-version-id"); id != "" && id != current.VersionID {
		return w, &objectstore.Error{Op: deleteBlob, Bucket: s.where(bucket), Err: errOtherMarked}
	}
	return w, nil
}

const noCurrent = "no version with an ID is current"

var errOtherMarked = errors.New("the answer is about another version than the one with this ETag")

// marks is an error in accounts that are not known to keep versions.
func (s *Store) marks(ctx context.Context, bucket string) error {
	switch v, err := s.keepsVersions(ctx, bucket); {
	case errors.Is(err, objectstore.ErrDenied):
		return s.noMarker(bucket, "whether the account keeps versions is not known")
	case err != nil:
		return err
	case v != objectstore.Enabled:
		return s.noMarker(bucket, "the account keeps no versions")
	}
	return nil
}

func (s *Store) noMarker(bucket, why string) error {
	return &objectstore.Error{Op: deleteBlob, Bucket: s.where(bucket), Kind: objectstore.ErrNotOffered,
		Err: errors.New(why)}
}
