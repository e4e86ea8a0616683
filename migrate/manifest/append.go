package manifest

import (
	"strconv"
	"time"

	"github.com/residency/residency/migrate/state"
)

// AppendJSON implements state.Appender: a manifest has millions of lines, and
// nearly all of them are plain.
func (e *Entry) AppendJSON(b []byte) ([]byte, bool) {
	if !state.Plain(string(e.Key)) || !state.Plain(e.VersionID) || !state.Plain(e.ETag) || !state.Plain(e.StorageClass) ||
		!state.PlainTime(e.Modified) || e.Content != nil {
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

// ParseJSON implements state.Parser.
func (e *Entry) ParseJSON(line []byte) bool {
	s := state.NewScan(line)
	s.Must(`{"key":"`)
	key := s.Text()
	s.Must(`,"version_id":"`)
	id, etag := s.Text(), []byte(nil)
	e.Marker = s.Has(`,"delete_marker":true`)
	s.Must(`,"size":`)
	e.Size = s.Number()
	if s.Has(`,"etag":"`) {
		etag = s.Text()
	}
	s.Must(`,"modified":"`)
	e.Modified = s.Time()
	if s.Has(`,"storage_class":"`) {
		s.Keep(&e.StorageClass)
	} else {
		e.StorageClass = ""
	}
	s.Must("}")
	if !s.End() {
		return false
	}
	e.Content = nil
	parts := [3]state.Part{{Into: &e.VersionID, Text: id}, {Into: &e.ETag, Text: etag},
		{Into: (*string)(&e.Key), Text: key}}
	if string(key) == string(e.Key) {
		state.Together(parts[:2]...) // one of a history
	} else {
		state.Together(parts[:]...)
	}
	return true
}
