package migrate

import (
	"testing"

	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/state"
)

// What the destination must lose is lost in the bucket of its own move.
func TestStaleEntriesKeepTheirMove(t *testing.T) {
	want := staleEntry{Move: 1, Entry: manifest.Entry{Key: "k", VersionID: "v", Size: 3, ETag: "e"}}
	data, err := state.Encode(state.Header{Schema: staleSchema, Entries: 1}, []staleEntry{want})
	if err != nil {
		t.Fatal(err)
	}
	for got, err := range state.Decode[staleEntry]("stale", staleSchema, data) {
		if err != nil || got != want {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
	}
}
