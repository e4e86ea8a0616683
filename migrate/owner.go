package migrate

import (
	"context"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/certificate"
)

// ownerChecks tells of each region whether requests name who must own the
// buckets there. Stores that know nothing of owners are left out.
func (s Stores) ownerChecks(ctx context.Context, ends []Region) []certificate.OwnerCheck {
	checks := []certificate.OwnerCheck{}
	for _, end := range ends {
		if store, ok := s(end.Provider, end.Code).(objectstore.OwnerChecker); ok {
			checks = append(checks, certificate.OwnerCheck{At: end.String(), OwnerCheck: store.OwnerCheck(ctx)})
		}
	}
	return checks
}

// owners notes what is known of the owners at both ends, and blocks where the
// configuration demands more.
func (p *planner) owners(ctx context.Context) {
	p.plan.OwnerChecks = p.Stores.ownerChecks(ctx, p.plan.Ends())
	p.plan.Callers = p.Stores.callers(ctx, stagePlan, p.plan.Ends())
	for _, c := range p.plan.OwnerChecks {
		if c.Required && c.Account == "" {
			p.block(Issue{Rule: "owner-not-checked", Location: c.At,
				Text:   "owner_check is required, and whose the buckets are is " + c.String(),
				Remedy: "give the provider's account in the configuration, or the right to ask STS (sts:GetCallerIdentity)"})
		}
	}
}

// owned refuses a run whose configuration demands owners to be checked where they
// are not.
func (w *work) owned(ctx context.Context) error {
	w.result.OwnerChecks = w.Stores.ownerChecks(ctx, w.plan.Ends())
	for _, c := range w.result.OwnerChecks {
		if c.Required && c.Account == "" {
			return changed("owner_check is required at %s, and whose the buckets are is %s", c.At, c.OwnerCheck)
		}
	}
	return nil
}
