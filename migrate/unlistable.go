package migrate

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/certificate"
)

// excludeUnlistable is what leaves out what the source does not list as it is.
const excludeUnlistable = "give --exclude-unlistable to plan or migrate, which leaves them at the source and moves " +
	"everything else; or rename them at the source"

// unlistable says what becomes of the entries, and unfinished uploads, that the
// source does not list under their own keys.
func (p *planner) unlistable(i Issue, m *Move) {
	m.Unlistable = i.Count
	switch {
	case i.Count == 0:
	case p.ExcludeUnlistable:
		i.Text += "; they stay at the source, and the run ends with exit code 6"
		p.warn(i)
	default:
		i.Remedy = excludeUnlistable
		p.block(i)
	}
}

// versions lists one move's source. What the plan leaves out is not part of it;
// where it leaves nothing out, there must be nothing of the kind.
func (w *work) versions(ctx context.Context, m Move, after string) iter.Seq2[objectstore.Version, error] {
	listing := w.source(m).Versions(ctx, m.Bucket, m.Prefix, after)
	if !w.plan.ExcludeUnlistable {
		return listing
	}
	return listable(listing)
}

// unfinished lists one move's unfinished uploads, as versions does.
func (w *work) unfinished(ctx context.Context, m Move) iter.Seq2[objectstore.Upload, error] {
	listing := w.source(m).Uploads(ctx, m.Bucket, m.Prefix)
	if !w.plan.ExcludeUnlistable {
		return listing
	}
	return listable(listing)
}

// listable passes over what is not listed as it is. At a destination that
// concerns no plan, whose keys a listing has told: a copy that does not show is
// missed by itself.
func listable[T any](listing iter.Seq2[T, error]) iter.Seq2[T, error] {
	return objectstore.Listable(listing, func(T) {})
}

// leftOut tells whether all that is left is what the plan leaves out.
func (w *work) leftOut() bool {
	return w.plan.ExcludeUnlistable && !w.result.SourceEmpty &&
		!slices.ContainsFunc(w.result.Left, func(l certificate.Left) bool { return l.Entries+l.Uploads > 0 })
}

// unlistableReason says why entries are left that could not be moved.
func unlistableReason(n int64) string {
	return fmt.Sprintf("%d that the server does not list under their own keys, and that were not touched", n)
}
