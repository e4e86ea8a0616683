package plan

import (
	"github.com/residency/residency/inventory/objectstore"
)

// Restore is how archived versions are made readable before they are copied.
type Restore struct {
	Tier string `json:"tier"`
	Days int    `json:"days"` // for which a restored copy stays
}

// restoreDays leaves time for the longest restore, for somebody to come back,
// and for the copy.
const restoreDays = 7

// RestoreTiers are those that --restore takes.
func RestoreTiers() []string {
	return []string{objectstore.Standard, objectstore.Bulk, objectstore.Expedited}
}

// seeArchived notes an archived version of the source: a blocker, unless it is
// restored already or the plan is to restore it.
func (p *sampler) seeArchived(v objectstore.Version, o *obstacles) {
	class := objectstore.ClassOf(v.StorageClass)
	if class.Mixed && p.Restore != "" && o.restores {
		note(&o.tiering, v.Key)
	}
	if !class.Archived {
		return
	}
	switch {
	case p.Restore == "" || !o.restores:
		if !v.Restore.Readable(p.Now) {
			note(&o.archived, v.Key)
		}
	case objectstore.RestoreTime(v.StorageClass, p.Restore) == 0:
		note(&o.tierless, v.Key)
	}
}
