package changes

import (
	"context"
	"fmt"
	"slices"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/remedy"
	"github.com/residency/residency/migrate/phase"
)

// Carries refuses what no further pass of this plan can bring over: versions,
// where the source had none when it was planned.
func (s *Check) Carries(ctx context.Context, drift Drift) error {
	for _, m := range s.run.Plan.Moves {
		if m.Versioning != objectstore.Unversioned || !slices.Contains(drift.Locations, m.From().String()) {
			continue
		}
		now, err := s.run.Source(m).Versioning(ctx, m.Bucket)
		if err != nil {
			return fmt.Errorf("versioning of %s: %w", m.From(), err)
		}
		if now != objectstore.Unversioned {
			return fmt.Errorf("%w: %s has versions now, which it did not have then, and others wrote some of them (%s); this "+
				"run erased nothing", ErrVersions, m.From(), drift)
		}
	}
	return nil
}

// ErrVersions reports a source that has versions now and was planned without.
var ErrVersions = remedy.Wrap(fmt.Errorf("the source %w", phase.ErrChanged),
	"as long as nothing is erased, residency migrate --abort ID removes what this plan wrote; then plan again, for a "+
		"destination with versioning")

// ListSteadily is List, again and again as long as the listing contradicts itself.
func (s *Check) ListSteadily(ctx context.Context, erasing bool) (drift Drift, err error) {
	err = s.run.Steady(ctx, func() error {
		s.run.Progress.Begin("listing the source again", s.run.Totals().Entries, 0)
		drift, err = s.List(ctx, erasing)
		return err
	})
	return drift, err
}
