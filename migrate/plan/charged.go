package plan

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

// charged gathers, by storage class, what is charged for a while after it is erased.
type charged map[string]*chargedClass

type chargedClass struct {
	count, bytes int64
	youngest     time.Time
}

func (e charged) see(v objectstore.Version) {
	if v.Marker || objectstore.ClassOf(v.StorageClass).MinimumDays == 0 {
		return
	}
	c := e[v.StorageClass]
	if c == nil {
		c = new(chargedClass)
		e[v.StorageClass] = c
	}
	c.count++
	c.bytes += v.Size
	if v.Modified.After(c.youngest) {
		c.youngest = v.Modified
	}
}

// issues name them. They say nothing that depends on the day of planning, for the
// same source gives the same plan.
func (e charged) issues(location string) []Issue {
	var all []Issue
	for _, class := range slices.Sorted(maps.Keys(e)) {
		c, days := e[class], objectstore.ClassOf(class).MinimumDays
		from := c.youngest.UTC().AddDate(0, 0, days)
		all = append(all, Issue{Rule: "early-deletion", Location: location, Count: c.count, Text: fmt.Sprintf(
			"versions with %d bytes are in %s, which Amazon charges for at least %d days: erasing one earlier is charged as "+
				"if it had stayed, "+
				"and the youngest is from %s; after %s no such charge is left", c.bytes, class, days,
			c.youngest.UTC().Format(time.DateOnly), from.Format(time.DateOnly)),
			Remedy: "erase later if that costs less (migrate --keep-source, then residency erase)"})
	}
	return all
}
