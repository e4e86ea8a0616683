package listing_test

import (
	"cmp"
	"context"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf16"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/listing"
)

// Whatever order a server lists in, and wherever the ranges are cut: the listing shows all, or fails.
func TestOtherOrders(t *testing.T) {
	for name, order := range map[string]func(a, b string) int{
		"folders": func(a, b string) int {
			return cmp.Compare(strings.ReplaceAll(a, "/", "\x00"), strings.ReplaceAll(b, "/", "\x00"))
		},
		"UTF-16": func(a, b string) int {
			return slices.Compare(utf16.Encode([]rune(a)), utf16.Encode([]rune(b)))
		},
		"without case": func(a, b string) int {
			return cmp.Or(cmp.Compare(strings.ToLower(a), strings.ToLower(b)), cmp.Compare(a, b))
		},
		"length":    func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) },
		"backwards": func(a, b string) int { return -cmp.Compare(a, b) },
	} {
		t.Run(name, func(t *testing.T) {
			told := 0
			for seed := range uint64(400) {
				synctest.Test(t, func(t *testing.T) {
					if !misordered(t, seed, order) {
						told++
					}
				})
			}
			if told == 0 {
				t.Error("no listing failed")
			}
		})
	}
}

// misordered lists a bucket in another order, and tells whether that went well.
func misordered(t *testing.T, seed uint64, order func(a, b string) int) bool {
	r := rand.New(rand.NewPCG(seed, 5))
	pieces := []string{"a", "b", "/", "-", "B", "A", ".", "\ue000", "\U0001F600", "z", "\uf000"}
	key := func() (k string) {
		for range 1 + r.IntN(3) {
			k += pieces[r.IntN(len(pieces))]
		}
		return k
	}
	var all []string
	for range 1 + r.IntN(40) {
		all = append(all, key())
	}
	slices.SortFunc(all, order)
	all = slices.Compact(all)
	size, bytewise := 1+r.IntN(4), r.IntN(2) == 0 // the server looks for the first marker by bytes
	pager := func(_ context.Context, from listing.Marker) (p listing.Page, err error) {
		time.Sleep(50 * time.Millisecond)
		at := 0
		switch {
		case from.VersionID != "":
			if at, err = strconv.Atoi(from.VersionID); err != nil {
				return p, err
			}
		case from.Key != "":
			at = slices.IndexFunc(all, func(k string) bool {
				return bytewise && k > from.Key || !bytewise && order(k, from.Key) >= 0
			})
			if at < 0 {
				at = len(all)
			}
		}
		end := min(at+size, len(all))
		for _, k := range all[at:end] {
			p.Entries = append(p.Entries, objectstore.Version{Key: k, VersionID: "v"})
		}
		if p.More = end < len(all); p.More {
			p.Next = listing.Marker{Key: from.Key, VersionID: strconv.Itoa(end)}
		}
		return p, nil
	}
	cut := func(string, string, bool) (string, bool) { return key(), true }
	got, err := collect(listing.Versions(t.Context(), "", "", pager, listing.Options{Now: time.Now, Workers: 4, Cut: cut}))
	if err == nil && len(got) != len(all) {
		t.Errorf("seed %d: %d of %d entries, and no error", seed, len(got), len(all))
	}
	return err == nil
}
