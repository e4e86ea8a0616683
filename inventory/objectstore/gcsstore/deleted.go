package gcsstore

import (
	"context"
	"iter"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
)

// Deleted implements objectstore.DeletedLister: soft-deleted objects, with the time at which
// the service removes them. While a bucket's hard deletions are paused no such time is told,
// because none that is set holds.
func (s *Store) Deleted(ctx context.Context, bucket, prefix string) iter.Seq2[objectstore.Deleted, error] {
	return func(yield func(objectstore.Deleted, error) bool) {
		b, err := s.bucket(ctx, bucket, "softDeletePolicy")
		if err != nil {
			yield(objectstore.Deleted{}, err)
			return
		}
		paused := b.SoftDelete != nil && b.SoftDelete.Pause.Enabled
		l := &lister{store: s, bucket: bucket, prefix: prefix}
		all := s.pages(bucket, prefix, listFields+",hardDeleteTime", query{"softDeleted": "true"})
		for o, err := range all.items(ctx) {
			if err == nil && !strings.HasPrefix(o.Name, prefix) {
				err = l.wrong(objectstore.ErrOrder)
			}
			if err != nil {
				yield(objectstore.Deleted{}, err)
				return
			}
			d := objectstore.Deleted{Version: o.version()}
			if d.Latest = false; o.HardDelete != nil && !paused {
				d.Until = *o.HardDelete
			}
			if !yield(d, nil) {
				return
			}
		}
	}
}
