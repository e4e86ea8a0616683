package plan

import (
	"fmt"
	"iter"

	"github.com/residency/residency/inventory/objectstore"
)

// excludeUnlistable is what leaves out what the source does not list as it is.
const excludeUnlistable = "run plan or migrate with --exclude-unlistable, which leaves them at the source and moves " +
	"everything else; or rename them at the source"

// unlistable says what becomes of the entries, and unfinished uploads, that the
// source does not list under their own keys.
func (p *draft) unlistable(i Issue, m *Move) {
	m.Unlistable = i.Count
	switch {
	case i.Count == 0:
	case p.ExcludeUnlistable:
		i.Text += "; they stay at the source, and the run exits 6"
		p.warn(i)
	default:
		i.Remedy = excludeUnlistable
		p.block(i)
	}
}

// Listable passes over what is not listed as it is. At a destination that
// concerns no plan, whose keys a listing has told: a copy that does not show is
// missed by itself.
func Listable[T any](listing iter.Seq2[T, error]) iter.Seq2[T, error] {
	return objectstore.Listable(listing, func(T) {})
}

// UnlistableReason says why entries are left that could not be moved.
func UnlistableReason(n int64) string {
	return fmt.Sprintf("%d that the server cannot list under their own keys; they were not touched", n)
}
