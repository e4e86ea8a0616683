package receipt_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
)

// writes holds what a line writes itself against what encoding/json would have
// written, and reports whether it did so.
func writes(t *testing.T, line interface{ AppendJSON([]byte) ([]byte, bool) }) ([]byte, bool) {
	got, ok := line.AppendJSON([]byte("before"))
	if !ok {
		if string(got) != "before" {
			t.Errorf("left to encoding/json, and appended %q", got)
		}
		return nil, false
	}
	want, err := json.Marshal(line)
	if err != nil || string(got) != "before"+string(want) {
		t.Errorf("%s, want %s: %v", got, want, err)
	}
	return want, true
}

func small(n int64) bool { return n > -1e17 && n < 1e17 }

func FuzzReceiptJSON(f *testing.F) {
	f.Add("plain/1", "v1", "verified", "sha256", "", "d1", "etag", "00ff", "SHA256", "AP8=", int64(7),
		int64(1_700_000_000_123_000_000), uint8(0))
	f.Add("plain/1", "v1", "failed", "us:acme", "s3:GetObject", "", "", "", "", "", int64(7), int64(0), uint8(72))
	f.Add("caf\u00e9", "null", "failed", "", "<&> \"\\\x00\xff", "", "", "", "", "", int64(-1), int64(0), uint8(255))
	f.Fuzz(func(t *testing.T, key, id, verdict, method, reason, destinationID, etag, sha, algorithm, value string, size,
		at int64, flags uint8) {
		r := receipt.Receipt{
			Key: manifest.Key(key), VersionID: id, Marker: flags&1 != 0, Size: size, Verdict: receipt.Verdict(verdict),
			Method: receipt.Method(method), Reason: reason,
			DestinationVersionID: destinationID, DestinationETag: etag, SHA256: sha, Held: flags&2 != 0, Within: size&1 != 0,
			Before:  flags&4 != 0,
			Lasting: flags&32 != 0, At: time.Unix(0, at).UTC(),
		}
		if flags&128 != 0 {
			r.Null = &receipt.Null{Modified: time.Unix(size, 0).UTC(), Answered: time.Unix(0, at).UTC(), AttributesSHA256: sha}
			r.TagsSHA256 = etag
		}
		if flags&64 != 0 {
			r.Cause, r.Added = &receipt.Cause{Class: "denied", Needs: reason, Place: method}, []string{"encryption AES256"}
		}
		if flags&8 == 0 {
			r.Checksum = &objectstore.Checksum{Algorithm: algorithm, Value: value, Composite: flags&16 != 0}
		}
		line, ok := writes(t, &r)
		if !ok {
			return
		}
		back := receipt.Receipt{Key: "x", VersionID: "x", Marker: true, Method: "x", Reason: "x",
			DestinationVersionID: "x",
			DestinationETag:      "x", SHA256: "x", Checksum: &objectstore.Checksum{Algorithm: "x"}, Held: true, Within: true,
			Before:  true,
			Lasting: true, Cause: &receipt.Cause{Class: "x"}, Added: []string{"x"}, TagsSHA256: "x",
			Null: &receipt.Null{Modified: time.Now(), Answered: time.Now(), AttributesSHA256: "x"}}
		if read := back.ParseJSON(line); read && !cmp.Equal(r, back) || !read && small(size) {
			t.Errorf("%s is read as %+v", line, back)
		}
	})
}

func FuzzErasureJSON(f *testing.F) {
	f.Add("plain/1", "v1", "erased", "version-id", "", int64(1_700_000_000_123_000_000), int64(0))
	f.Add("caf\u00e9", "null", "retained", "", "<&> \"\\\x00\xff", int64(0), int64(5))
	f.Fuzz(func(t *testing.T, key, id, outcome, guard, reason string, at, until int64) {
		x := receipt.Erasure{Key: manifest.Key(key), VersionID: id, Outcome: receipt.Outcome(outcome), Guard: guard,
			Reason: reason, Lasting: until&1 != 0, At: time.Unix(0, at).UTC()}
		if until&2 != 0 {
			x.Cause = &receipt.Cause{Class: "denied", Operation: reason}
		}
		if until != 0 {
			u := time.Unix(0, until).UTC()
			x.Until = &u
		}
		line, ok := writes(t, &x)
		if !ok {
			return
		}
		back := receipt.Erasure{Key: "x", VersionID: "x", Guard: "x", Reason: "x", Lasting: true, Until: &time.Time{},
			Cause: &receipt.Cause{Class: "x"}}
		if !back.ParseJSON(line) || !cmp.Equal(x, back) {
			t.Errorf("%s is read as %+v", line, back)
		}
	})
}

// What a line reads itself is what encoding/json would have read.
func FuzzParse(f *testing.F) {
	for _, line := range []string{
		`{"key":"a","version_id":"1","size":5,"verdict":"verified","method":"sha256","destination_version_id":"x","destination_etag":"e","sha256":"00","checksum":{"algorithm":"SHA256","value":"AA==","composite":true},"held":true,"before":true,"at":"2026-01-02T03:04:05Z"}`,
		`{"key":"a","version_id":"null","size":5,"verdict":"verified","method":"sha256","destination_version_id":"null","destination_etag":"e","null_version":{"modified":"2026-01-02T03:04:05.678Z","answered":"2026-01-02T03:04:06Z","attributes_sha256":"00"},"tags_sha256":"11","at":"2026-01-02T03:04:05Z"}`,
		`{"key":"a","version_id":"1","delete_marker":true,"size":-0,"verdict":"failed","reason":"r","at":"2026-01-02T03:04:05+01:00"}`,
		`{"key":"a","version_id":"1","outcome":"retained","guard":"g","reason":"r","retained_until":"2027-01-02T03:04:05Z","at":"2026-01-02T03:04:05.1Z"}`,
		`{"key":"\u0061","version_id":"1","outcome":"erased","guard":"g","at":"2026-01-02T25:04:05Z"} {}`,
	} {
		f.Add([]byte(line))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		sameTime := cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })
		r := receipt.Receipt{Key: "a", Marker: true, Held: true, Checksum: &objectstore.Checksum{}}
		if r.ParseJSON(line) {
			var want receipt.Receipt
			if err := json.Unmarshal(line, &want); err != nil || !cmp.Equal(want, r, sameTime) {
				t.Errorf("%s is read as %+v, want %+v: %v", line, r, want, err)
			}
		}
		x := receipt.Erasure{Key: "a", Until: &time.Time{}}
		if x.ParseJSON(line) {
			var want receipt.Erasure
			if err := json.Unmarshal(line, &want); err != nil || !cmp.Equal(want, x, sameTime) {
				t.Errorf("%s is read as %+v, want %+v: %v", line, x, want, err)
			}
		}
	})
}
