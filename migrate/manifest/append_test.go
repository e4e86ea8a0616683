package manifest_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/residency/residency/migrate/manifest"
)

// What an entry writes itself is what encoding/json would have written, and what
// it reads is what encoding/json would have read.
func FuzzAppendJSON(f *testing.F) {
	f.Add("plain/1", "v1", "etag-2", "STANDARD", int64(7), int64(1_700_000_000_123_000_000), false)
	f.Add("caf\u00e9 <&> \"\\\x00\xff", "null", "", "", int64(-1), int64(0), true)
	f.Fuzz(func(t *testing.T, key, id, etag, class string, size, modified int64, marker bool) {
		e := manifest.Entry{Key: manifest.Key(key), VersionID: id, ETag: etag, StorageClass: class, Size: size,
			Modified: time.Unix(0, modified).UTC(), Marker: marker}
		got, ok := e.AppendJSON([]byte("before"))
		if !ok {
			if string(got) != "before" {
				t.Errorf("left to encoding/json, and appended %q", got)
			}
			return
		}
		want, err := json.Marshal(e)
		if err != nil || string(got) != "before"+string(want) {
			t.Errorf("%s, want %s: %v", got, want, err)
		}
		back := manifest.Entry{Key: "other", VersionID: "other", ETag: "other", StorageClass: "other", Size: 5,
			Marker: !marker}
		if read := back.ParseJSON(want); read && back != e || !read && size > -1e17 && size < 1e17 {
			t.Errorf("%s is read as %+v", want, back)
		}
	})
}

func FuzzParseJSON(f *testing.F) {
	for _, line := range []string{
		`{"key":"a","version_id":"1","size":5,"etag":"e","modified":"2026-01-02T03:04:05.6Z","storage_class":"X"}`,
		`{"key":"a","version_id":"1","delete_marker":true,"size":-0,"modified":"2026-01-02T03:04:05+01:00"}`,
		`{"key":"\u0061","version_id":"1","size":01,"modified":"2026-01-02T24:04:05Z"}`,
		`{"key":"a","version_id":"1","size":1e3,"modified":"2026-01-02T03:04:05Z"} {}`,
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		got := manifest.Entry{Key: "a", VersionID: "b", ETag: "c", StorageClass: "d", Size: 5, Marker: true}
		if !got.ParseJSON(line) {
			return
		}
		var want manifest.Entry
		if err := json.Unmarshal(line, &want); err != nil || !got.Modified.Equal(want.Modified) {
			t.Errorf("%s is read as %+v, want %+v: %v", line, got, want, err)
		}
		if got.Modified = want.Modified; got != want {
			t.Errorf("%s is read as %+v, want %+v", line, got, want)
		}
	})
}
