package migrate

import (
	"context"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/copier"
)

// Versioning that was just turned on comes into force bit by bit, for up to 15 minutes
// (Amazon S3 User Guide, "Using versioning in S3 buckets"). What is written meanwhile
// can become a null version, which the next write takes the place of, or which lies
// beneath it unasked.
const settlingTime = 15 * time.Minute

// settles remembers until when what is written to a bucket, whose versioning this plan
// turned on at that time, may get no version ID. The probe that every run writes there
// first is waited for (see waitsForIDs); that it got one says nothing for sure, and
// until the time is over copies are looked at for it too.
func (w *work) settles(m Move, since time.Time) {
	if since.IsZero() || !w.Now().Before(since.Add(settlingTime)) {
		return
	}
	if w.settling == nil {
		w.settling = make(map[string]time.Time)
	}
	w.settling[m.Destination] = since.Add(settlingTime)
}

// waitsForIDs tells whether a probe is to be written once more, after a while, because
// it got no version ID.
func (w *work) waitsForIDs(ctx context.Context, m Move, probe objectstore.Written) (bool, error) {
	until := w.settling[m.Destination]
	if probe.VersionID != objectstore.NullVersion || !w.Now().Before(until) {
		return false, nil
	}
	w.note("the versioning of %s is not in force yet; waiting, until %s at most",
		w.bucketAt(m), until.Format(time.TimeOnly+" MST"))
	return true, w.sleep(ctx, copier.SettlingPause)
}
