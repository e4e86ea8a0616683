package memstore

import (
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/listing"
)

// Marker is where a page of a listing begins: after all of a key, or after one
// version of it.
type Marker struct{ Key, VersionID string }

// Page returns at most a page of entries that follow the marker, in listing
// order, and whether there are more.
func (s *Store) Page(
	ctx context.Context, bucket, prefix string, after Marker,
) (page []objectstore.Version, more bool, err error) {
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	s.service.mu.Lock()
	defer s.service.mu.Unlock()
	b, err := s.service.bucket("ListObjectVersions", bucket)
	if err != nil {
		return nil, false, err
	}
	first, found := slices.BinarySearch(b.keys, max(prefix, after.Key))
	if found && after.VersionID == "" && b.keys[first] == after.Key {
		first++
	}
	for _, key := range b.keys[first:] {
		if !strings.HasPrefix(key, prefix) {
			break
		}
		history := b.histories[key]
		at := len(history) - 1
		if key == after.Key && after.VersionID != "" {
			at = before(history, b.removed[after], after.VersionID)
		}
		for ; at >= 0; at-- {
			if len(page) == s.service.Traits.PageSize {
				return page, true, nil
			}
			page = append(page, s.service.listed(history[at], key, at == len(history)-1))
		}
	}
	return page, false, nil
}

// before is the index of the newest version that is older than the one named,
// which may be gone and then had the place given.
func before(history []*Version, place int64, id string) int {
	for _, v := range history {
		if v.ID == id {
			place = v.place
		}
	}
	at := len(history) - 1
	for at >= 0 && history[at].place >= place {
		at--
	}
	return at
}

// Pages is how a listing gets its pages.
type Pages func(after Marker) (page []objectstore.Version, more bool, err error)

// Walk makes a listing of pages and checks their order, and that they do not
// come again.
func Walk(prefix, after string, pages Pages) iter.Seq2[objectstore.Version, error] {
	return func(yield func(objectstore.Version, error) bool) {
		at := Marker{Key: after}
		var course listing.Course
		last := objectstore.Version{Key: after}
		for {
			page, more, err := pages(at)
			for _, v := range page { // before any of it is given out, as S3 stores do
				if err := objectstore.Follows(last, v, prefix); err != nil {
					yield(objectstore.Version{}, err)
					return
				}
				last = v
			}
			for _, v := range page {
				if !yield(v, nil) {
					return
				}
			}
			if err != nil {
				yield(objectstore.Version{}, err)
				return
			}
			if !more {
				return
			}
			at = Marker{last.Key, last.VersionID}
			if err := course.Advance(listing.Marker(at), len(page)); err != nil {
				yield(objectstore.Version{}, err)
				return
			}
		}
	}
}

// Versions implements objectstore.Lister.
func (s *Store) Versions(ctx context.Context, bucket, prefix, after string) iter.Seq2[objectstore.Version, error] {
	return Walk(prefix, after, func(m Marker) ([]objectstore.Version, bool, error) {
		return s.Page(ctx, bucket, prefix,
			m)
	})
}

// Uploads implements objectstore.Lister.
func (s *Store) Uploads(ctx context.Context, bucket, prefix string) iter.Seq2[objectstore.Upload, error] {
	return func(yield func(objectstore.Upload, error) bool) {
		uploads, err := s.uploads(ctx, bucket, prefix)
		if err != nil {
			yield(objectstore.Upload{}, err)
			return
		}
		for _, u := range uploads {
			if !yield(u, nil) {
				return
			}
		}
	}
}

func (s *Store) uploads(ctx context.Context, bucket, prefix string) ([]objectstore.Upload, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.service.mu.Lock()
	defer s.service.mu.Unlock()
	b, err := s.service.bucket("ListMultipartUploads", bucket)
	if err != nil {
		return nil, err
	}
	var out []objectstore.Upload
	for _, u := range b.uploads {
		if strings.HasPrefix(u.key, prefix) {
			out = append(out, objectstore.Upload{Key: u.key, UploadID: u.id, Initiated: u.initiated})
		}
	}
	return out, nil
}
