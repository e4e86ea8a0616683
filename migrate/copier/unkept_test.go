package copier_test

import (
	"strings"
	"testing"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/memstore"
	"github.com/residency/residency/migrate/copier"
	"github.com/residency/residency/migrate/receipt"
)

// TestHistoryWithoutVersions: a history of a source that says that it keeps no versions, as one that kept some once, is
// not written over itself, nor deleted, where the destination keeps none.
func TestHistoryWithoutVersions(t *testing.T) {
	for name, marked := range map[string]bool{"version": false, "marker": true} {
		t.Run(name, func(t *testing.T) {
			source := end(t, "one", from, objectstore.Enabled, memstore.Traits{})
			destination := end(t, "two", to, objectstore.Unversioned, memstore.Traits{})
			put(t, source, from, "one")
			if put(t, source, from, "three"); marked {
				mark(t, source, from)
			}
			entries := planned(t, source)
			if marked {
				entries = entries[1:] // a version, and a marker on top
			}
			c := copier.New(source, from, destination, to, copier.Options{Versioning: objectstore.Unversioned})
			receipts, err := collected(t.Context(), c, entries)
			if err != nil || len(receipts) != 2 {
				t.Fatalf("%v, %v", receipts, err)
			}
			if r := receipts[1]; r.Verdict != receipt.Failed || !r.Lasting || !strings.Contains(r.Reason, "keeps no versions") {
				t.Errorf("%s, lasting %v: %s; want failed for good", r.Verdict, r.Lasting, r.Reason)
			}
			there := 0
			for v, err := range destination.Versions(t.Context(), to, "", "") {
				if there++; err != nil || v.Size != entries[0].Size || receipts[0].Verdict != receipt.Verified {
					t.Errorf("%+v, %v; the first receipt is %s", v, err, receipts[0].Verdict)
				}
			}
			if there != 1 {
				t.Errorf("the destination has %d entries, want that of the first receipt", there)
			}
		})
	}
}
