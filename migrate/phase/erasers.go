package phase

import (
	"cmp"
	"context"
	"fmt"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/eraser"
	"github.com/residency/residency/migrate/plan"
)

// DefaultWorkers is how many requests are under way at once, unless told
// otherwise, where the number does not find itself.
const DefaultWorkers = 16

// SourceEraser removes what a move has moved.
func SourceEraser(r *Run, m plan.Move) *eraser.Eraser {
	return newEraser(r, r.Source(m), m.Bucket, m)
}

// DestinationEraser removes what was written to a move's destination. That may have
// versions where the source has none.
func DestinationEraser(ctx context.Context, r *Run, m plan.Move) (*eraser.Eraser, error) {
	e := newEraser(r, r.Destination(), m.Destination, m)
	if m.Versioning == objectstore.Unversioned {
		var err error
		if e.Versioning, err = r.Destination().Versioning(ctx, m.Destination); err != nil {
			return nil, fmt.Errorf("versioning of %s: %w", r.Plan.To(m), err)
		}
	}
	return e, nil
}

func newEraser(r *Run, store objectstore.Store, bucket string, m plan.Move) *eraser.Eraser {
	return &eraser.Eraser{
		Source: store, Bucket: bucket, Versioning: m.Versioning, Workers: cmp.Or(r.Workers, DefaultWorkers),
		Now: r.Now, Sleep: r.Wait, Progress: r.Progress,
	}
}
