package migrate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
)

// Restore is how archived versions are made readable before they are copied.
type Restore struct {
	Tier string `json:"tier"`
	Days int    `json:"days"` // for which a restored copy stays
}

// restoreDays leaves time for the longest restore, for somebody to come back,
// and for the copy.
const restoreDays = 7

// RestoreTiers are those that --restore takes.
func RestoreTiers() []string {
	return []string{objectstore.Standard, objectstore.Bulk, objectstore.Expedited}
}

const (
	glacier     = "GLACIER"
	deepArchive = "DEEP_ARCHIVE"
)

// archived tells which storage classes cannot be read without a restore (Amazon
// S3 User Guide, "Understanding and managing storage classes").
func archived(class string) bool { return class == glacier || class == deepArchive }

// restoreTime is the longest that a restore usually takes (Amazon S3 User
// Guide, "Understanding archive retrieval options"); 0 where there is no such
// tier.
func restoreTime(class, tier string) time.Duration {
	switch tier {
	case objectstore.Expedited:
		if class == deepArchive {
			return 0
		}
		return 5 * time.Minute
	case objectstore.Bulk:
		if class == deepArchive {
			return 48 * time.Hour
		}
	case objectstore.Standard:
		if class != deepArchive {
			return 5 * time.Hour
		}
	}
	return 12 * time.Hour
}

// RestoringError says that archived versions are on their way and nothing was
// copied yet. It wraps ErrRestoring.
type RestoringError struct {
	Asked, Waiting int64 // now, and by an earlier run
	Until          time.Time
}

func (e *RestoringError) Error() string {
	return fmt.Sprintf("%v: %d asked for now, %d before; they should be there by %s", ErrRestoring, e.Asked, e.Waiting, e.Until.UTC().Format("2006-01-02 15:04 UTC"))
}

// Unwrap makes it an ErrRestoring.
func (e *RestoringError) Unwrap() error { return ErrRestoring }

// ErrRestoring reports that a run has to wait for restores.
var ErrRestoring = errors.New("archived versions are being restored")

// frozen notes an archived version of the source: a blocker, unless it is
// restored already or the plan is to restore it.
func (p *planner) frozen(v objectstore.Version, o *obstacles) {
	if !archived(v.StorageClass) {
		return
	}
	switch {
	case p.Restore == "":
		if v.Restoring || !v.Restored.After(p.Now) {
			note(&o.archived, v.Key)
		}
	case restoreTime(v.StorageClass, p.Restore) == 0:
		note(&o.tierless, v.Key)
	}
}

// thaw sees to it that every archived version that is still to be copied can be
// read: it asks for restores, and returns a RestoringError until all are there.
func (w *work) thaw(ctx context.Context, missing []manifest.Segment) error {
	if w.plan.Restore == nil {
		return nil
	}
	waiting := &RestoringError{}
	for _, s := range missing {
		known, _, err := w.known(ctx, s)
		if err != nil {
			return err
		}
		var entries []manifest.Entry
		for i, e := range known.entries {
			if !e.Marker && archived(e.StorageClass) && (i >= len(known.receipts) || known.receipts[i].Verdict != receipt.Verified) {
				entries = append(entries, e)
			}
		}
		if len(entries) == 0 {
			continue
		}
		if err := w.thawSegment(ctx, s, entries, waiting); err != nil {
			return fmt.Errorf("restore archived versions of %s: %w", w.plan.Moves[s.Move].From(), err)
		}
	}
	if waiting.Asked+waiting.Waiting > 0 {
		return waiting
	}
	return nil
}

type versionName struct{ key, id string }

// thawSegment asks for the restores of one segment's archived entries that the
// source's listing does not show as restored.
func (w *work) thawSegment(ctx context.Context, s manifest.Segment, entries []manifest.Entry, waiting *RestoringError) error {
	m := w.plan.Moves[s.Move]
	source := w.source(m)
	restorer, ok := source.(objectstore.Restorer)
	if !ok {
		return objectstore.ErrNotOffered
	}
	listed, err := w.listArchived(ctx, s)
	if err != nil {
		return err
	}
	var asked atomic.Int64
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(cmp.Or(w.Workers, DefaultWorkers))
	for _, e := range entries {
		v := listed[versionName{string(e.Key), e.VersionID}]
		if !v.Restoring && v.Restored.After(w.Now()) {
			continue
		}
		if until := w.Now().Add(restoreTime(e.StorageClass, w.plan.Restore.Tier)); until.After(waiting.Until) {
			waiting.Until = until
		}
		if v.Restoring {
			waiting.Waiting++
			continue
		}
		g.Go(func() error {
			ref := e.Ref(m.Bucket, m.Versioning)
			ref.ETag = ""
			ready, err := restorer.Restore(gctx, ref, w.plan.Restore.Tier, w.plan.Restore.Days)
			if err == nil && !ready {
				asked.Add(1)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	waiting.Asked += asked.Load()
	return ctx.Err()
}

// listArchived lists the archived versions of a segment as they are now.
func (w *work) listArchived(ctx context.Context, s manifest.Segment) (map[versionName]objectstore.Version, error) {
	m := w.plan.Moves[s.Move]
	listed := make(map[versionName]objectstore.Version)
	for v, err := range w.versions(ctx, m, w.before(s)) {
		if err != nil {
			return nil, err
		}
		if v.Key > string(s.LastKey) {
			break
		}
		if archived(v.StorageClass) {
			listed[versionName{v.Key, v.VersionID}] = v
		}
	}
	return listed, nil
}
