package changes

import (
	"strings"
	"testing"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
)

// Histories are written as words, oldest first: v1 is a version, and m what is shown above all of them.
func TestIsBare(t *testing.T) {
	for _, tt := range []struct {
		source, held, stale string
		bare                bool
	}{
		{"v1", "v1 v2", "v2", true}, // what is beneath was found there
		{"v1", "v1 v2 v3", "v2 v3", true},
		{"v1", "v1 v2 v3", "v2", false},       // another one is current
		{"v1", "v1 v2", "v1 v2", false},       // nothing is beneath
		{"v1 v4", "v1 v2 v3", "v2 v3", false}, // it is written above
		{"v4", "v1 v2 v3", "v2 v3", true},     // it is not, for what is beneath is in its way
		{"v1", "v0 v1 v2", "v2", true},        // an older one lies beneath
		{"v1", "v1 x2 v3", "v3", true},        // somebody's is beneath
		{"v1", "v1 m", "v2", false},           // it looks deleted already
		{"v1", "v1 v2 x3", "v2", false},       // somebody's is current
		{"v1", "", "v2", false},               // all of it is gone
		{"v1 d2 v3", "v1 v4", "v4", false},    // a recorded marker has no place there
		{"v1 v3", "v1 v3 v4", "v4", true},     // all of it was found
		{"v1 v3", "v1 v3 v4", "v3 v4", false}, // its newest is copied anew
		{"v1 v3", "v1 v3 v4 v5", "v4 v5", true},
		{"v1 v3 v6", "v1 v3 v4 v5", "v4 v5", false},
		{"v2 v3 v6", "v1 v3 v4 v5", "v4 v5", true}, // not its beginning
		{"v1 v3 v6", "x0 v1 v3 v5", "v5", true},    // not its beginning either
		{"v3", "v1 v2 v3 v4", "v4", true},
		{"v3", "v1 v2 v3 v4", "v1 v2 v3 v4", false},
	} {
		var history, stale []manifest.Entry
		var held []objectstore.Version
		version := func(word string) objectstore.Version {
			// Sizes tell versions apart.
			return objectstore.Version{Key: "k", VersionID: word, Size: int64(10*int(word[0]) + int(word[len(word)-1])),
				Marker: word[0] == 'd' || word == "m"}
		}
		for word := range strings.FieldsSeq(tt.source) {
			history = append(history, manifest.FromVersion(version(word)))
		}
		for word := range strings.FieldsSeq(tt.held) {
			held = append(held, version(word))
		}
		for word := range strings.FieldsSeq(tt.stale) {
			stale = append(stale, manifest.FromVersion(version(word)))
		}
		if bare := isBare(history, held, stale, false); bare != tt.bare {
			t.Errorf("source %q, destination %q without %q: %t", tt.source, tt.held, tt.stale, bare)
		}
	}
}
