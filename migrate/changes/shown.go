package changes

import (
	"slices"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/record"
)

// onlyShown tells whether a delete marker on top of a history is nobody's doing but ours: a
// service without delete markers shows one as soon as no version is current, also because the
// current one was erased and older ones are kept by a lock, or because the erase of the current
// one went no further than making it a previous version. begun tells whether a run began to erase
// the version that it shows; newer is what was planned above that.
func onlyShown(v objectstore.Version, begun bool, newer []planned) bool {
	if !objectstore.IsMarkerOf(v.VersionID) {
		return false
	}
	return begun && len(newer) == 0 || slices.ContainsFunc(newer, func(p planned) bool {
		return p.begun && p.found == nil && !p.entry.Marker
	})
}

// wasShown tells whether an entry that is listed no more is a marker that was shown above a version which is there
// still: of that marker nothing was stored.
func wasShown(rest []planned, places map[string]int, i int) bool {
	return shownAbove(rest[i].entry.VersionID, func(versionID string) bool {
		beneath, differs := places[versionID]
		return !differs || rest[beneath].found != nil // the rest is side by side
	})
}

// shownAbove tells whether an ID is that of a delete marker which is only shown, above a version that stays.
func shownAbove(id string, stays func(versionID string) bool) bool {
	return objectstore.IsMarkerOf(id) && stays(objectstore.Marked(id))
}

// deletesInSteps tells whether an erase of a move can have gone no further than its first step.
func deletesInSteps(run *phase.Run, m plan.Move) bool {
	return objectstore.CapabilitiesOf(run.Source(m)).DeletesInSteps
}

// unnamed gives a null version its name back that the first step of its erase has made a previous
// version, with an ID that no answer told; and so the marker above it. Its ETag tells that it is the
// one: no two writes have the same on such a service.
func unnamed(known []planned, listed []objectstore.Version) []objectstore.Version {
	is := func(id string) func(planned) bool { return func(p planned) bool { return p.entry.VersionID == id } }
	i := slices.IndexFunc(known, is(objectstore.NullVersion))
	if i < 0 || !known[i].begun || known[i].entry.Marker || known[i].entry.ETag == "" {
		return listed
	}
	found := -1
	for j, v := range listed {
		switch {
		case v.VersionID == objectstore.NullVersion:
			return listed
		case !v.Marker && v.ETag == known[i].entry.ETag && v.Size == known[i].entry.Size &&
			!slices.ContainsFunc(known, is(v.VersionID)):
			found = j
		}
	}
	if found < 0 {
		return listed
	}
	listed = slices.Clone(listed)
	for j := range listed {
		if listed[j].VersionID == objectstore.MarkerOf(listed[found].VersionID) {
			listed[j].VersionID = objectstore.MarkerOf(objectstore.NullVersion)
		}
	}
	listed[found].VersionID = objectstore.NullVersion
	return listed
}

// withoutShown returns what is listed of a history without such a marker. steps tells whether the
// service deletes what is current in steps.
func withoutShown(known record.Joined, listed []objectstore.Version, steps bool) []objectstore.Version {
	top := len(listed) - 1
	if top < 0 || len(known.Begun) == 0 || !steps && !objectstore.IsMarkerOf(listed[top].VersionID) {
		return listed
	}
	all := make([]planned, len(known.Entries))
	for i, e := range known.Entries {
		all[i] = planned{entry: e, begun: known.Begun[i]}
	}
	if steps {
		listed = unnamed(all, listed)
	}
	if top < 1 || !objectstore.IsMarkerOf(listed[top].VersionID) {
		return listed
	}
	there := make(map[string]int, len(listed))
	for j := range listed {
		there[listed[j].VersionID] = j
	}
	newer, begun := len(all), false
	for i := range all {
		j, found := there[all[i].entry.VersionID]
		switch {
		case found && j == top:
			return listed // it was known
		case found && j == top-1:
			newer, begun = i+1, all[i].begun && steps
		}
		if found {
			all[i].found = &listed[j]
		}
	}
	if onlyShown(listed[top], begun, all[newer:]) {
		return listed[:top]
	}
	return listed
}
