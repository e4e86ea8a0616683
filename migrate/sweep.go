package migrate

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/state"
)

// sweep removes the leases of earlier migrations that the plan found at a source.
// It looks into each once more: what is held, or is no lease, stays.
func sweep(ctx context.Context, run *phase.Run, m plan.Move) error {
	if m.Leases == 0 {
		return nil
	}
	store := run.Source(m)
	for v, err := range store.Versions(ctx, m.Bucket, objectstore.LeasePrefix, "") {
		if err != nil {
			return fmt.Errorf("list %s: %w", m.From(), err)
		}
		if v.Marker || !objectstore.IsLease(v.Key) || !strings.HasPrefix(v.Key, m.Prefix) {
			continue
		}
		l, err := state.ReadLease(ctx, store, plan.LeaseRef(m.Bucket, v), run.Now())
		switch {
		case errors.Is(err, state.ErrDamaged):
			continue // the look at the source, which follows, finds it
		case err != nil:
			return fmt.Errorf("read a reservation of %s: %w", m.From(), err)
		case l.Held && v.Latest:
			return fmt.Errorf("%s: %w", m.From(), &state.LeasedError{Holder: l.Holder, Until: l.Until})
		}
		if err := plan.RemoveVersion(ctx, store, m.Bucket, v); err != nil {
			return fmt.Errorf("remove the ended lease of an earlier migration from %s: %w", m.From(), err)
		}
	}
	return nil
}
