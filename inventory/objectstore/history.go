package objectstore

import (
	"context"
	"fmt"
	"hash/maphash"
	"iter"
	"slices"
)

// historyBlock is how many entries of a long history are gathered at once.
const historyBlock = 1024

// Histories groups a listing by key and turns each key's entries round: oldest
// first. It holds one key's history at a time; what it yields is not reused. A
// key whose entries name one version twice is an ErrOrder.
func Histories(listing iter.Seq2[Version, error]) iter.Seq2[[]Version, error] {
	return HistoriesOf(listing, func(v Version) Version { return v })
}

// VersionLister lists versions, as a Lister does.
type VersionLister interface {
	Versions(ctx context.Context, bucket, prefix, after string) iter.Seq2[Version, error]
}

// History lists the entries of one key, oldest first; none if it has none.
func History(ctx context.Context, l VersionLister, bucket, key string) ([]Version, error) {
	for h, err := range Histories(l.Versions(ctx, bucket, key, "")) {
		if err != nil {
			return nil, err
		}
		if h[0].Key == key {
			return h, nil
		}
		break // keys that only begin like it come after it
	}
	return nil, nil
}

// HistoriesOf is [Histories] of what of makes of each entry as it comes, in the
// order of the listing.
func HistoriesOf[T any](listing iter.Seq2[Version, error], of func(Version) T) iter.Seq2[[]T, error] {
	return func(yield func([]T, error) bool) {
		h := gathering[T]{seed: maphash.MakeSeed()}
		for v, err := range listing {
			if err != nil {
				yield(nil, err)
				return
			}
			if h.n > 0 && h.key != v.Key && !yield(h.take(), nil) {
				return
			}
			if h.n == 0 {
				h.key, h.first = v.Key, v.VersionID
			} else if h.twice(v.VersionID) {
				yield(nil, fmt.Errorf("%w: one version of a key appears twice", ErrOrder))
				return
			}
			v.Key = h.key // kept once
			h.add(of(v))
		}
		if h.n > 0 {
			yield(h.take(), nil)
		}
	}
}

// gathering is one key's history in the making.
type gathering[T any] struct {
	key, first string // the key, and its first version ID
	full       [][]T  // blocks
	last       []T
	n          int
	// seen are hashes of version IDs: a long history has many of them. Two that
	// share one would be an error for nothing, of which there is no chance worth
	// speaking of; a version that comes twice is always found.
	seen map[uint64]struct{}
	seed maphash.Seed
}

// twice remembers a version ID and tells whether it came before.
func (g *gathering[T]) twice(id string) bool {
	if g.seen == nil {
		g.seen = make(map[uint64]struct{})
	}
	if len(g.seen) == 0 { // most keys have one entry, and need no set
		g.seen[maphash.String(g.seed, g.first)] = struct{}{}
	}
	before := len(g.seen)
	g.seen[maphash.String(g.seed, id)] = struct{}{}
	return len(g.seen) == before
}

func (g *gathering[T]) add(x T) {
	if len(g.last) == historyBlock {
		g.full = append(g.full, g.last)
		g.last = make([]T, 0, historyBlock)
	}
	g.last = append(g.last, x)
	g.n++
}

// take returns what was gathered, the last first, and begins anew.
func (g *gathering[T]) take() []T {
	if g.n > historyBlock {
		g.seen = nil // clearing it would cost every key behind this one
	}
	clear(g.seen)
	all := g.last
	slices.Reverse(all)
	if len(g.full) > 0 {
		all = make([]T, 0, g.n)
		all = append(all, g.last...)
		for i, block := range slices.Backward(g.full) {
			slices.Reverse(block)
			all = append(all, block...)
			g.full[i] = nil
		}
	}
	g.full, g.last, g.n = nil, nil, 0
	return all
}
