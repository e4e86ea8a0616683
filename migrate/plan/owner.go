package plan

import (
	"context"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/certificate"
)

// OwnerChecks tells of each region whether requests name who must own the
// buckets there. Stores that know nothing of owners are left out.
func (s Stores) OwnerChecks(ctx context.Context, ends []Region) []certificate.OwnerCheck {
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
func (p *destinationReader) owners(ctx context.Context) {
	p.plan.OwnerChecks = p.Stores.OwnerChecks(ctx, p.plan.Ends())
	p.plan.Callers = p.Stores.Callers(ctx, stagePlan, p.plan.Ends())
	for _, c := range p.plan.OwnerChecks {
		if c.Required && c.Account == "" {
			p.block(Issue{Rule: "owner-not-checked", Location: c.At,
				Text:   "owner_check is required, and the owner of the buckets was " + c.String(),
				Remedy: "name the provider's account in the configuration, or allow sts:GetCallerIdentity"})
		}
	}
}
