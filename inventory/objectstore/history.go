package objectstore

import (
	"fmt"
	"iter"
	"slices"
)

// Histories groups a listing by key and turns each key's entries round: oldest
// first. It holds one key's history at a time; what it yields is not reused. A
// key whose entries name one version twice is an ErrOrder.
func Histories(listing iter.Seq2[Version, error]) iter.Seq2[[]Version, error] {
	return func(yield func([]Version, error) bool) {
		var history []Version
		seen := map[string]bool{}
		for v, err := range listing {
			if err != nil {
				yield(nil, err)
				return
			}
			if len(history) > 0 && history[0].Key != v.Key {
				slices.Reverse(history)
				if !yield(history, nil) {
					return
				}
				history = nil
				clear(seen)
			}
			if len(history) > 0 { // most keys have one entry, and need no set
				seen[history[0].VersionID] = true
				if seen[v.VersionID] {
					yield(nil, fmt.Errorf("%w: one version of a key twice", ErrOrder))
					return
				}
				seen[v.VersionID] = true
			}
			history = append(history, v)
		}
		if len(history) > 0 {
			slices.Reverse(history)
			yield(history, nil)
		}
	}
}
