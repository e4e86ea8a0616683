package s3store

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

// ascending checks a page before it is sorted: servers may group versions and
// markers, but within each kind keys ascend in byte order.
func ascending(page []objectstore.Version) error {
	var last [2]string // of versions, of markers
	for _, v := range page {
		if v.Key < last[kindOf(v)] {
			return objectstore.ErrKeyOrder
		}
		last[kindOf(v)] = v.Key
	}
	return nil
}

// kindOf numbers the kinds that servers may group.
func kindOf(v objectstore.Version) int {
	if v.Marker {
		return 1
	}
	return 0
}

// sortPage brings a page into listing order. AWS and MinIO interleave versions
// and delete markers as they were made: their order stands. Servers that group
// the two are merged, key by key. Those whose version IDs are ULIDs (versitygw)
// are known to group, and their IDs tell more than their dates.
func sortPage(versions []objectstore.Version) {
	inOrder := slices.IsSortedFunc(versions, func(a, b objectstore.Version) int {
		return cmp.Or(cmp.Compare(a.Key, b.Key), b.Modified.Compare(a.Modified))
	})
	if inOrder && !markersLast(versions) && !slices.ContainsFunc(versions,
		func(v objectstore.Version) bool { return isULID(v.VersionID) }) {
		return
	}
	slices.SortStableFunc(versions, func(a, b objectstore.Version) int { return cmp.Compare(a.Key, b.Key) })
	for start := 0; start < len(versions); {
		end := start + 1
		for end < len(versions) && versions[end].Key == versions[start].Key {
			end++
		}
		mergeHistory(versions[start:end])
		start = end
	}
}

// mergeHistory merges one key's versions and its markers, each newest first.
func mergeHistory(history []objectstore.Version) {
	var versions, markers []objectstore.Version
	for _, v := range history {
		if v.Marker {
			markers = append(markers, v)
		} else {
			versions = append(versions, v)
		}
	}
	for i := range history {
		if len(markers) == 0 || len(versions) > 0 && !newer(markers[0], versions[0]) {
			history[i], versions = versions[0], versions[1:]
		} else {
			history[i], markers = markers[0], markers[1:]
		}
	}
}

// newer tells whether a marker was made after a version of the same key. The
// current entry is the newest. Two ULIDs tell by themselves
// (github.com/ulid/spec). Otherwise the dates decide, in whole seconds, since
// not every server keeps more for both kinds.
func newer(marker, version objectstore.Version) bool {
	switch {
	case marker.Latest != version.Latest:
		return marker.Latest
	case isULID(marker.VersionID) && isULID(version.VersionID):
		return marker.VersionID > version.VersionID
	}
	return marker.Modified.Truncate(time.Second).After(version.Modified.Truncate(time.Second))
}

// isULID tells whether a version ID has the form of a ULID: 26 characters of
// Crockford's base 32.
func isULID(id string) bool {
	return len(id) == 26 && strings.Trim(id, "0123456789ABCDEFGHJKMNPQRSTVWXYZ") == ""
}

// markersLast tells whether the page looks as if it were grouped by type, so
// that the order of entries with equal times says nothing.
func markersLast(versions []objectstore.Version) bool {
	first := slices.IndexFunc(versions, func(v objectstore.Version) bool { return v.Marker })
	if first <= 0 {
		return false
	}
	return !slices.ContainsFunc(versions[first:], func(v objectstore.Version) bool { return !v.Marker })
}
