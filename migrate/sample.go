package migrate

import (
	"context"
	"errors"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
)

// sample asks about the 1st, 2nd, 4th, 8th, … version of a move what a listing
// does not tell. That is a few requests whatever there is, and the same ones for
// the same source. What it misses is found by the run, which then erases
// nothing.
func (p *planner) sample(ctx context.Context, source objectstore.Store, m *Move, history []manifest.Entry, o *obstacles) error {
	n := m.Totals.Versions
	for i := len(history) - 1; i >= 0; i-- {
		e := history[i]
		if e.Marker {
			continue
		}
		if n&(n-1) == 0 {
			if n == 1 {
				p.first = e
				p.annotator, _ = source.(objectstore.Annotator)
			}
			ref := e.Ref(m.Bucket, m.Versioning)
			info, err := source.Stat(ctx, ref, 0)
			if errors.Is(err, objectstore.ErrCustomerKey) {
				note(&o.sseC, string(e.Key))
			}
			m.Redirects = m.Redirects || m.Way == ServerSide && info.WebsiteRedirect != ""
			if info.ArchiveStatus != "" {
				note(&o.tiered, string(e.Key))
			}
			p.annotations(ctx, ref, &o.annotated, &o.unasked)
			tags, tagsErr := source.Tags(ctx, ref)
			if errors.Is(tagsErr, objectstore.ErrDenied) {
				note(&o.untagged, string(e.Key))
			}
			m.TagsUntold = m.TagsUntold || err == nil && len(tags) > 0 && info.TagCount == 0
			if ctx.Err() != nil {
				return ctx.Err()
			}
		}
		n--
	}
	return nil
}

// annotations asks until the endpoint says that it has none, or does not say.
func (p *planner) annotations(ctx context.Context, ref objectstore.Ref, annotated, unasked *Issue) {
	if p.annotator == nil {
		return
	}
	n, err := p.annotator.Annotations(ctx, ref)
	switch {
	case err == nil && n > 0:
		note(annotated, ref.Key)
	case errors.Is(err, objectstore.ErrNotOffered), errors.Is(err, objectstore.ErrRejected):
		p.annotator = nil
	case err != nil && ctx.Err() == nil: // denied, or not answered: that is not none
		p.annotator = nil
		note(unasked, ref.Key)
	}
}
