package record

import (
	"testing"

	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
)

// What the destination held reaches over delete markers that it has no place for, and those are not
// taken for something that was there.
func TestHeldBefore(t *testing.T) {
	h := &HeldBefore{counts: map[manifest.Key]int{"a": 3}}
	for i, want := range []struct {
		receipt receipt.Receipt
		before  bool
	}{
		{receipt.Receipt{Key: "a", Method: receipt.SHA256}, true},
		{receipt.Receipt{Key: "a", Marker: true, Method: receipt.Recorded}, false},
		{receipt.Receipt{Key: "a", Method: receipt.SHA256}, true},
		{receipt.Receipt{Key: "a", Method: receipt.SHA256}, false},
		{receipt.Receipt{Key: "b", Method: receipt.SHA256}, false},
	} {
		h.Mark(&want.receipt)
		if want.receipt.Before != want.before {
			t.Errorf("entry %d of %s: before %t, want %t", i+1, want.receipt.Key, want.receipt.Before, want.before)
		}
	}
}
