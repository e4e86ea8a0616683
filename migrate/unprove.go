package migrate

import (
	"context"
	"maps"
	"slices"

	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
)

// doubtedKeys is how many histories are doubted by name. Where there are more,
// whole segments are.
const doubtedKeys = 1000

// doubted is what a listing of the destination did not bear out of a segment:
// the place, in each key's history, of the first entry that was not shown.
type doubted struct {
	from  map[manifest.Key]int
	whole bool
}

// doubt remembers a spoiled entry: its segment, and its place in its history.
func (w *work) doubt(move int, key manifest.Key, place int) {
	i := w.segmentOf(move, string(key))
	if i < 0 {
		return
	}
	if w.doubtful == nil {
		w.doubtful = make(map[int]*doubted)
	}
	d := w.doubtful[i]
	if d == nil {
		d = &doubted{from: make(map[manifest.Key]int)}
		w.doubtful[i] = d
	}
	if _, known := d.from[key]; known || d.whole {
		return // earlier ones of the history come first
	}
	named := 0
	for _, other := range w.doubtful {
		named += len(other.from)
	}
	if d.whole = named >= doubtedKeys; d.whole {
		d.from = nil
		return
	}
	d.from[key] = place
}

// unprove takes back the receipts that the destination does not bear out, and
// those of later entries of the same histories, so that what is missing is copied
// and what is not is proven anew. It is for the time before anything is erased:
// afterwards receipts are the only account of what there was.
func (w *work) unprove(ctx context.Context) error {
	for _, i := range slices.Sorted(maps.Keys(w.doubtful)) {
		d := w.doubtful[i]
		s := w.pass.Segments[i]
		r, err := w.load(ctx, s, withReceipts)
		if err != nil {
			return err
		}
		receipts := r.receipts
		place := 0 // in its history
		for j := range receipts {
			if place++; j == 0 || receipts[j].Key != receipts[j-1].Key {
				place = 0
			}
			if from, named := d.from[receipts[j].Key]; !d.whole && (!named || place < from) {
				continue
			}
			receipts[j].Verdict, receipts[j].Method = receipt.Failed, ""
			receipts[j].Reason = "a fresh listing of the destination did not show this as it was written"
		}
		data, err := receipt.Encode(w.codec, s, receipts)
		if err != nil {
			return err
		}
		if err := w.Home.Put(ctx, w.file(s, "receipts"), data); err != nil {
			return err
		}
	}
	w.doubtful = nil
	return nil
}
