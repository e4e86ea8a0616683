package manifest_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/residency/residency/migrate/manifest"
)

// What an entry writes itself is what encoding/json would have written.
func FuzzAppendJSON(f *testing.F) {
	f.Add("plain/1", "v1", "etag-2", "STANDARD", int64(7), int64(1_700_000_000_123_000_000), false)
	f.Add("caf\u00e9 <&> \"\\\x00\xff", "null", "", "", int64(-1), int64(0), true)
	f.Fuzz(func(t *testing.T, key, id, etag, class string, size, modified int64, marker bool) {
		e := manifest.Entry{Key: manifest.Key(key), VersionID: id, ETag: etag, StorageClass: class, Size: size, Modified: time.Unix(0, modified).UTC(), Marker: marker}
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
	})
}
