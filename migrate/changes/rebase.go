package changes

import (
	"slices"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/copier"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/record"
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

// rebase makes one key's next history of the one before, with what is known of
// it, and of what a listing shows now, both oldest first. Once our own deletions
// have thinned the listing it says nothing of the order: what is known keeps its
// place, and what a run began to erase stays part of the history. replaced tells
// that the null version listed is another than the one known, whatever its looks; trailing, that
// the destination can have no other delete markers than those on top.
func rebase(known record.Joined, listed []objectstore.Version, replaced, trailing bool) rebased {
	before, receipts := known.Entries, known.Receipts
	places := indexed(before)
	if replaced {
		delete(places, objectstore.NullVersion)
	}
	r := rebased{entries: wanted(known, places, listed)}
	kept := make([]bool, len(before)) // is in the next history
	last, proven := -1, true
	for n, e := range r.entries {
		i := places.find(before, e)
		r.there = append(r.there, i >= 0 && receipts[i].Before)
		if i < 0 {
			r.new++
			proven = false
			continue
		}
		kept[i] = true
		carried := receipts[i]
		proven = proven && i > last && carried.Verdict == receipt.Verified
		if trailing && proven && e.Marker {
			carried, proven = remarked(carried, copier.Recorded(r.entries, n))
		}
		if proven {
			r.carried, r.places = append(r.carried, carried), append(r.places, i)
			last = i
		}
	}
	if n := len(r.carried) - 1; trailing && n >= 0 && n == len(r.entries)-1 && r.bared(known) {
		// Without what is above it, it would be there and not current: it is removed as well, and copied anew. What is
		// not ours to remove is for the copier to judge, or keeps what is above it (see bare).
		r.carried, r.places = r.carried[:n], r.places[:n]
	}
	next, foreign := 0, false // of places; something that is not ours to remove
	for i, old := range receipts {
		if !kept[i] && !r.wasShown(before[i], places, kept) {
			r.gone++
		}
		switch {
		case next < len(r.places) && r.places[next] == i:
			next++
		case old.Ours() && !r.covers(old):
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

// wasShown tells of an entry that the source has no more that it is a marker which was shown above a version that
// stays, beneath what is new.
func (r *rebased) wasShown(e manifest.Entry, places index, kept []bool) bool {
	return r.new > 0 && shownAbove(e.VersionID, func(versionID string) bool {
		i, ok := places[versionID]
		return ok && kept[i]
	})
}

// covers tells whether an outdated copy is a delete marker that is shown above a version which stays: it is
// there no more once the next version is above it.
func (r *rebased) covers(old receipt.Receipt) bool {
	return shownAbove(old.DestinationVersionID, func(versionID string) bool {
		return slices.ContainsFunc(r.carried, func(x receipt.Receipt) bool { return x.DestinationVersionID == versionID })
	})
}

// bared tells whether the newest entry is a version that the source still has, above which there was something that
// the destination must lose, or has lost already. One that is not ours to remove stays proven beneath copies that are:
// they are removed if that leaves it current.
func (r *rebased) bared(known record.Joined) bool {
	top := r.places[len(r.places)-1]
	if top+1 == len(known.Entries) || known.Entries[top].Marker || known.Begun[top] {
		return false
	}
	return known.Receipts[top].Ours() || !slices.ContainsFunc(known.Receipts[top+1:], func(x receipt.Receipt) bool {
		return x.Ours() && !x.Marker
	})
}

// remarked is the receipt of a delete marker in a history that has changed; false if the destination
// is to have it now. One that it had on top, and that has versions above it now, is there no more
// once they are.
func remarked(r receipt.Receipt, recorded bool) (receipt.Receipt, bool) {
	if recorded {
		r.Method, r.DestinationVersionID, r.Held, r.Before = receipt.Recorded, "", false, false
	}
	return r, recorded || r.Method == receipt.Marker
}

// wanted is what the history is to be.
func wanted(known record.Joined, places index, listed []objectstore.Version) []manifest.Entry {
	thinned := slices.Contains(known.Begun, true)
	var entries, fresh []manifest.Entry
	shown := make(map[int]manifest.Entry) // by place
	replaced := false                     // there is at most one null version of a key: a new one has replaced ours
	for _, v := range listed {
		e := manifest.FromVersion(v)
		if i := places.find(known.Entries, e); thinned && i >= 0 {
			shown[i] = e
			continue
		}
		fresh = append(fresh, e)
		replaced = replaced || e.VersionID == objectstore.NullVersion
	}
	for i, e := range known.Entries {
		listed, is := shown[i]
		switch {
		case !thinned, replaced && e.VersionID == objectstore.NullVersion:
		case is:
			entries = append(entries, listed)
		case known.Begun[i]:
			entries = append(entries, e)
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
