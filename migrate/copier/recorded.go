package copier

import (
	"fmt"
	"slices"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/verifier"
)

// A service without delete markers shows a key as deleted where none of its versions is current
// (objectstore.Capabilities, TrailingMarkers). So of a history's markers it can have the newest, above
// a version. Of the others a destination has nothing: manifest and receipts alone have them.

// Recorded tells whether an entry of a history, oldest first, is a delete marker that a destination
// with trailing markers alone cannot have: one beneath another entry, or with no version beneath it.
func Recorded(entries []manifest.Entry, i int) bool {
	return entries[i].Marker && (i+1 < len(entries) || !slices.ContainsFunc(entries, version))
}

func version(e manifest.Entry) bool { return !e.Marker }

// Written returns the entries of a history, oldest first, that its destination is to have, and
// the place of each in the history; nil places if that is all of them.
func Written(entries []manifest.Entry, trailing bool) (written []manifest.Entry, places []int) {
	if !trailing {
		return entries, nil
	}
	for i := range entries {
		switch recorded := Recorded(entries, i); {
		case recorded && places == nil:
			written, places = append(written, entries[:i]...), make([]int, i, len(entries))
			for j := range places {
				places[j] = j
			}
		case !recorded && places != nil:
			written, places = append(written, entries[i]), append(places, i)
		}
	}
	if places == nil {
		return entries, nil
	}
	return written, places
}

// Uncovered returns what a destination holds of a key without a delete marker that is shown on top, where
// a version comes next: what is written goes on top of a key that is deleted, as it once was at the
// source, or because what was above has been removed.
func Uncovered(
	written []manifest.Entry, held []objectstore.Version,
) (uncovered []objectstore.Version, deleted bool) {
	top := len(held) - 1
	switch {
	case top < 0 || !objectstore.IsMarkerOf(held[top].VersionID):
		return held, false
	case len(written) == 0:
		return nil, true // the key is deleted at both ends
	case top == 0 || top >= len(written) || written[top].Marker:
		return held, false
	}
	return held[:top], true
}

// Deletable tells whether a destination may show a key as deleted where a written entry comes next: the
// source's history has a marker before it that is recorded, or what is known of those before is of an earlier
// run, which has removed what was above. Anything else is somebody's deletion.
func Deletable(i int, places []int, known int) bool {
	return i > 0 && (i <= known || i < len(places) && places[i] > places[i-1]+1)
}

// recorder gives the receipts of a history's written entries, and those of the recorded ones
// between them, in order.
type recorder struct {
	copier  *Copier
	entries []manifest.Entry
	known   []receipt.Receipt
	places  []int
	next    int // entry that has no receipt yet
	written int // how many of the written ones have
	give    func(receipt.Receipt) error
}

// one gives the receipt of a written entry, behind those of the recorded ones before it.
func (r *recorder) one(x receipt.Receipt) error {
	if err := r.until(r.places[r.written]); err != nil {
		return err
	}
	r.written++
	r.next++
	return r.give(x)
}

// until gives the receipts of recorded entries up to a place.
func (r *recorder) until(place int) error {
	for ; r.next < place; r.next++ {
		x := r.copier.newReceipt(r.entries[r.next],
			verifier.Finding{Verdict: receipt.Verified, Method: receipt.Recorded})
		if r.next < len(r.known) && r.known[r.next].Method == receipt.Recorded {
			x = r.known[r.next]
		}
		if err := r.give(x); err != nil {
			return err
		}
	}
	return nil
}

// only gives the receipts of a history of which nothing is to be written.
func (r *recorder) only(held []objectstore.Version) error {
	if len(held) == 0 {
		return r.until(len(r.entries))
	}
	for _, e := range r.entries {
		x := r.copier.newReceipt(e, verifier.Finding{Verdict: receipt.Failed,
			Reason: fmt.Sprintf("%v: the key is deleted at the source", receipt.ErrForeign)})
		x.Lasting, x.Cause = true, receipt.CauseOf(receipt.ErrForeign)
		if err := r.give(x); err != nil {
			return err
		}
	}
	return nil
}

// ofWritten picks the receipts of written entries.
func ofWritten(places []int, known []receipt.Receipt) []receipt.Receipt {
	var picked []receipt.Receipt
	for _, place := range places {
		if place < len(known) {
			picked = append(picked, known[place])
		}
	}
	return picked
}
