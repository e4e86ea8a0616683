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
			r := rebase(record.Joined{Entries: entries, Receipts: receipts, Begun: begun}, versions(tt.listed), tt.written)
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
