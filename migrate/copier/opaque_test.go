package copier

import (
	"errors"
	"strings"
	"testing"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
)

// Under KMS and SSE-C an ETag looks like an MD5 and is another with each copy:
// what an earlier run wrote must not be taken for somebody else's.
func TestContinuesOpaque(t *testing.T) {
	entries := []manifest.Entry{{Key: "k", VersionID: "1", Size: 5, ETag: strings.Repeat("a", 32)}}
	ours := objectstore.Version{Key: "k", VersionID: "x", Size: 5, ETag: strings.Repeat("b", 32)}
	longer := ours
	longer.Size = 6
	for _, tt := range []struct {
		name   string
		opaque bool
		held   objectstore.Version
		want   error
	}{
		{"plain", false, ours, receipt.ErrForeign},
		{"opaque", true, ours, nil},
		{"opaque, another size", true, longer, receipt.ErrForeign},
	} {
		if err := continues(entries, []objectstore.Version{tt.held}, 0, false, tt.opaque); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", tt.name, err, tt.want)
		}
	}
}
