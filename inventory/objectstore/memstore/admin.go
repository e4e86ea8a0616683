package memstore

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
)

// with does something with a bucket while the service is locked.
func (s *Store) with(ctx context.Context, op, name string, do func(*container) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.service.mu.Lock()
	defer s.service.mu.Unlock()
	b, err := s.service.bucket(op, name)
	if err != nil {
		return err
	}
	return do(b)
}

// Buckets implements objectstore.Administrator.
func (s *Store) Buckets(ctx context.Context) ([]objectstore.Bucket, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.service.mu.Lock()
	defer s.service.mu.Unlock()
	var out []objectstore.Bucket
	for _, name := range slices.Sorted(maps.Keys(s.service.buckets)) {
		b := s.service.buckets[name]
		out = append(out, objectstore.Bucket{Name: name, Region: b.region, Created: b.created})
	}
	return out, nil
}

// BucketRegion implements objectstore.Administrator.
func (s *Store) BucketRegion(ctx context.Context, bucket string) (region string, err error) {
	err = s.with(ctx, "HeadBucket", bucket, func(b *container) error { region = b.region; return nil })
	return region, err
}

// Versioning implements objectstore.Administrator.
func (s *Store) Versioning(ctx context.Context, bucket string) (v objectstore.Versioning, err error) {
	err = s.with(ctx, "GetBucketVersioning", bucket, func(b *container) error { v = b.versioning; return nil })
	return v, err
}

// BucketTags implements objectstore.Administrator.
func (s *Store) BucketTags(ctx context.Context, bucket string) (tags []objectstore.Tag, err error) {
	err = s.with(ctx, "GetBucketTagging", bucket, func(b *container) error { tags = slices.Clone(b.tags); return nil })
	return tags, err
}

// CreateBucket implements objectstore.Administrator.
func (s *Store) CreateBucket(ctx context.Context, bucket string, lock bool) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.service.mu.Lock()
	defer s.service.mu.Unlock()
	if _, ok := s.service.buckets[bucket]; ok {
		return s.service.fail("CreateBucket", bucket, "BucketAlreadyOwnedByYou", http.StatusConflict, objectstore.ErrExists)
	}
	b := &container{
		region: s.region, created: s.service.Now().UTC(), versioning: objectstore.Unversioned, lock: lock,
		settings: make(map[objectstore.Setting][]byte), histories: make(map[string][]*Version),
		removed: make(map[Marker]int64),
	}
	if lock {
		b.versioning = objectstore.Enabled
		b.settings[objectstore.ObjectLock] = []byte(`{"ObjectLockEnabled":"Enabled"}`)
	}
	s.service.buckets[bucket] = b
	return nil
}

// SetVersioning implements objectstore.Administrator.
func (s *Store) SetVersioning(ctx context.Context, bucket string, v objectstore.Versioning) error {
	const op = "PutBucketVersioning"
	return s.with(ctx, op, bucket, func(b *container) error {
		if v == objectstore.Suspended && s.service.Traits.TrailingMarkers {
			return s.service.fail(op, bucket, "NotImplemented", http.StatusNotImplemented, objectstore.ErrNotOffered)
		}
		if v == objectstore.Unversioned || b.lock && v != objectstore.Enabled {
			return s.service.fail(op, bucket, "InvalidBucketState", http.StatusConflict, objectstore.ErrRejected)
		}
		b.versioning = v
		return nil
	})
}

// SetBucketTags implements objectstore.Administrator.
func (s *Store) SetBucketTags(ctx context.Context, bucket string, tags []objectstore.Tag) error {
	return s.with(ctx, "PutBucketTagging", bucket, func(b *container) error {
		b.tags = slices.SortedFunc(slices.Values(tags), func(x, y objectstore.Tag) int {
			return strings.Compare(x.Key,
				y.Key)
		})
		return nil
	})
}

// DeleteBucket implements objectstore.Administrator.
func (s *Store) DeleteBucket(ctx context.Context, bucket string) error {
	const op = "DeleteBucket"
	return s.with(ctx, op, bucket, func(b *container) error {
		if len(b.keys) > 0 {
			return s.service.fail(op, bucket, "BucketNotEmpty", http.StatusConflict, nil)
		}
		delete(s.service.buckets, bucket)
		return nil
	})
}

// Setting implements objectstore.Configurer.
func (s *Store) Setting(ctx context.Context, bucket string, name objectstore.Setting) (value []byte, err error) {
	const op = "GetBucketSetting"
	if slices.Contains(s.service.Traits.Lacks, name) {
		return nil, s.service.fail(op, bucket, "NotImplemented", http.StatusNotImplemented, objectstore.ErrNotOffered)
	}
	err = s.with(ctx, op, bucket, func(b *container) error { value = slices.Clone(b.settings[name]); return nil })
	return value, err
}

// SetSetting implements objectstore.Configurer.
func (s *Store) SetSetting(ctx context.Context, bucket string, name objectstore.Setting, value []byte) error {
	const op = "PutBucketSetting"
	if slices.Contains(s.service.Traits.Lacks, name) {
		return s.service.fail(op, bucket, "NotImplemented", http.StatusNotImplemented, objectstore.ErrNotOffered)
	}
	return s.with(ctx, op, bucket, func(b *container) error {
		b.settings[name] = slices.Clone(value)
		return nil
	})
}
