package changes

import (
	"testing"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/record"
)

// A delete marker that is only shown is nobody's making where what lay above the version beneath it has been erased by
// the plan, or where the erase of that version itself has begun; it is somebody's where something else lay there, or
// the plan knew of it.
func TestMarkersThatOurOwnDeletionsShow(t *testing.T) {
	const one, two, three = "1", "2", "3"
	version := func(id string) objectstore.Version { return objectstore.Version{Key: "k", VersionID: id} }
	shown := objectstore.Version{Key: "k", VersionID: objectstore.MarkerOf(one), Marker: true, Latest: true}
	tagged := func(id, etag string) objectstore.Version {
		return objectstore.Version{Key: "k", VersionID: id, ETag: etag}
	}
	sized := func(id, etag string) manifest.Entry { return manifest.FromVersion(tagged(id, etag)) }
	entry := func(id string) manifest.Entry { return manifest.FromVersion(version(id)) }
	for name, tt := range map[string]struct {
		known  []manifest.Entry
		begun  []bool
		listed []objectstore.Version
		want   int
	}{
		"the version above was erased": {[]manifest.Entry{entry(one), entry(two)}, []bool{false, true},
			[]objectstore.Version{version(one), shown}, 1},
		"so were both above": {[]manifest.Entry{entry(one), entry(two), entry(three)}, []bool{false, true, true},
			[]objectstore.Version{version(one), shown}, 1},
		"somebody deleted what lay above": {[]manifest.Entry{entry(one), entry(two)}, []bool{true, false},
			[]objectstore.Version{version(one), shown}, 2},
		"its own erase went no further than the first step": {[]manifest.Entry{entry(one)}, []bool{true},
			[]objectstore.Version{version(one), shown}, 1},
		"somebody deleted it": {[]manifest.Entry{entry(one)}, []bool{false},
			[]objectstore.Version{version(one), shown}, 2},
		"it was known": {[]manifest.Entry{entry(one), manifest.FromVersion(shown)}, []bool{false, true},
			[]objectstore.Version{version(one), shown}, 2},
		"its own erase, and it had no ID before": {[]manifest.Entry{sized("null", "e")}, []bool{true},
			[]objectstore.Version{tagged(one, "e"), shown}, 1},
		"it had no ID, and was written anew": {[]manifest.Entry{sized("null", "e")}, []bool{true},
			[]objectstore.Version{tagged(one, "f"), shown}, 2},
		"nothing was begun": {[]manifest.Entry{entry(one), entry(two)}, nil,
			[]objectstore.Version{version(one), shown}, 2},
	} {
		if got := withoutShown(record.Joined{Entries: tt.known, Begun: tt.begun}, tt.listed, true); len(got) != tt.want {
			t.Errorf("%s: %d entries stay, want %d", name, len(got), tt.want)
		}
	}
}
