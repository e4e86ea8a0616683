package gcsstore

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"github.com/residency/residency/inventory/objectstore"
)

// erasers bounds the deletions of one call that are under way at once.
const erasers = 8

// Delete implements objectstore.Eraser. Each entry is a request of its own, which names one
// generation and deletes it for good, unless the bucket's soft delete policy keeps it (JSON
// API, "Objects: delete", generation). What is gone already is no error, and neither is a
// marker, which is made up. Entries that name no generation are refused.
func (s *Store) Delete(ctx context.Context, bucket string, entries []objectstore.Deletion) ([]error, error) {
	result := make([]error, len(entries))
	var group sync.WaitGroup
	free := make(chan struct{}, erasers)
	for i, e := range entries {
		free <- struct{}{}
		group.Go(func() {
			defer func() { <-free }()
			err := s.erase(ctx, bucket, e)
			if errors.Is(err, objectstore.ErrNotFound) && !errors.Is(err, objectstore.ErrNoBucket) {
				err = nil
			}
			result[i] = err
		})
	}
	group.Wait()
	for _, err := range result {
		if objectstore.Hopeless(err) {
			return result, err
		}
	}
	return result, nil
}

// DeleteIf implements objectstore.Eraser. The service compares the generation, which stands
// for the bytes, and the metageneration, which stands for the metadata. Without a version ID
// the version is the live one, if the ETag is its.
func (s *Store) DeleteIf(ctx context.Context, bucket string, entry objectstore.Deletion) error {
	if entry.VersionID == "" {
		live, _, err := s.stat(ctx, objectstore.Ref{Bucket: bucket, Key: entry.Key, ETag: entry.ETag})
		if err != nil {
			return err
		}
		entry.VersionID, entry.ETag = decimal(live.Generation), live.etag()
	}
	return s.erase(ctx, bucket, entry)
}

// erase deletes exactly one generation.
func (s *Store) erase(ctx context.Context, bucket string, entry objectstore.Deletion) error {
	if objectstore.IsMarkerOf(entry.VersionID) {
		return nil
	}
	r := s.request(deleteObject, bucket, http.MethodDelete, objectPath(bucket, entry.Key), query{})
	_, err := parseGeneration(entry.VersionID)
	if entry.Key == "" {
		err = errLength
	}
	if err != nil {
		return &objectstore.Error{Op: r.op, Bucket: r.where, Kind: objectstore.ErrRejected, Err: err}
	}
	r.query["generation"] = entry.VersionID
	if entry.ETag != "" {
		r.query.match("", entry.ETag)
	}
	_, err = s.transport.send(ctx, r)
	return err
}

// AbsentVersion implements objectstore.Numbered: generations are times in microseconds.
func (s *Store) AbsentVersion() string { return "1" }
