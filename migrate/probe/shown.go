package probe

import (
	"context"
	"errors"
	"fmt"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/plan"
)

// shown looks for a probe that was just written to a place where another customer
// names that bucket through another provider: the last word on whether they are
// one.
func (p *Prober) shown(ctx context.Context, at objectstore.Location, key string) error {
	if p.claims.Views == nil {
		return nil
	}
	for _, claim := range p.claims.Named {
		there := claim.Location
		there.Provider = at.Provider
		if claim.Customer == p.run.Plan.Customer || claim.Location.Provider == at.Provider || !there.Overlaps(at) {
			continue
		}
		views, err := p.claims.Views(ctx, claim.Location)
		if err != nil {
			return fmt.Errorf("look for %s: %w", claim.Location, err)
		}
		for _, view := range views {
			shows, err := showsKey(ctx, view, at.Bucket, key)
			switch {
			case errors.Is(err, objectstore.ErrNotFound), errors.Is(err, objectstore.ErrDenied):
				// Who may see only what the claim names was asked about that before the run.
			case err != nil:
				return fmt.Errorf("look for a probe in %s: %w", claim.Location, err)
			case shows:
				return fmt.Errorf("%w: a probe written to %s shows in the bucket of %s, which is customer %s's; this run erased "+
					"nothing at the source",
					plan.ErrClaimed, at, claim.Location, claim.Customer)
			}
		}
	}
	return nil
}
