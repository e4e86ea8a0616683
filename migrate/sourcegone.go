package migrate

import (
	"context"
	"errors"
	"fmt"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/remedy"
	"github.com/residency/residency/migrate/plan"
)

// ErrSourceGone reports that a source bucket itself is not there any more: nobody
// can tell from it what was deleted by whom.
var ErrSourceGone = remedy.New("the source bucket is gone",
	"find out who deleted it. The copies stay and may be all that is left; residency verify --plan ID checks them. Do "+
		"not create the bucket again: an empty bucket looks like one whose owners deleted everything")

// sourceGone finds out, of an error that tells of a bucket that is gone, whether
// it is a source's.
func (r *Runner) sourceGone(ctx context.Context, p *plan.Plan, err error) error {
	for _, m := range p.Moves {
		_, lookErr := r.Stores(m.Source.Provider, m.Source.Code).BucketRegion(ctx, m.Bucket)
		if errors.Is(lookErr, objectstore.ErrNotFound) {
			return fmt.Errorf("%w: %s: %w", ErrSourceGone, m.From(), err)
		}
	}
	return err
}
