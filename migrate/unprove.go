package migrate

import (
	"context"

	"github.com/residency/residency/migrate/receipt"
)

// doubt remembers which segment a spoiled entry of a move is in.
func (w *work) doubt(move int, key string) {
	i := w.segmentOf(move, key)
	if i < 0 {
		return
	}
	if w.doubtful == nil {
		w.doubtful = make(map[int]bool)
	}
	w.doubtful[i] = true
}

// unprove takes back the receipts of segments that the destination does not
// bear out, so that the next run copies what is missing and proves the rest
// anew. It is for the time before anything is erased: afterwards receipts are
// the only account of what there was.
func (w *work) unprove(ctx context.Context) error {
	for i := range w.doubtful {
		s := w.pass.Segments[i]
		r, err := w.load(ctx, s, withReceipts)
		if err != nil {
			return err
		}
		receipts := r.receipts
		for j := range receipts {
			receipts[j].Verdict, receipts[j].Method = receipt.Failed, ""
			receipts[j].Reason = "a fresh listing of the destination did not show this segment as it was written"
		}
		data, err := receipt.Encode(w.codec, s, receipts)
		if err != nil {
			return err
		}
		if err := w.Home.Put(ctx, w.file(s, "receipts"), data); err != nil {
			return err
		}
	}
	return nil
}
