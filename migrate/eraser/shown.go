package eraser

import (
	"context"
	"fmt"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
)

// shown says what became of a delete marker that is only shown: it goes with the version
// beneath it, and nothing is asked for. Where that version is not among the entries, a listing
// tells. The error ends the run.
func (e *Eraser) shown(
	ctx context.Context, entries []manifest.Entry, i int, erasures []receipt.Erasure,
) (receipt.Erasure, error) {
	marker := entries[i]
	for j := i - 1; j >= 0 && entries[j].Key == marker.Key; j-- {
		if objectstore.MarkerOf(entries[j].VersionID) == marker.VersionID {
			x := erasures[j]
			x.VersionID = marker.VersionID
			return x, nil
		}
	}
	result := fmt.Errorf("%w: the version beneath it is still there", objectstore.ErrRejected)
	absent, err := e.absent(ctx, []manifest.Entry{marker}, []int{0}, []error{result})
	if err != nil {
		return receipt.Erasure{}, err
	}
	if absent[nameOf(marker)] {
		return e.erasure(marker, GuardVersion, nil), nil
	}
	beneath := marker
	beneath.VersionID = objectstore.Marked(marker.VersionID)
	if result, err = e.locked(ctx, beneath, result); err != nil {
		return receipt.Erasure{}, err
	}
	return e.erasure(marker, GuardVersion, result), nil
}
