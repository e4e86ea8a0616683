package migrate

import (
	"context"
	"maps"
	"slices"

	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/record"
)

// doubtedKeys is how many histories are doubted by name. Where there are more,
// whole segments are.
const doubtedKeys = 1000

// doubts are what a listing of the destination did not bear out, by the index of its
// segment in the pass.
type doubts map[int]*doubted

// doubted is what was not borne out of a segment: the place, in each key's history, of the
// first entry that was not shown.
type doubted struct {
	from  map[manifest.Key]int
	whole bool
}

// add remembers an entry that was not shown: its segment, and its place in its history.
func (d *doubts) add(segment int, key manifest.Key, place int) {
	if segment < 0 {
		return
	}
	if *d == nil {
		*d = make(doubts)
	}
	of := (*d)[segment]
	if of == nil {
		of = &doubted{from: make(map[manifest.Key]int)}
		(*d)[segment] = of
	}
	if from, known := of.from[key]; known || of.whole {
		if known {
			of.from[key] = min(from, place) // what is asked about is known later than what is not listed
		}
		return
	}
	named := 0
	for _, other := range *d {
		named += len(other.from)
	}
	if of.whole = named >= doubtedKeys; of.whole {
		of.from = nil
		return
	}
	of.from[key] = place
}

// withdraw takes back the receipts that the destination does not bear out, and
// those of later entries of the same histories, so that what is missing is copied
// and what is not is proven anew. It is for the time before anything is erased:
// afterwards receipts are the only account of what there was.
func (d doubts) withdraw(ctx context.Context, run *phase.Run) error {
	for _, i := range slices.Sorted(maps.Keys(d)) {
		of := d[i]
		s := run.Pass.Segments[i]
		r, err := run.Load(ctx, s, record.WithReceipts)
		if err != nil {
			return err
		}
		receipts := r.Receipts
		place := 0 // in its history
		for j := range receipts {
			if place++; j == 0 || receipts[j].Key != receipts[j-1].Key {
				place = 0
			}
			if from, named := of.from[receipts[j].Key]; !of.whole && (!named || place < from) {
				continue
			}
			receipts[j].Verdict, receipts[j].Method = receipt.Failed, ""
			receipts[j].Reason = "a new listing of the destination did not show this as it was written"
		}
		data, err := receipt.Encode(run.Codec, s, receipts)
		if err != nil {
			return err
		}
		if err := run.Home.Put(ctx, run.File(s, "receipts"), data); err != nil {
			return err
		}
	}
	return nil
}
