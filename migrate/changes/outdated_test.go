package changes

import (
	"bytes"
	"testing"

	"github.com/residency/residency/migrate/state"
)

// What says that outdated copies are gone is read in the one form that it is written in.
func FuzzStaleDone(f *testing.F) {
	f.Add([]byte("{\n  \"schema\": \"residency/stale-done/1\",\n  \"pass_at\": \"2026-01-02T03:04:05Z\",\n  \"entries\": 1\n}\n"))
	f.Add([]byte(`{"entries":1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		if state.DecodeJSON(data, &staleDone{}) == nil && !bytes.HasSuffix(data, []byte("}\n")) {
			t.Errorf("took %q", data)
		}
	})
}
