package azurestore

import (
	"context"
	"iter"
	"strings"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

var _ objectstore.DeletedLister = (*Store)(nil)

// Deleted implements objectstore.DeletedLister with blobs, versions and snapshots that are deleted
// softly ("Soft delete for blobs"). The service tells in whole days how long it still keeps
// each ("List Blobs", RemainingRetentionDays), and does not tell how it rounds: Until is the
// latest that this can mean.
func (s *Store) Deleted(ctx context.Context, bucket, prefix string) iter.Seq2[objectstore.Deleted, error] {
	return func(yield func(objectstore.Deleted, error) bool) {
		for b, err := range s.blobs(ctx, bucket, prefix, "deleted,snapshots,versions") {
			if err == nil && !strings.HasPrefix(b.name, prefix) {
				err = &objectstore.Error{Op: listBlobs, Bucket: s.where(bucket), Err: objectstore.ErrOrder}
			}
			if err != nil {
				yield(objectstore.Deleted{}, err)
				return
			}
			if !b.deleted {
				continue
			}
			d := objectstore.Deleted{Version: entry(b)}
			d.Latest = false
			if days := b.remaining; days >= 0 && days <= maxDays {
				d.Until = s.send.now().UTC().Add(time.Duration(days+1) * 24 * time.Hour)
			}
			if !yield(d, nil) {
				return
			}
		}
	}
}

// maxDays is the longest that what is deleted can be kept ("Soft delete for blobs", retention
// period), in days.
const maxDays = 365
