package s3store

import (
	"fmt"

	"github.com/residency/residency/inventory/objectstore"
)

// ascending checks a page before it is sorted: servers may group versions and
// markers, but within each kind keys ascend in byte order.
func ascending(page []objectstore.Version) error {
	var last [2]string // of versions, of markers
	for _, v := range page {
		kind := 0
		if v.Marker {
			kind = 1
		}
		if v.Key < last[kind] {
			return fmt.Errorf("%w: keys are not in byte order", objectstore.ErrOrder)
		}
		last[kind] = v.Key
	}
	return nil
}
