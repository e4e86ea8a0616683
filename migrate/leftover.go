package migrate

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/state"
)

// leasesRead is how many versions under the names of leases are looked into.
// Killed runs leave a few.
const leasesRead = 100

// apart yields what is a customer's, and gives lease what has the name of a lease.
func apart(
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
func (p *planner) leases(
	ctx context.Context, source objectstore.Store, m *Move, found []objectstore.Version, o *obstacles,
) error {
	for _, v := range found {
		l, err := state.ReadLease(ctx, source, leaseRef(m.Bucket, v), p.Now)
		switch {
		case errors.Is(err, state.ErrDamaged):
			note(&o.named, v.Key)
		case err != nil:
			return fmt.Errorf("read a reservation of %s: %w", m.From(), err)
		case l.Held && v.Latest:
			o.reserved.Text = fmt.Sprintf("another migration (%s) has reserved this place and may be writing to it", l.Holder)
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

func leaseRef(bucket string, v objectstore.Version) objectstore.Ref {
	ref := objectstore.Ref{Bucket: bucket, Key: v.Key, ETag: v.ETag}
	if numbered(v.VersionID) {
		ref.VersionID = v.VersionID
	}
	return ref
}

// sweep removes the leases of earlier migrations that the plan found at a source.
// It looks into each once more: what is held, or is no lease, stays.
func (w *work) sweep(ctx context.Context, m Move) error {
	if m.Leases == 0 {
		return nil
	}
	store := w.source(m)
	for v, err := range store.Versions(ctx, m.Bucket, objectstore.LeasePrefix, "") {
		if err != nil {
			return fmt.Errorf("list %s: %w", m.From(), err)
		}
		if v.Marker || !objectstore.IsLease(v.Key) || !strings.HasPrefix(v.Key, m.Prefix) {
			continue
		}
		l, err := state.ReadLease(ctx, store, leaseRef(m.Bucket, v), w.Now())
		switch {
		case errors.Is(err, state.ErrDamaged):
			continue // the look at the source, which follows, finds it
		case err != nil:
			return fmt.Errorf("read a reservation of %s: %w", m.From(), err)
		case l.Held && v.Latest:
			return fmt.Errorf("%s: %w", m.From(), &state.LeasedError{Holder: l.Holder, Until: l.Until})
		}
		if err := removeVersion(ctx, store, m.Bucket, v); err != nil {
			return fmt.Errorf("remove the ended lease of an earlier migration from %s: %w", m.From(), err)
		}
	}
	return nil
}

// removeVersion removes one version for good, and nothing else: where it has no
// ID, by a deletion on the condition of its ETag, or after a look at that where the
// service compares nothing. One that is gone is no error.
func removeVersion(ctx context.Context, store objectstore.Store, bucket string, v objectstore.Version) error {
	var err error
	if d := (objectstore.Deletion{Key: v.Key, VersionID: v.VersionID, ETag: v.ETag}); numbered(v.VersionID) {
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
