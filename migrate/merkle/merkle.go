// Package merkle computes the root of a Merkle tree of RFC 9162, section 2.1, over SHA-256:
// a leaf is hashed behind a byte 0, two nodes behind a byte 1, and the left subtree is the
// largest that is full.
package merkle

import (
	"crypto/sha256"
	"math/bits"
)

// Hash is that of a leaf, a node or a tree.
type Hash = [sha256.Size]byte

// Tree takes leaves one by one, and holds no more than one hash for each level. The zero
// value is the tree without leaves.
type Tree struct {
	full []Hash // of full subtrees that have no neighbour yet, the largest first
	n    uint64
}

// Add appends a leaf.
func (t *Tree) Add(leaf []byte) {
	h := Leaf(leaf)
	// As many subtrees are complete now as the number of leaves before ends in ones.
	for range bits.TrailingZeros64(t.n + 1) {
		h = node(t.full[len(t.full)-1], h)
		t.full = t.full[:len(t.full)-1]
	}
	t.full = append(t.full, h)
	t.n++
}

// Len is how many leaves there are.
func (t *Tree) Len() int64 { return int64(t.n) }

// Root is the hash of the tree as it is.
func (t *Tree) Root() Hash {
	if t.n == 0 {
		return sha256.Sum256(nil)
	}
	root := t.full[len(t.full)-1]
	for i := len(t.full) - 2; i >= 0; i-- {
		root = node(t.full[i], root)
	}
	return root
}

// Leaf is the hash of a leaf.
func Leaf(data []byte) Hash {
	h := sha256.New()
	h.Write([]byte{0})
	h.Write(data)
	return Hash(h.Sum(nil))
}

func node(left, right Hash) Hash {
	var both [1 + 2*sha256.Size]byte
	both[0] = 1
	copy(both[1:], left[:])
	copy(both[1+sha256.Size:], right[:])
	return sha256.Sum256(both[:])
}
