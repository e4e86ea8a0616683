package objectstore

import (
	"iter"
	"slices"
)

// Histories groups a listing by key and turns each key's entries round: oldest
// first. It holds one key's history at a time; what it yields is not reused.
func Histories(listing iter.Seq2[Version, error]) iter.Seq2[[]Version, error] {
	return func(yield func([]Version, error) bool) {
		var history []Version
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
			}
			history = append(history, v)
		}
		if len(history) > 0 {
			slices.Reverse(history)
			yield(history, nil)
		}
	}
}
