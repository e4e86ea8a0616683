package memstore

import (
	"context"
	"net/http"
	"slices"

	"github.com/residency/residency/inventory/objectstore"
)

// Delete implements objectstore.Eraser.
func (s *Store) Delete(ctx context.Context, bucket string, entries []objectstore.Deletion) ([]error, error) {
	const op = "DeleteObjects"
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.service.mu.Lock()
	defer s.service.mu.Unlock()
	b, err := s.service.bucket(op, bucket)
	if err != nil {
		return nil, err
	}
	if len(entries) > 1000 {
		return nil, s.service.fail(op, bucket, "MalformedXML", http.StatusBadRequest, objectstore.ErrRejected)
	}
	results := make([]error, len(entries))
	for i, e := range entries {
		results[i] = s.service.erase(op, bucket, b, e)
	}
	return results, nil
}

// DeleteIf implements objectstore.Eraser.
func (s *Store) DeleteIf(ctx context.Context, bucket string, entry objectstore.Deletion) error {
	const op = "DeleteObject"
	if err := ctx.Err(); err != nil {
		return err
	}
	s.service.mu.Lock()
	defer s.service.mu.Unlock()
	b, err := s.service.bucket(op, bucket)
	if err != nil {
		return err
	}
	if entry.VersionID != "" || entry.ETag == "" || s.service.Traits.UnguardedDelete {
		if entry.VersionID == "" && b.versioning != objectstore.Unversioned {
			return s.service.marked(op, bucket, b, entry.Key)
		}
		return s.service.erase(op, bucket, b, entry)
	}
	history := b.histories[entry.Key]
	switch {
	case len(history) == 0 && !s.service.Traits.GoneFailsDelete, len(history) > 0 && history[len(history)-1].Marker:
		return s.service.fail(op, bucket, "NoSuchKey", http.StatusNotFound, objectstore.ErrNotFound)
	case len(history) == 0, history[len(history)-1].ETag != entry.ETag:
		return s.service.fail(op, bucket, "PreconditionFailed", http.StatusPreconditionFailed, objectstore.ErrPrecondition)
	case b.versioning != objectstore.Unversioned:
		return s.service.marked(op, bucket, b, entry.Key)
	}
	entry.ETag = ""
	return s.service.erase(op, bucket, b, entry)
}

// marked is the answer to a deletion for good that only covers the key; the marker
// is taken away again where it has an ID.
func (s *Service) marked(op, name string, b *container, key string) error {
	if err := s.permits(op, name, b, "s3:DeleteObject", key); err != nil {
		return err
	}
	if s.Traits.TrailingMarkers {
		return s.fail(op, name, "NotImplemented", http.StatusNotImplemented, objectstore.ErrNotOffered)
	}
	if v := s.cover(name, b, key); v != nil && v.ID != objectstore.NullVersion {
		s.remove(name, b, key, v.ID)
	}
	return s.fail(op, name, "DeleteMarker", http.StatusOK, objectstore.ErrNotOffered)
}

// erase deletes one version, or without an ID covers the key. A version that
// is not there is no error, except to a condition or by the service's habit.
func (s *Service) erase(op, name string, b *container, e objectstore.Deletion) error {
	if e.VersionID == "" {
		if err := s.permits(op, name, b, "s3:DeleteObject", e.Key); err != nil {
			return err
		}
		if s.cover(name, b, e.Key) == nil && b.versioning != objectstore.Unversioned {
			return s.fail(op, name, "NotImplemented", http.StatusNotImplemented, objectstore.ErrNotOffered)
		}
		return nil
	}
	if s.Traits.TrailingMarkers && objectstore.IsMarkerOf(e.VersionID) {
		return nil // it is only shown
	}
	history := b.histories[e.Key]
	i := slices.IndexFunc(history, func(v *Version) bool { return v.ID == e.VersionID })
	conditional := e.ETag != "" && !s.Traits.UnguardedDelete
	if conditional && !s.Traits.ComparesVersions {
		return s.fail(op, name, "NotImplemented", http.StatusNotImplemented, objectstore.ErrNotOffered)
	}
	refused := s.fail(op, name, "PreconditionFailed", http.StatusPreconditionFailed, objectstore.ErrPrecondition)
	switch {
	case i < 0 && conditional && s.Traits.GoneFailsDelete:
		return refused
	case i < 0 && conditional:
		return s.fail(op, name, "NoSuchKey", http.StatusNotFound, objectstore.ErrNotFound)
	case i < 0 && s.Traits.GoneInvalid && e.VersionID != objectstore.NullVersion:
		return s.fail(op, name, "InvalidArgument", http.StatusBadRequest, objectstore.ErrRejected)
	case i < 0:
		return nil
	case conditional && history[i].ETag != e.ETag:
		return refused
	case history[i].Lock.At(s.Now()) != objectstore.Lock{}:
		return s.fail(op, name, "AccessDenied", http.StatusForbidden, objectstore.ErrDenied)
	case s.firstStep(name, b, e.Key, i):
		return s.fail(op, name, "ServerBusy", http.StatusServiceUnavailable, objectstore.ErrPassing)
	}
	s.remove(name, b, e.Key, e.VersionID)
	return nil
}
