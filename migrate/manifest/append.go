package manifest

import (
	"strconv"
	"time"
)

// AppendJSON implements state.Appender: a manifest has millions of lines, and
// nearly all of them are plain.
func (e *Entry) AppendJSON(b []byte) ([]byte, bool) {
	if !plain(string(e.Key)) || !plain(e.VersionID) || !plain(e.ETag) || !plain(e.StorageClass) || e.Modified.Year() < 1 || e.Modified.Year() > 9999 || e.Modified.Location() != time.UTC {
		return b, false
	}
	b = append(append(append(b, `{"key":"`...), e.Key...), `","version_id":"`...)
	b = append(append(b, e.VersionID...), '"')
	if e.Marker {
		b = append(b, `,"delete_marker":true`...)
	}
	b = strconv.AppendInt(append(b, `,"size":`...), e.Size, 10)
	if e.ETag != "" {
		b = append(append(append(b, `,"etag":"`...), e.ETag...), '"')
	}
	b = append(e.Modified.AppendFormat(append(b, `,"modified":"`...), time.RFC3339Nano), '"')
	if e.StorageClass != "" {
		b = append(append(append(b, `,"storage_class":"`...), e.StorageClass...), '"')
	}
	return append(b, '}'), true
}

// plain tells whether JSON writes the text as it stands, whatever it escapes.
func plain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' || c == '<' || c == '>' || c == '&' {
			return false
		}
	}
	return true
}
