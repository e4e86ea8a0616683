package cli

import (
	"context"
	"fmt"
	"slices"

	"github.com/residency/residency/inventory"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/plan"
)

// named says whose data the configuration says is where.
func (w *session) named() plan.Claims {
	c := plan.Claims{Same: w.same, Views: w.views}
	for _, claim := range w.config.Claims() {
		c.Named = append(c.Named, inventory.Claim(claim))
	}
	return c
}

// claims says also where it would be moved by a migration to the same destination.
func (w *session) claims(provider, region string) plan.Claims {
	all := w.named()
	for _, c := range all.Named {
		for _, from := range sortedKeys(w.providers[c.Location.Provider].Regions) {
			moved := c
			moved.Location.Provider = provider
			moved.Location.Bucket = w.config.BucketName(c.Location, region, c.Customer, from)
			if !slices.Contains(all.Moved, moved) {
				all.Moved = append(all.Moved, moved)
			}
		}
	}
	return all
}

// same tells whether two providers are certain to be one service.
func (w *session) same(a, b string) bool {
	return a == b || w.config.Providers[a].Shares(w.catalog, w.config.Providers[b]) != ""
}

// views finds the regions in which a provider shows a bucket.
func (w *session) views(ctx context.Context, at objectstore.Location) ([]objectstore.Store, error) {
	codes, err := w.regionsOf(ctx, at)
	if err != nil {
		return nil, err
	}
	var views []objectstore.Store
	for _, code := range codes {
		views = append(views, w.stores(at.Provider, code))
	}
	return views, nil
}

// checkPlan refuses a plan to which the configuration, as it is now, or the state
// is an obstacle, and tells in what else the configuration departs from one that is stored.
func (a *app) checkPlan(
	ctx context.Context, w *session, p *plan.Plan, fresh bool,
) (d certificate.Departure, err error) {
	if err := hasSources(w, p); err != nil {
		return d, err
	}
	if !fresh {
		if d, err = a.departure(ctx, w, p); err != nil {
			return d, err
		}
	}
	if err := a.checkClaims(ctx, w, p); err != nil {
		return d, err
	}
	return d, w.checkState(ctx, p)
}

// checkClaims refuses a plan of which the configuration has since come to call the
// source or the destination another customer's.
func (a *app) checkClaims(ctx context.Context, w *session, p *plan.Plan) error {
	claims := w.claims(p.Destination.Provider, p.Destination.Code)
	for _, m := range p.Moves {
		from, to := m.From(), p.To(m)
		met, err := claims.Destination(ctx, p.Customer, to, w.stores(to.Provider, p.Destination.Code))
		if err == nil && met != nil {
			return fmt.Errorf("%w: %s %s; make a new plan", migrate.ErrChanged, to, met)
		}
		if err != nil {
			return err
		}
		met, err = claims.Source(ctx, p.Customer, from, w.stores(from.Provider, m.Source.Code))
		if err == nil && met != nil {
			return fmt.Errorf("%w: %s %s; make a new plan", migrate.ErrChanged, from, met)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
