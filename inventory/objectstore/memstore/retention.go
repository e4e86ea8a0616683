package memstore

import (
	"encoding/json"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

// retain puts a new version under the bucket's default retention, if there is
// one and the version did not bring its own.
func (b *container) retain(v *Version, now time.Time) {
	var lock struct {
		Rule struct {
			DefaultRetention struct {
				Mode        string
				Days, Years int
			}
		}
	}
	setting := b.settings[objectstore.ObjectLock]
	if v.Marker || v.Lock.Mode != "" || setting == nil || json.Unmarshal(setting, &lock) != nil {
		return
	}
	if d := lock.Rule.DefaultRetention; d.Mode != "" {
		v.Lock.Mode, v.Lock.Until = d.Mode, now.UTC().Truncate(time.Second).AddDate(d.Years, 0, d.Days)
	}
}
