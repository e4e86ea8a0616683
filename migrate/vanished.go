package migrate

import (
	"context"
	"errors"
	"fmt"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/remedy"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/plan"
)

// ErrVanished reports that nothing is left where a certificate says that data is.
var ErrVanished = remedy.New("data that was moved is not at the destination any more",
	"find out who removed it; what was erased at the source cannot be copied again. Older versions or another copy may "+
		"be left: residency verify --plan ID --log-keys names what is missing. If its owner has removed it, nothing is "+
		"to be done")

// Vanished says of a plan that is certified which of its destinations are no bucket any
// more, or empty. Whether the rest is as it was written, Verify finds out.
func (r *Runner) Vanished(ctx context.Context, p *plan.Plan) (all []string, err error) {
	store := r.Stores(p.Destination.Provider, p.Destination.Code)
	for _, m := range p.Moves {
		if m.Totals.Entries == 0 {
			continue
		}
		moved := fmt.Sprintf("plan %s moved %s to %s, which ", p.ID, phase.Entries(m.Totals.Entries), p.To(m))
		_, err := store.BucketRegion(ctx, m.Destination)
		if errors.Is(err, objectstore.ErrNotFound) {
			all = append(all, moved+"is no bucket any more")
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("look at %s: %w", p.To(m), err)
		}
		empty := true
		for v, err := range store.Versions(ctx, m.Destination, m.Prefix, "") {
			if err != nil && !errors.Is(err, objectstore.ErrUnlistable) {
				return nil, fmt.Errorf("list %s: %w", p.To(m), err)
			}
			if empty = objectstore.IsLease(v.Key); !empty {
				break
			}
		}
		if empty {
			all = append(all, moved+"is empty")
		}
	}
	return all, nil
}
