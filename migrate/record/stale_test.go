package record

import (
	"testing"

	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/state"
)

// What the destination must lose is lost in the bucket of its own move.
func TestStaleEntriesKeepTheirMove(t *testing.T) {
	want := Stale{Move: 1, Entry: manifest.Entry{Key: "k", VersionID: "v", Size: 3, ETag: "e"}}
	data, err := state.Encode(state.Header{Schema: StaleSchema, Entries: 1}, []Stale{want})
	if err != nil {
		t.Fatal(err)
	}
	for got, err := range state.Decode[Stale]("stale", StaleSchema, data) {
		if err != nil || got != want {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
	}
}
