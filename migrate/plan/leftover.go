package plan

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/state"
)

// leasesRead is how many versions under the names of leases are looked into.
// Killed runs leave a few.
const leasesRead = 100

// WithoutLeases yields what is a customer's, and gives lease what has the name of a lease.
func WithoutLeases(
	versions iter.Seq2[objectstore.Version, error], lease func(objectstore.Version),
) iter.Seq2[objectstore.Version, error] {
	return func(yield func(objectstore.Version, error) bool) {
		for v, err := range versions {
			if err == nil && objectstore.IsLease(v.Key) {
				lease(v)
			} else if !yield(v, err) {
				return
			}
		}
	}
}

// leases judges what lies at a source under the names of leases. A lease that
// has ended is nobody's data; one that is held tells of somebody who may be
// writing there. A key that only has such a name is a customer's, and what would
// come of it at a destination that has leases of its own is not tried.
func (p *destinationReader) leases(
	ctx context.Context, source objectstore.Store, m *Move, found []objectstore.Version, o *obstacles,
) error {
	for _, v := range found {
		l, err := state.ReadLease(ctx, source, LeaseRef(m.Bucket, v), p.Now)
		switch {
		case errors.Is(err, state.ErrDamaged):
			note(&o.named, v.Key)
		case err != nil:
			return fmt.Errorf("read a reservation of %s: %w", m.From(), err)
		case l.Held && v.Latest:
			o.reserved.Text = fmt.Sprintf("another migration (%s) has reserved this location and may be writing to it", l.Holder)
			note(&o.reserved, v.Key)
		default:
			m.Leases++
		}
	}
	return nil
}

// removeSeen removes a null version after a look whether it is still the one that
// was seen.
func removeSeen(ctx context.Context, store objectstore.Store, bucket string, v objectstore.Version) error {
	ref := objectstore.Ref{Bucket: bucket, Key: v.Key, ETag: v.ETag}
	if !v.Latest {
		ref.VersionID = objectstore.NullVersion
	}
	if _, err := store.Stat(ctx, ref, 0); err != nil {
		return err
	}
	results, err := store.Delete(ctx, bucket, []objectstore.Deletion{{Key: v.Key, VersionID: objectstore.NullVersion}})
	if err == nil {
		err = results[0]
	}
	return err
}

// LeaseRef names a version under a lease's name, by its ID where it has one.
func LeaseRef(bucket string, v objectstore.Version) objectstore.Ref {
	ref := objectstore.Ref{Bucket: bucket, Key: v.Key, ETag: v.ETag}
	if Numbered(v.VersionID) {
		ref.VersionID = v.VersionID
	}
	return ref
}

// RemoveVersion removes one version for good, and nothing else: where it has no
// ID, by a deletion on the condition of its ETag, or after a look at that where the
// service compares nothing. One that is gone is no error.
func RemoveVersion(ctx context.Context, store objectstore.Store, bucket string, v objectstore.Version) error {
	var err error
	if d := (objectstore.Deletion{Key: v.Key, VersionID: v.VersionID, ETag: v.ETag}); Numbered(v.VersionID) {
		d.ETag = ""
		var results []error
		if results, err = store.Delete(ctx, bucket, []objectstore.Deletion{d}); err == nil {
			err = results[0]
		}
	} else {
		err = store.DeleteIf(ctx, bucket, d)
		if errors.Is(err, objectstore.ErrNotOffered) {
			err = removeSeen(ctx, store, bucket, v)
		}
	}
	if errors.Is(err, objectstore.ErrNotFound) || errors.Is(err, objectstore.ErrPrecondition) {
		return nil
	}
	return err
}
