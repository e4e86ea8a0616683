package changes

import (
	"slices"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/record"
)

// onlyShown tells whether a delete marker on top of a history is nobody's doing but ours: a
// service without delete markers shows one as soon as no version is current, also because the
// current one was erased and older ones are kept by a lock. newer is what was planned above the
// version that it shows.
func onlyShown(v objectstore.Version, newer []planned) bool {
	return objectstore.IsMarkerOf(v.VersionID) && slices.ContainsFunc(newer, func(p planned) bool {
		return p.begun && p.found == nil && !p.entry.Marker
	})
}

// withoutShown returns what is listed of a history without such a marker.
func withoutShown(known record.Joined, listed []objectstore.Version) []objectstore.Version {
	top := len(listed) - 1
	if top < 1 || !objectstore.IsMarkerOf(listed[top].VersionID) || len(known.Begun) == 0 {
		return listed
	}
	there := make(map[string]int, len(listed))
	for j := range listed {
		there[listed[j].VersionID] = j
	}
	var newer []planned
	beneath := false
	for i, e := range known.Entries {
		j, found := there[e.VersionID]
		p := planned{entry: e, begun: known.Begun[i]}
		switch {
		case found && j == top:
			return listed // it was known
		case found:
			p.found = &listed[j]
		}
		if beneath {
			newer = append(newer, p)
		}
		beneath = beneath || found && j == top-1
	}
	if onlyShown(listed[top], newer) {
		return listed[:top]
	}
	return listed
}
