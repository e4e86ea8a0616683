package plan

import (
	"context"
	"fmt"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
)

// list writes one move's entries to the manifest, beside the destination's
// listing.
func (p *planner) list(ctx context.Context, index int, source objectstore.Store, writer *manifest.Writer) error {
	m := &p.plan.Moves[index]
	there, err := p.destinations.openDestination(ctx, m)
	if err != nil {
		return err
	}
	defer there.stop()
	o := p.samples.obstacles(m)
	p.samples.first = manifest.Entry{}
	to := p.Stores(p.Destination.Provider, p.Destination.Code)
	see := func(v objectstore.Version) manifest.Entry {
		if m.Way == Mixed && !v.Marker && !objectstore.CopiesVersion(to, m.Bucket, v) {
			m.Through.Versions++
			m.Through.Bytes += v.Size
		}
		p.samples.seeArchived(v, o)
		o.fits.see(v)
		o.seeKind(v)
		o.charged.see(v)
		if objectstore.IsProbe(v) {
			note(&o.probes, v.Key)
		}
		return manifest.FromVersion(v)
	}
	listing := objectstore.Listable(source.Versions(ctx, m.Bucket, m.Prefix, ""), func(v objectstore.Version) {
		note(&o.unlistable, v.Key)
	})
	var leases []objectstore.Version
	lease := func(v objectstore.Version) {
		if v.Marker || len(leases) == leasesRead {
			note(&o.named, v.Key)
		} else {
			leases = append(leases, v)
		}
	}
	for entries, err := range objectstore.HistoriesOf(WithoutLeases(listing, lease), see) {
		if err != nil {
			return fmt.Errorf("list %s: %w", m.From(), err)
		}
		o.fits.seeMarkers(entries)
		if m.Versioning == objectstore.Unversioned && len(entries) > 1 {
			note(&o.histories, string(entries[0].Key))
		}
		lone := true
		for i := range entries {
			m.Totals.Count(entries[i])
			if p.Charges != nil {
				p.Charges.Add(index, &entries[i])
			}
			lone = lone && entries[i].Marker
		}
		if lone {
			m.LoneMarkers++
		}
		if err := p.samples.sample(ctx, source, m, entries, o); err != nil {
			return err
		}
		at, err := there.compare(entries)
		if err != nil {
			return fmt.Errorf("list %s: %w", p.plan.To(*m), err)
		}
		if m.Held += int64(at.held); !at.fits {
			note(&o.taken, string(entries[0].Key))
		}
		m.replicas += int64(there.replicas)
		if at.beneath > 0 {
			note(&o.older, string(entries[0].Key))
		}
		if at.held > 0 {
			p.held = append(p.held, HeldLine{Key: entries[0].Key, Entries: at.reach})
		}
		if err := writer.Add(ctx, entries); err != nil {
			return err
		}
		p.Progress.Entries.Add(int64(len(entries)))
	}
	if o.histories.Count > 0 {
		kept, err := p.destinations.keepsVersions(ctx, *m)
		if err != nil {
			return err
		}
		if kept {
			o.histories.Count = 0
		}
	}
	if err := p.listUploads(ctx, index, source, o); err != nil {
		return err
	}
	if err := p.destinations.leases(ctx, source, m, leases, o); err != nil {
		return err
	}
	o.report(p)
	p.unlistable(o.unlistable, m)
	p.samples.unannotated(m)
	if m.replicas > 0 {
		p.warn(Issue{Rule: "replicas", Location: p.plan.To(*m).String(), Region: p.plan.Destination.Code, Count: m.replicas,
			Text: "entries at the destination have the source's version IDs, as replication makes them; before the " +
				"first deletion a probe tests for some seconds whether deletions are replicated too, which " +
				"replication that lags further behind escapes; while any replication rule of the source is on, " +
				"nothing is erased"})
	}
	return nil
}

// listUploads notes one move's unfinished uploads.
func (p *planner) listUploads(ctx context.Context, index int, source objectstore.Store, o *obstacles) error {
	m := &p.plan.Moves[index]
	uploads := objectstore.Listable(source.Uploads(ctx, m.Bucket, m.Prefix), func(u objectstore.Upload) {
		note(&o.unlistable, u.Key)
	})
	for u, err := range uploads {
		if err != nil {
			return fmt.Errorf("list unfinished uploads of %s: %w", m.From(), err)
		}
		m.Totals.Uploads++
		if u.Key == objectstore.MarkKey {
			m.marks++
		}
		p.uploads = append(p.uploads,
			Upload{Move: index, Key: manifest.Key(u.Key), UploadID: u.UploadID, Initiated: u.Initiated.UTC()})
	}
	lister, ok := source.(objectstore.UploadLister)
	if m.UploadsUnlisted = ok && !lister.ListsUploads(); m.UploadsUnlisted {
		p.warn(Issue{Rule: "uploads-not-listed", Location: m.From().String(), Count: 1,
			Text: "its service does not list unfinished uploads: whether there are any, and any are left, cannot be told"})
	}
	return nil
}

// Count adds one entry.
func (t *Totals) Count(e manifest.Entry) {
	t.Entries++
	if e.Marker {
		t.Markers++
		return
	}
	t.Versions++
	t.Bytes += e.Size
	if e.Parts() > 0 {
		t.Multipart++
	}
	if objectstore.ClassOf(e.StorageClass).Archived {
		t.Archived++
	}
}
