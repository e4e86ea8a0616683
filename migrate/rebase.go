package migrate

import (
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
)

// rebased is one key's history in the next pass.
type rebased struct {
	entries []manifest.Entry
	// carried are the receipts of the first entries, which are proven already;
	// the others are to be copied. places are their indexes in the pass before.
	carried []receipt.Receipt
	places  []int
	there   []bool // by entry: was at the destination when the plan was made
	// stale is what the destination was given and must lose before the others
	// can follow.
	stale     []receipt.Receipt
	new, gone int64
}

// rebase makes one key's next history of the one before, with its receipts, and
// of what a listing shows now, both oldest first. While the source is being
// erased, what the listing no longer shows was erased by us and stays part of
// the history.
func rebase(before []manifest.Entry, receipts []receipt.Receipt, listed []objectstore.Version, erasing bool) rebased {
	known := indexed(before)
	r := rebased{entries: wanted(before, known, listed, erasing)}
	kept := make([]bool, len(before)) // is in the next history
	last, proven := -1, true
	for _, e := range r.entries {
		i := known.find(before, e)
		r.there = append(r.there, i >= 0 && receipts[i].Before)
		if i < 0 {
			r.new++
			proven = false
			continue
		}
		kept[i] = true
		if proven = proven && i > last && receipts[i].Verdict == receipt.Verified; proven {
			r.carried, r.places = append(r.carried, receipts[i]), append(r.places, i)
			last = i
		}
	}
	next, foreign := 0, false // of places; something that is not ours to remove
	for i, old := range receipts {
		if !kept[i] {
			r.gone++
		}
		switch {
		case next < len(r.places) && r.places[next] == i:
			next++
		case old.Ours():
			r.stale = append(r.stale, old)
		case (old.Before || old.Held) && !kept[i]:
			foreign = true
		}
	}
	if foreign {
		// It stays in the way: the copier has to say so.
		r.carried, r.places = nil, nil
	}
	return r
}

// wanted is what the history is to be.
func wanted(before []manifest.Entry, known index, listed []objectstore.Version, erasing bool) []manifest.Entry {
	var entries, fresh []manifest.Entry
	replaced := false // there is at most one null version of a key: a new one has replaced ours
	for _, v := range listed {
		e := manifest.FromVersion(v)
		if !erasing || known.find(before, e) < 0 {
			fresh = append(fresh, e)
			replaced = replaced || e.VersionID == objectstore.NullVersion
		}
	}
	if erasing {
		for _, e := range before {
			if e.VersionID != objectstore.NullVersion || !replaced {
				entries = append(entries, e)
			}
		}
	}
	return append(entries, fresh...)
}

// index finds a key's entries by their version ID, of which each has one.
type index map[string]int

func indexed(entries []manifest.Entry) index {
	x := make(index, len(entries))
	for i := range entries {
		x[entries[i].VersionID] = i
	}
	return x
}

// find returns the place of this very entry, or -1.
func (x index) find(entries []manifest.Entry, e manifest.Entry) int {
	if i, ok := x[e.VersionID]; ok && entries[i].Same(e) {
		return i
	}
	return -1
}
