package memstore

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"

	"github.com/residency/residency/inventory/objectstore"
)

// Open implements objectstore.Reader.
func (s *Store) Open(ctx context.Context, ref objectstore.Ref, part int) (*objectstore.Object, error) {
	info, data, err := s.look(ctx, "GetObject", ref, part)
	if err != nil {
		return nil, err
	}
	return &objectstore.Object{Info: info, Body: io.NopCloser(bytes.NewReader(data))}, nil
}

// Stat implements objectstore.Reader.
func (s *Store) Stat(ctx context.Context, ref objectstore.Ref, part int) (objectstore.Info, error) {
	info, _, err := s.look(ctx, "HeadObject", ref, part)
	return info, err
}

func (s *Store) look(ctx context.Context, op string, ref objectstore.Ref, part int) (objectstore.Info, []byte, error) {
	if err := ctx.Err(); err != nil {
		return objectstore.Info{}, nil, err
	}
	s.service.mu.Lock()
	defer s.service.mu.Unlock()
	v, err := s.service.find(op, ref)
	if err != nil {
		return objectstore.Info{}, nil, err
	}
	return s.service.view(op, ref.Bucket, v, part)
}

// Tags implements objectstore.Reader.
func (s *Store) Tags(ctx context.Context, ref objectstore.Ref) ([]objectstore.Tag, error) {
	const op = "GetObjectTagging"
	v, err := s.bare(ctx, op, ref)
	if err == nil && s.service.hidesTags() {
		err = s.service.fail(op, ref.Bucket, "AccessDenied", http.StatusForbidden, objectstore.ErrDenied)
	}
	if err != nil {
		return nil, err
	}
	return append([]objectstore.Tag{}, slices.Clone(v.Tags)...), nil
}

func (s *Service) hidesTags() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.Traits.HidesTags
}

// Lock implements objectstore.Reader.
func (s *Store) Lock(ctx context.Context, ref objectstore.Ref) (objectstore.Lock, error) {
	v, err := s.bare(ctx, "GetObjectRetention", ref)
	if err != nil {
		return objectstore.Lock{}, err
	}
	return v.Lock, nil
}

// bare finds a version for requests that know no condition.
func (s *Store) bare(ctx context.Context, op string, ref objectstore.Ref) (*Version, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ref.ETag = ""
	s.service.mu.Lock()
	defer s.service.mu.Unlock()
	v, err := s.service.find(op, ref)
	if b := s.service.buckets[ref.Bucket]; err != nil && b != nil && ref.VersionID == "" && len(b.histories[ref.Key]) > 0 {
		// Unlike a GET, these say that a marker is there.
		return nil, s.service.fail(op, ref.Bucket, "MethodNotAllowed", http.StatusMethodNotAllowed, objectstore.ErrNotOffered)
	}
	return v, err
}
