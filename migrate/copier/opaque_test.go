package copier

import (
	"errors"
	"strings"
	"testing"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
)

// Under KMS and SSE-C an ETag looks like an MD5 and is another with each copy:
// what an earlier run wrote must not be taken for somebody else's.
func TestContinuesOpaque(t *testing.T) {
	entries := []manifest.Entry{{Key: "k", VersionID: "1", Size: 5, ETag: strings.Repeat("a", 32)}}
	ours := objectstore.Version{Key: "k", VersionID: "x", Size: 5, ETag: strings.Repeat("b", 32)}
	longer := ours
	longer.Size = 6
	for _, tt := range []struct {
		name string
		c    *Copier
		held objectstore.Version
		want error
	}{
		{"plain", &Copier{}, ours, errForeign},
		{"KMS", &Copier{Options: Options{KMSKey: "key"}}, ours, nil},
		{"KMS by default", &Copier{Options: Options{KMSDefault: true}}, ours, nil},
		{"SSE-C", &Copier{Options: Options{Opaque: true}}, ours, nil},
		{"SSE-C, another size", &Copier{Options: Options{Opaque: true}}, longer, errForeign},
	} {
		if err := tt.c.continues(entries, []objectstore.Version{tt.held}, 0, false); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}
