package migrate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

// Versioning that was just turned on comes into force bit by bit, for up to 15 minutes
// (Amazon S3 User Guide, "Using versioning in S3 buckets"). What is written meanwhile
// can become a null version, which the next write takes the place of, or which lies
// beneath it unasked.
const (
	settlingTime  = 15 * time.Minute
	settlingPause = 15 * time.Second
)

// numbered waits until what is written to a bucket whose versioning this plan turned
// on gets version IDs, as probes show, which are removed at once. That it does so once
// says nothing for sure: until the time is over, copies are looked at for it too.
func (w *work) numbered(ctx context.Context, m Move, since time.Time) error {
	until := since.Add(settlingTime)
	if since.IsZero() || !w.Now().Before(until) {
		return nil
	}
	if w.settling == nil {
		w.settling = make(map[string]time.Time)
	}
	w.settling[m.Destination] = until
	for told := false; ; told = true {
		given, err := w.probeVersion(ctx, m)
		switch {
		case err != nil:
			return fmt.Errorf("probe %s: %w", w.plan.To(m), err)
		case given:
			return nil
		case !w.Now().Before(until):
			return fmt.Errorf("%w: what is written to %s still gets no version ID, %s after its versioning was turned on",
				ErrPartial, w.bucketAt(m), settlingTime)
		case !told:
			w.note("the versioning of %s is not in force yet; waiting, until %s at most", w.bucketAt(m), until.Format(time.TimeOnly+" MST"))
		}
		if err := w.sleep(ctx, settlingPause); err != nil {
			return err
		}
	}
}

func (w *work) probeVersion(ctx context.Context, m Move) (given bool, err error) {
	store, key := w.destination(), w.ownProbes()+w.token()
	var written objectstore.Written
	if err := w.patient(ctx, func() (err error) {
		written, err = putProbe(ctx, store, m.Destination, key)
		return err
	}); errors.Is(err, objectstore.ErrPrecondition) {
		return false, w.dropOwn(ctx, store, m.Destination, "") // it is there, and its answer was lost
	} else if err != nil {
		return false, errors.Join(err, w.dropOwn(ctx, store, m.Destination, ""))
	}
	return written.VersionID != objectstore.NullVersion, removeProbe(ctx, store, m.Destination, key, written)
}
