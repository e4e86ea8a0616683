package merkle_test

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"testing"

	"github.com/residency/residency/migrate/merkle"
)

// recursive is the definition of RFC 9162, section 2.1.1, word for word.
func recursive(leaves [][]byte) []byte {
	hash := func(parts ...[]byte) []byte {
		h := sha256.New()
		for _, p := range parts {
			h.Write(p)
		}
		return h.Sum(nil)
	}
	switch len(leaves) {
	case 0:
		return hash()
	case 1:
		return hash([]byte{0}, leaves[0])
	}
	k := 1
	for 2*k < len(leaves) {
		k *= 2
	}
	return hash([]byte{1}, recursive(leaves[:k]), recursive(leaves[k:]))
}

func TestRootIsThatOfTheStandard(t *testing.T) {
	var tree merkle.Tree
	var leaves [][]byte
	for n := range 200 {
		root := tree.Root()
		if want := recursive(leaves); string(root[:]) != string(want) || tree.Len() != int64(n) {
			t.Fatalf("%d leaves: %x, want %x", n, root, want)
		}
		leaf := []byte("leaf " + strconv.Itoa(n))
		tree.Add(leaf)
		leaves = append(leaves, leaf)
	}
}

// The vectors that implementations of Certificate Transparency share.
func TestKnownRoots(t *testing.T) {
	var tree merkle.Tree
	for _, v := range []struct{ leaf, root string }{
		{"", "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"},
		{"00", "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"},
		{"10", "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"},
		{"2021", "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"},
	} {
		leaf, err := hex.DecodeString(v.leaf)
		if err != nil {
			t.Fatal(err)
		}
		tree.Add(leaf)
		if root := tree.Root(); hex.EncodeToString(root[:]) != v.root {
			t.Errorf("%d leaves: %x, want %s", tree.Len(), root, v.root)
		}
	}
}
