package probe

import (
	"context"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/copier"
	"github.com/residency/residency/migrate/plan"
)

// waitsForIDs tells whether a probe is to be written once more, after a while, because
// it got no version ID.
func (p *Prober) waitsForIDs(ctx context.Context, m plan.Move, probe objectstore.Written) (bool, error) {
	until := p.run.UnversionedUntil[m.Destination]
	if probe.VersionID != objectstore.NullVersion || !p.run.Now().Before(until) {
		return false, nil
	}
	p.run.Notef("versioning of %s is not in effect yet; waiting until %s at most",
		p.run.Plan.BucketAt(m), until.Format(time.TimeOnly+" MST"))
	return true, p.run.Wait(ctx, copier.VersioningPause)
}
