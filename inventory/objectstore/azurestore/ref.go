package azurestore

import (
	"net/url"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
)

// What stands in front of version IDs that the service does not give.
const (
	// snapshotPrefix is that of a snapshot, whose time follows. It is an entry of its key like
	// a version, which can be read and deleted, and not be made with a time of the past.
	snapshotPrefix = "snapshot:"
	// markerPrefix is that of a delete marker that is made up for a key without a current
	// version; the ID of its newest version follows. There is nothing behind it to be read or
	// deleted.
	markerPrefix = "deleted:"
)

// blobQuery names one version; marker tells that there can be none.
func blobQuery(versionID string) (query url.Values, marker bool) {
	query = make(url.Values)
	if time, ok := strings.CutPrefix(versionID, snapshotPrefix); ok {
		query.Set("snapshot", time)
		return query, false
	}
	switch {
	case strings.HasPrefix(versionID, markerPrefix):
		return nil, true
	case versionID != "" && versionID != objectstore.NullVersion:
		query.Set("versionid", versionID)
	}
	return query, false
}

// quoted is an ETag as conditions have it.
func quoted(etag string) string { return `"` + etag + `"` }

// unquoted is an ETag without its quotes, which listings leave out.
func unquoted(etag string) string { return strings.Trim(etag, `"`) }
