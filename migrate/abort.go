package migrate

import (
	"context"

	"github.com/residency/residency/inventory/remedy"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/undo"
)

// Undone is what an abort came to.
type Undone = undo.Undone

// ErrErasing reports that a plan has begun to erase its source: what it wrote is
// the only copy of what is gone.
var ErrErasing = undo.ErrErasing

// ErrStays reports that something that looks like the customer's is still where an aborted
// plan wrote.
var ErrStays = undo.ErrStays

// ErrLookDeleted reports that keys that an aborted plan had found at the destination look deleted now.
var ErrLookDeleted = undo.ErrLookDeleted

// ErrAborting reports that an abort of the plan has begun and not ended: a
// history may have lost its beginning, which no run could go on with.
var ErrAborting = remedy.New("an abort of this plan was begun and not finished; run it again",
	"residency migrate --abort ID finishes it; the plan can be run again after that")

// Abort takes away what the plan wrote at the destination, by the version IDs
// and ETags of its receipts, and nothing else. ErrErasing if the source may have
// been touched. The plan can be run again afterwards.
func (r *Runner) Abort(ctx context.Context, p *plan.Plan) (*Undone, error) {
	var undone *Undone
	_, err := r.leased(ctx, p, func(ctx context.Context) (_ *Result, err error) {
		undone, err = r.abort(ctx, p)
		return nil, err
	})
	return undone, err
}

func (r *Runner) abort(ctx context.Context, p *plan.Plan) (*Undone, error) {
	w, err := r.openToWrite(ctx, p)
	if err != nil {
		return nil, err
	}
	if err := w.sameEnds(ctx); err != nil {
		return nil, err
	}
	return undo.Abort(ctx, w.run, undo.Deps{Reservation: w.reservation, Probes: w.probes, Changes: w.sourceCheck,
		Configuration: w.result.Configuration})
}
