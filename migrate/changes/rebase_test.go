package changes

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/record"
)

// Histories are written as words: "a" is the version a, "n1" and "n2" two null
// versions of which the second has replaced the first.
func TestRebase(t *testing.T) {
	for _, tt := range []struct {
		name, before, listed      string
		unproven                  string // of before
		held                      string // of before: was at the destination when the plan was made
		begun                     string // of before: a run began to erase it
		written                   bool   // the null version anew, with the same bytes
		entries, carried, removed string
		new, gone                 int64
	}{
		{name: "nothing changed", before: "a b", listed: "a b", entries: "a b", carried: "a b"},
		{name: "one more", before: "a", listed: "a b", entries: "a b", carried: "a", new: 1},
		{name: "a key that was not there", listed: "a b", entries: "a b", new: 2},
		{name: "a key that is gone", before: "a b", removed: "a b", gone: 2},
		{name: "the oldest deleted", before: "a b c", listed: "b c", entries: "b c", carried: "b c", removed: "a", gone: 1},
		{name: "the middle deleted, one more", before: "a b c", listed: "a c d", entries: "a c d", carried: "a c",
			removed: "b", new: 1, gone: 1},
		{name: "a null version replaced", before: "n1", listed: "n2", entries: "n2", removed: "n1", new: 1, gone: 1},
		{name: "a null version beneath replaced", before: "n1 a", listed: "a n2", entries: "a n2", carried: "a",
			removed: "n1", new: 1, gone: 1},
		{name: "what is not proven is copied, and all after it", before: "a b c", listed: "a b c", unproven: "b",
			entries: "a b c", carried: "a", removed: "b c"},
		{name: "an older one appears", before: "b c", listed: "a b c", entries: "a b c", removed: "b c", new: 1},
		{name: "what was there before is never removed", before: "a b", listed: "b c", held: "a", entries: "b c", new: 1,
			gone: 1},
		{name: "nor is it forgotten if it was never proven", before: "a b", listed: "a", held: "a b", unproven: "b",
			entries: "a", gone: 1},
		{name: "and what it lies on is not taken for proven", before: "a b", listed: "a", held: "b", entries: "a", gone: 1},
		{name: "erased by us", before: "a b", begun: "a b", entries: "a b", carried: "a b"},
		{name: "erased in part, one more", before: "a b", listed: "b c", begun: "a", entries: "a b c", carried: "a b",
			new: 1},
		{name: "erased, then one more", before: "a b", listed: "c", begun: "a b", entries: "a b c", carried: "a b", new: 1},
		{name: "erased, then a null version", before: "n1", listed: "n2", begun: "n1", entries: "n2", removed: "n1", new: 1,
			gone: 1},
		{name: "erased null, then a version", before: "n1", listed: "a", begun: "n1", entries: "n1 a", carried: "n1", new: 1},
		{name: "erased above a null version, which is listed last now", before: "n1 a b", listed: "b n1", begun: "n1 a",
			entries: "n1 a b", carried: "n1 a b"},
		{name: "erased above a null version, one more", before: "n1 a", listed: "b n1", begun: "n1 a", entries: "n1 a b",
			carried: "n1 a", new: 1},
		{name: "erased in part, the rest deleted by others", before: "a b c", listed: "c", begun: "a", entries: "a c",
			carried: "a c", removed: "b", gone: 1},
		{name: "not erased yet, deleted by others", before: "a b", listed: "b", entries: "b", carried: "b", removed: "a",
			gone: 1},
		{name: "erased above a null version that was written anew", before: "n1 a", listed: "n1", begun: "n1 a",
			written: true, entries: "a n1", carried: "a", removed: "n1", new: 1, gone: 1},
		{name: "a null version written anew with the same bytes", before: "n1 a", listed: "a n1", written: true,
			entries: "a n1", carried: "a", removed: "n1", new: 1, gone: 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			before := versions(tt.before)
			entries := make([]manifest.Entry, len(before))
			receipts := make([]receipt.Receipt, len(before))
			for i, v := range before {
				entries[i] = manifest.FromVersion(v)
				receipts[i] = receipt.Receipt{Key: "k", VersionID: v.VersionID, Verdict: receipt.Verified,
					DestinationVersionID: "copy of " + v.ETag, Before: strings.Contains(tt.held, v.ETag)}
				if v.ETag == tt.unproven {
					receipts[i].Verdict = receipt.Mismatch
				}
			}
			begun := make([]bool, len(before))
			for i, v := range before {
				begun[i] = slices.Contains(strings.Fields(tt.begun), v.ETag)
			}
			r := rebase(record.Joined{Entries: entries, Receipts: receipts, Begun: begun}, versions(tt.listed), tt.written, false)
			var got, carried, removed []string
			for _, e := range r.entries {
				got = append(got, e.ETag)
			}
			for i, x := range r.carried {
				carried = append(carried, strings.TrimPrefix(x.DestinationVersionID, "copy of "))
				if e := entries[r.places[i]]; e.VersionID != x.VersionID {
					t.Errorf("place %d is of version %s, its receipt of %s", i, e.VersionID, x.VersionID)
				}
			}
			for _, x := range r.stale {
				removed = append(removed, strings.TrimPrefix(x.DestinationVersionID, "copy of "))
			}
			is := fmt.Sprintf("%s | %s | %s | %d new, %d gone", strings.Join(got, " "), strings.Join(carried, " "),
				strings.Join(removed, " "), r.new, r.gone)
			want := fmt.Sprintf("%s | %s | %s | %d new, %d gone", tt.entries, tt.carried, tt.removed, tt.new, tt.gone)
			if is != want {
				t.Errorf("entries | carried | removed:\n got %s\nwant %s", is, want)
			}
		})
	}
}

func versions(text string) []objectstore.Version {
	var out []objectstore.Version
	for _, name := range strings.Fields(text) {
		v := objectstore.Version{Key: "k", VersionID: "id-" + name, ETag: name, Modified: time.Unix(1, 0)}
		if strings.HasPrefix(name, "n") {
			v.VersionID = objectstore.NullVersion
		}
		out = append(out, v)
	}
	return out
}

// What a destination without delete markers has of one depends on what comes above it. Histories are
// written as words: "v1" is a version and "d2" a delete marker.
func TestRebaseWithoutMarkersBeneath(t *testing.T) {
	for _, tt := range []struct{ before, listed, carried, removed string }{
		{before: "v1 d2:marker", listed: "v1 d2", carried: "v1 d2:marker"},
		{before: "v1 d2:marker", listed: "v1 d2 v3", carried: "v1 d2:recorded"},
		{before: "v1 d2:marker", listed: "v1 d2 d3", carried: "v1 d2:recorded"},
		{before: "v1 d2:recorded v3", listed: "v1 d2 v3 v4", carried: "v1 d2:recorded v3"},
		{before: "v1 d2:recorded v3", listed: "v1 d2", carried: "v1", removed: "v3"},
		{before: "d1:recorded", listed: "d1 v2", carried: "d1:recorded"},
		{before: "v1 d2:marker", listed: "d2", carried: "d2:recorded", removed: "v1"},
		// A version that lies open is copied anew, for it would not be current.
		{before: "v1 v2 v3", listed: "v1 v2", carried: "v1", removed: "v2 v3"},
		{before: "v1 v2 d3:marker", listed: "v1 v2", carried: "v1", removed: "v2 d3"},
		// Not one that was found there, which is not ours to remove.
		{before: "v1:found v2 v3", listed: "v1", carried: "v1", removed: "v2 v3"},
		{before: "v1:found d2:marker", listed: "v1", removed: "d2"},
		{before: "v1:found v2 v3", listed: "v1 v2", carried: "v1", removed: "v2 v3"},
		{before: "v1 v2 v3", listed: "v2 v3", carried: "v2 v3", removed: "v1"},
		{before: "v1 v2 v3", listed: "v1 v2 v4", carried: "v1 v2", removed: "v3"},
		// At a source without delete markers one is gone as soon as there is a version above.
		{before: "v1 d2:marker", listed: "v1 v3", carried: "v1"},
	} {
		entry := func(word string) (v objectstore.Version, method receipt.Method) {
			id, how, _ := strings.Cut(word, ":")
			return objectstore.Version{Key: "k", VersionID: id, Marker: strings.HasPrefix(id, "d")}, receipt.Method(how)
		}
		var known record.Joined
		for word := range strings.FieldsSeq(tt.before) {
			v, method := entry(word)
			r := receipt.Receipt{Key: "k", VersionID: v.VersionID, Marker: v.Marker, Verdict: receipt.Verified, Method: method,
				Before: method == "found"}
			if method != receipt.Recorded {
				r.DestinationVersionID = "copy of " + v.VersionID
			}
			if n := len(known.Receipts); method == receipt.Marker {
				r.DestinationVersionID = objectstore.MarkerOf(known.Receipts[n-1].DestinationVersionID)
			}
			known.Entries, known.Receipts = append(known.Entries, manifest.FromVersion(v)), append(known.Receipts, r)
		}
		known.Begun = make([]bool, len(known.Entries))
		var listed []objectstore.Version
		for word := range strings.FieldsSeq(tt.listed) {
			v, _ := entry(word)
			listed = append(listed, v)
		}
		r := rebase(known, listed, false, true)
		var carried, removed []string
		for _, x := range r.carried {
			word := x.VersionID
			if x.Marker {
				word += ":" + string(x.Method)
			}
			if (x.Method == receipt.Recorded) != (x.DestinationVersionID == "") {
				t.Errorf("%q, listed %q: %s is at the destination as %q", tt.before, tt.listed, word, x.DestinationVersionID)
			}
			carried = append(carried, word)
		}
		for _, x := range r.stale {
			removed = append(removed, x.VersionID)
		}
		if strings.Join(carried, " ") != tt.carried || strings.Join(removed, " ") != tt.removed {
			t.Errorf("%q, listed %q: carried %q and removed %q, want %q and %q", tt.before, tt.listed, carried, removed,
				tt.carried, tt.removed)
		}
	}
}
