package receipt_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/state"
)

// What lists are given comes out of them in order and once, short or long.
func TestLists(t *testing.T) {
	sizes := []int{1, 3, 5000, 1024, 1025, 0, 2}
	lists := receipt.Lists(new(state.Codec), slices.Values(sizes))
	made := func(i, j int) receipt.Receipt {
		return receipt.Receipt{
			Key: manifest.Key(fmt.Sprintf("key %d \u00fc\xff", i)), VersionID: fmt.Sprint(j), Size: int64(j),
			Verdict: receipt.Verified, Method: receipt.SHA256, DestinationVersionID: "d",
			Checksum: &objectstore.Checksum{Algorithm: "SHA256", Value: fmt.Sprint(i * j)}, Before: j%2 == 0,
			At: time.Unix(int64(j), 0).UTC(),
		}
	}
	for i, size := range sizes {
		for j := range size {
			if err := lists[i].Add(made(i, j)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for i, size := range sizes {
		if n := lists[i].Len(); n != size {
			t.Errorf("list %d has %d receipts, want %d", i, n, size)
		}
		j := 0
		for r, err := range lists[i].Drain() {
			if err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(made(i, j), *r); d != "" {
				t.Fatalf("receipt %d of list %d (-want +got):\n%s", j, i, d)
			}
			j++
		}
		if j != size {
			t.Errorf("%d receipts come out of list %d, want %d", j, i, size)
		}
	}
}
