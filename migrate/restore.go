package migrate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/remedy"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/segment"
)

// RestoringError says that archived versions are on their way and nothing was
// copied yet. It wraps ErrRestoring.
type RestoringError struct {
	Asked, Waiting int64 // now, and by an earlier run
	Until          time.Time
}

func (e *RestoringError) Error() string {
	return fmt.Sprintf("%v: %d requested now, %d before; they should be available by %s", ErrRestoring, e.Asked, e.Waiting,
		e.Until.UTC().Format("2006-01-02 15:04 UTC"))
}

// Unwrap makes it an ErrRestoring.
func (e *RestoringError) Unwrap() error { return ErrRestoring }

// ErrRestoring reports that a run has to wait for restores.
var ErrRestoring = remedy.New("archived versions are being restored",
	"run the same command again then; it resumes from here")

// restoreArchived sees to it that every archived version that is still to be copied can be
// read: it asks for restores, and returns a RestoringError until all are there.
func restoreArchived(
	ctx context.Context, run *phase.Run, started time.Time, missing []manifest.Segment,
) error {
	if run.Plan.Restore == nil {
		return nil
	}
	waiting := &RestoringError{}
	for _, s := range missing {
		known, _, err := segment.Known(ctx, run, started, s)
		if err != nil {
			return err
		}
		var entries []manifest.Entry
		for i, e := range known.Entries {
			class := objectstore.ClassOf(e.StorageClass)
			if !e.Marker && (class.Archived || class.Mixed) && (i >= len(known.Receipts) ||
				known.Receipts[i].Verdict != receipt.Verified) {
				entries = append(entries, e)
			}
		}
		if len(entries) == 0 {
			continue
		}
		if err := restoreSegment(ctx, run, s, entries, waiting); err != nil {
			return fmt.Errorf("restore archived versions of %s: %w", run.Plan.Moves[s.Move].From(), err)
		}
	}
	if waiting.Asked+waiting.Waiting > 0 {
		return waiting
	}
	return nil
}

type versionName struct{ key, id string }

// restoreSegment asks for the restores of one segment's entries that are archived, and
// counts those that are on their way.
func restoreSegment(
	ctx context.Context, run *phase.Run, s manifest.Segment, entries []manifest.Entry, waiting *RestoringError,
) error {
	m := run.Plan.Moves[s.Move]
	source := run.Source(m)
	restorer, ok := source.(objectstore.Restorer)
	if !ok {
		return objectstore.ErrNotOffered
	}
	var listed map[versionName]objectstore.Version
	if slices.ContainsFunc(entries, func(e manifest.Entry) bool { return objectstore.ClassOf(e.StorageClass).Archived }) {
		var err error
		if listed, err = listArchived(ctx, run, s); err != nil {
			return err
		}
	}
	found := make([]toRestore, len(entries))
	looks, lctx := errgroup.WithContext(ctx)
	looks.SetLimit(cmp.Or(run.Workers, DefaultWorkers))
	for i, e := range entries {
		looks.Go(func() (err error) {
			ref := e.Ref(m.Bucket, m.Versioning)
			ref.ETag = ""
			found[i], err = archive(lctx, run, source, ref, e, listed[versionName{string(e.Key), e.VersionID}])
			return err
		})
	}
	if err := errors.Join(looks.Wait(), ctx.Err()); err != nil {
		return err
	}
	tier := run.Plan.Restore.Tier
	for _, f := range found {
		if f.from != "" && objectstore.RestoreTime(f.from, tier) == 0 {
			return fmt.Errorf("versions in %s cannot be restored at tier %s: plan with --restore Standard, or Bulk", f.from,
				tier)
		}
	}
	var asked atomic.Int64
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(cmp.Or(run.Workers, DefaultWorkers))
	for i, f := range found {
		if f.from == "" {
			continue
		}
		if until := run.Now().Add(objectstore.RestoreTime(f.from, tier)); until.After(waiting.Until) {
			waiting.Until = until
		}
		if f.restoring {
			waiting.Waiting++
			continue
		}
		days := run.Plan.Restore.Days
		if objectstore.ClassOf(entries[i].StorageClass).Mixed {
			days = 0
		}
		g.Go(func() error {
			ready, err := restorer.Restore(gctx, f.ref, tier, days)
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

// toRestore is a version that has to be restored: out of which storage class or archive
// access tier, empty if it can be read, and whether that is under way.
type toRestore struct {
	ref       objectstore.Ref
	from      string
	restoring bool
}

// archive tells whether an entry has to be restored. A listing does not tell of access
// tiers: each version in INTELLIGENT_TIERING is asked about. What is no longer there, or
// opened by no key, the copy finds out.
func archive(
	ctx context.Context, run *phase.Run, source objectstore.Store, ref objectstore.Ref, e manifest.Entry,
	listed objectstore.Version,
) (toRestore, error) {
	if !objectstore.ClassOf(e.StorageClass).Mixed {
		if listed.Restore.Readable(run.Now()) {
			return toRestore{}, nil
		}
		return toRestore{ref, e.StorageClass, listed.Restore != nil && listed.Restore.Ongoing}, nil
	}
	var info objectstore.Info
	err := run.Patient(ctx, func() (err error) {
		info, err = source.Stat(ctx, ref, 0)
		return err
	})
	if errors.Is(err, objectstore.ErrNotFound) || errors.Is(err, objectstore.ErrCustomerKey) {
		return toRestore{}, nil
	}
	return toRestore{ref, info.ArchiveStatus, info.Restoring}, err
}

// listArchived lists the archived versions of a segment as they are now.
func listArchived(
	ctx context.Context, run *phase.Run, s manifest.Segment,
) (map[versionName]objectstore.Version, error) {
	m := run.Plan.Moves[s.Move]
	listed := make(map[versionName]objectstore.Version)
	for v, err := range run.SourceVersions(ctx, m, run.Pass.Before(s)) {
		if err != nil {
			return nil, err
		}
		if v.Key > string(s.LastKey) {
			break
		}
		if objectstore.ClassOf(v.StorageClass).Archived {
			listed[versionName{v.Key, v.VersionID}] = v
		}
	}
	return listed, nil
}
