package plan

import (
	"context"
	"errors"
	"math/bits"
	"slices"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
)

// sampler asks about single versions of the move at hand, and says what that means for all.
type sampler struct {
	*draft
	first manifest.Entry // that was asked about
	// annotator is the move's source, as long as it seems to have annotations.
	annotator objectstore.Annotator
}

// sample asks about the 1st, 2nd, 4th, 8th, … version of a move what a listing
// does not tell. That is a few requests whatever there is, and the same ones for
// the same source. What it misses is found by the run, which then erases
// nothing.
func (p *sampler) sample(
	ctx context.Context, source objectstore.Store, m *Move, history []manifest.Entry, o *obstacles,
) error {
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
			switch {
			case info.ArchiveStatus == "":
			case p.Restore == "":
				note(&o.tiered, string(e.Key))
			case objectstore.RestoreTime(info.ArchiveStatus, p.Restore) == 0:
				note(&o.tierless, string(e.Key))
			}
			p.annotations(ctx, ref, &o.annotated, &o.unasked)
			tags, tagsErr := source.Tags(ctx, ref)
			if errors.Is(tagsErr, objectstore.ErrDenied) {
				note(&o.untagged, string(e.Key))
			}
			if err == nil {
				info.Tags = tags
				p.unfit(*m, e, info.Attributes, o)
			}
			// Of other services such an answer has been altered on its way, which the run finds out.
			if err == nil && info.Incomplete != "" && !slices.Contains(o.kinds, info.Incomplete) &&
				objectstore.CapabilitiesOf(source).NoMarkers {
				if o.odd.Count == 0 {
					o.odd.Text = "some sampled versions are, or have, what no copy is or has; of the first one: " + info.Incomplete
				}
				note(&o.odd, string(e.Key))
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

// unfit notes a version that carries what the destination's service has no place for.
func (p *sampler) unfit(m Move, e manifest.Entry, a objectstore.Attributes, o *obstacles) {
	checker, ok := p.Stores(p.Destination.Provider, p.Destination.Code).(objectstore.ObjectChecker)
	if !ok {
		return
	}
	a.StorageClass = "" // which is the destination's, or none
	err := checker.CheckObject(objectstore.NewObject{Bucket: m.Destination, Key: "sampled", Attributes: a})
	if err == nil {
		return
	}
	if o.unfit.Count == 0 {
		o.unfit.Text = "some sampled versions carry what the destination's service has no place for; of the first one: " +
			err.Error()
	}
	note(&o.unfit, string(e.Key))
}

// annotations asks until the endpoint says that it has none, or does not say.
func (p *sampler) annotations(ctx context.Context, ref objectstore.Ref, annotated, unasked *Issue) {
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

// unannotated counts the versions of which nobody asks whether they have annotations,
// where the source has such a thing and they would lose them: neither GET nor HEAD tells
// (API model, "HeadObjectOutput"). A warning says more where some were seen, or could not be.
func (p *sampler) unannotated(m *Move) {
	if p.annotator == nil {
		return
	}
	n := m.Totals.Multipart
	if m.Way != ServerSide {
		n = m.Totals.Versions - int64(bits.Len64(uint64(m.Totals.Versions))) // the 1st, 2nd, 4th, … were asked
	}
	if m.Unannotated = max(n, 0); m.Unannotated > 0 {
		p.warn(Issue{Rule: "annotations-not-asked", Location: m.From().String(), Count: m.Unannotated,
			Text: "of versions that are streamed or copied in parts it is not asked whether they have S3 annotations, " +
				"which would be left behind: only a request about each tells; of the few that planning asked about what was " +
				"seen is named",
			Remedy: "look at them with aws s3api list-object-annotations, if some may have any"})
	}
}
