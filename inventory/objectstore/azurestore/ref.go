package azurestore

import (
	"net/url"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
)

// snapshotPrefix stands in front of the time of a snapshot, which is an entry of its key like a
// version: it can be read and deleted, and not be made with a time of the past.
const snapshotPrefix = "snapshot:"

// blobQuery names one version. marker tells that the ID is that of a delete marker which is made up
// for a key without a current version: there is nothing behind it to be read or deleted.
func blobQuery(versionID string) (query url.Values, marker bool) {
	query = make(url.Values)
	if time, ok := strings.CutPrefix(versionID, snapshotPrefix); ok {
		query.Set("snapshot", time)
		return query, false
	}
	switch {
	case objectstore.IsMarkerOf(versionID):
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

// AbsentVersion implements objectstore.Numbered with a time at which no blob was written.
func (s *Store) AbsentVersion() string { return "2000-01-01T00:00:00.0000000Z" }
