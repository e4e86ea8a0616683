package azurestore

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/residency/residency/inventory/objectstore"
)

// erasers bounds the keys of one batch that are deleted at once.
const erasers = 16

// Delete implements objectstore.Eraser with a request for each version, or with some for a current
// one. Those of one key are sent one after another, snapshots first: the service deletes no
// blob beneath its snapshots.
func (s *Store) Delete(ctx context.Context, bucket string, entries []objectstore.Deletion) ([]error, error) {
	if _, _, err := s.bucket(ctx, deleteBlob, bucket); err != nil {
		return nil, err
	}
	if len(entries) > batch {
		return nil, s.refused(deleteBlob, bucket, rejected("more than %d deletions", batch))
	}
	byKey := make(map[string][]int)
	for i, e := range entries {
		byKey[e.Key] = append(byKey[e.Key], i)
	}
	results := make([]error, len(entries))
	var g errgroup.Group
	g.SetLimit(erasers)
	for _, of := range byKey {
		slices.SortStableFunc(of, func(x, y int) int { return rank(entries[x]) - rank(entries[y]) })
		g.Go(func() error {
			for _, i := range of {
				results[i] = s.erase(ctx, bucket, entries[i])
			}
			return nil
		})
	}
	return results, g.Wait()
}

// rank orders the deletions of one key.
func rank(d objectstore.Deletion) int {
	if strings.HasPrefix(d.VersionID, snapshotPrefix) {
		return 0
	}
	return 1
}

// erase deletes one entry for good. One that is not there is no error.
func (s *Store) erase(ctx context.Context, bucket string, d objectstore.Deletion) error {
	query, marker := blobQuery(d.VersionID)
	switch {
	case marker:
		return nil // nothing is there
	case d.VersionID == "":
		return s.refused(deleteBlob, bucket, rejected("no version is named"))
	case d.VersionID == objectstore.NullVersion:
		return gone(s.eraseNull(ctx, bucket, d))
	case query.Has("snapshot"):
		_, err := s.deleteBlob(ctx, bucket, d.Key, query, "")
		return gone(err)
	}
	return gone(s.eraseVersion(ctx, bucket, d, query))
}

// gone has what is not there pass, but for a container that is not there.
func gone(err error) error {
	if errors.Is(err, objectstore.ErrNotFound) && !errors.Is(err, objectstore.ErrNoBucket) {
		return nil
	}
	return err
}

// eraseVersion deletes a version by its ID. The service refuses that of the current one ("Delete Blob",
// OperationNotAllowedOnRootBlob), which a deletion without an ID makes a previous one with
// the same ID. Whoever writes between the two requests makes it that as well. Until the
// second has been answered, the version is there. One that is locked is not hidden by the first:
// see unlocked.
func (s *Store) eraseVersion(ctx context.Context, bucket string, d objectstore.Deletion, query url.Values) error {
	etag := d.Current
	if etag == "" {
		_, err := s.deleteBlob(ctx, bucket, d.Key, query, "")
		if !root(err) {
			return err
		}
		etag = d.ETag
	}
	etag, err := s.unlocked(ctx, bucket, d, etag)
	if err != nil {
		return err
	}
	_, err = s.deleteCurrent(ctx, bucket, d.Key, etag)
	if err != nil && !errors.Is(err, objectstore.ErrPrecondition) && gone(err) != nil {
		return err
	}
	_, err = s.deleteBlob(ctx, bucket, d.Key, query, "")
	return err
}

// root tells whether a version was refused because it is the current one.
func root(err error) bool {
	var answer *objectstore.Error
	return errors.As(err, &answer) && answer.Code == rootBlob
}

// eraseNull deletes what is current and has no version ID. In an account that keeps versions by now
// it becomes a previous version, with an ID that no answer tells: the one that has its ETag is
// looked for and deleted, also where nothing is current any more, as after half an erasure.
func (s *Store) eraseNull(ctx context.Context, bucket string, d objectstore.Deletion) error {
	v, err := s.keepsVersions(ctx, bucket)
	if err != nil && !errors.Is(err, objectstore.ErrDenied) {
		return err
	}
	if v == objectstore.Unversioned {
		_, err := s.deleteCurrent(ctx, bucket, d.Key, d.ETag)
		return err
	}
	etag, err := s.unlocked(ctx, bucket, d, d.ETag)
	if err == nil {
		d.ETag = etag
		_, err = s.deleteCurrent(ctx, bucket, d.Key, d.ETag)
	}
	if err != nil && (gone(err) != nil || d.ETag == "") {
		return err
	}
	for b, err := range s.blobs(ctx, bucket, d.Key, "versions") {
		switch {
		case err != nil:
			return err
		case b.name != d.Key:
			return nil // the names behind it begin like it
		case b.etag == d.ETag && b.versionID != "":
			_, err := s.deleteBlob(ctx, bucket, d.Key, url.Values{"versionid": {b.versionID}}, "")
			return err
		}
	}
	return nil
}

// DeleteIf implements objectstore.Eraser. The service compares the ETag of what is current; where a
// version is named, that is its own guard, and ErrNotOffered says that nothing is compared.
func (s *Store) DeleteIf(ctx context.Context, bucket string, d objectstore.Deletion) error {
	if d.VersionID != "" && d.VersionID != objectstore.NullVersion {
		return s.notOffered(deleteBlob, bucket)
	}
	if d.ETag == "" {
		return s.refused(deleteBlob, bucket, rejected("no ETag is named"))
	}
	if d.VersionID == objectstore.NullVersion {
		return s.eraseNull(ctx, bucket, d)
	}
	switch v, err := s.keepsVersions(ctx, bucket); {
	case errors.Is(err, objectstore.ErrDenied):
		// Nobody tells: what is there does, if it has an ID.
		info, err := s.Stat(ctx, objectstore.Ref{Bucket: bucket, Key: d.Key}, 0)
		if err != nil {
			return err
		}
		if info.VersionID != objectstore.NullVersion {
			return s.notOffered(deleteBlob, bucket)
		}
	case err != nil:
		return err
	case v != objectstore.Unversioned:
		return s.notOffered(deleteBlob, bucket)
	}
	_, err := s.deleteCurrent(ctx, bucket, d.Key, d.ETag)
	return err
}

// deleteCurrent deletes what is current, if it has the ETag.
func (s *Store) deleteCurrent(ctx context.Context, bucket, key, etag string) (http.Header, error) {
	return s.deleteBlob(ctx, bucket, key, nil, etag)
}

// deleteBlob sends one deletion. It never asks for the snapshots to be deleted as well: they are
// entries of their own.
func (s *Store) deleteBlob(
	ctx context.Context, bucket, key string, query url.Values, etag string,
) (http.Header, error) {
	a, container, err := s.bucket(ctx, deleteBlob, bucket)
	if err != nil {
		return nil, err
	}
	if key == "" {
		return nil, fmt.Errorf("%w: a deletion without a key", objectstore.ErrRejected)
	}
	needs := eraseBlobs
	if query.Has("versionid") {
		needs = eraseOld
	}
	c := s.dataCall(deleteBlob, http.MethodDelete, a, container, key, query, needs)
	if etag != "" {
		c.header.Set("If-Match", quoted(etag))
	}
	return s.send.done(ctx, c)
}
