package migrate

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

// minimumDays is for how long a version is charged at least in its storage class
// (Amazon S3 User Guide, "Understanding and managing Amazon S3 storage classes",
// minimum storage duration); 0 where there is no such time.
func minimumDays(class string) int {
	switch class {
	case "STANDARD_IA", "ONEZONE_IA":
		return 30
	case "GLACIER", "GLACIER_IR":
		return 90
	case "DEEP_ARCHIVE":
		return 180
	}
	return 0
}

// charged gathers, by storage class, what is charged for a while after it is erased.
type charged map[string]*chargedClass

type chargedClass struct {
	count, bytes int64
	youngest     time.Time
}

func (e charged) see(v objectstore.Version) {
	if v.Marker || minimumDays(v.StorageClass) == 0 {
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
		c, days := e[class], minimumDays(class)
		from := c.youngest.UTC().AddDate(0, 0, days)
		all = append(all, Issue{Rule: "early-deletion", Location: location, Count: c.count, Text: fmt.Sprintf(
			"versions of %d bytes are in %s, which Amazon charges for at least %d days: erasing one before that costs the rest of them, "+
				"and the youngest is from %s; from %s on nothing is left to pay", c.bytes, class, days,
			c.youngest.UTC().Format(time.DateOnly), from.Format(time.DateOnly)),
			Remedy: "erase later (migrate --keep-source, then residency erase), if that costs less"})
	}
	return all
}
