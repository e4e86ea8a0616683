package migrate

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/residency/residency/inventory/doctor"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/engine"
	"github.com/residency/residency/migrate/receipt"
)

// ErrCoupled reports that what is done at one end of a move shows at the other:
// they are one bucket under two names, or one is replicated to the other.
// Erasing the source could erase the copies.
var ErrCoupled = errors.New("the source and the destination are not independent")

// separate finds out by experiment, for each move, that its two ends are two:
// an object written at the destination must not show at the source. Names,
// addresses and accounts can differ for one bucket, and are not asked.
func (w *work) separate(ctx context.Context) error {
	if err := w.dropSourceProbes(ctx); err != nil {
		return err
	}
	for _, m := range w.plan.Moves {
		if err := w.dropOwn(ctx, w.destination(), m.Destination, ""); err != nil {
			return err
		}
		if err := w.patient(ctx, func() error { return w.probeDestination(ctx, m) }); err != nil {
			return err
		}
	}
	return nil
}

// probeDestination writes a probe at a move's destination, looks for it at the
// source and removes it. Where object lock could keep an object, an unfinished
// upload is the probe.
func (w *work) probeDestination(ctx context.Context, m Move) error {
	destination, key := w.destination(), w.ownProbes()+w.token()
	lock, err := w.objectLock(ctx, m)
	if err != nil {
		return err
	}
	var shows bool
	if lock != nil || m.Lock {
		id, err := destination.CreateUpload(ctx, objectstore.NewObject{Bucket: m.Destination, Key: key})
		if err != nil {
			return fmt.Errorf("probe %s: %w", w.plan.To(m), err)
		}
		shows, err = showsUpload(ctx, w.source(m), m.Bucket, key)
		if err = errors.Join(err, destination.AbortUpload(ctx, m.Destination, key, id)); err != nil {
			return fmt.Errorf("probe %s: %w", w.plan.To(m), err)
		}
	} else {
		written, err := putProbe(ctx, destination, m.Destination, key)
		if err != nil {
			// Its answer may have been lost, and not the probe.
			return errors.Join(fmt.Errorf("probe %s: %w", w.plan.To(m), err), w.dropOwn(ctx, destination, m.Destination, ""))
		}
		if again, err := w.waitsForIDs(ctx, m, written); again {
			if err = errors.Join(err, removeProbe(ctx, destination, m.Destination, key, written)); err != nil {
				return fmt.Errorf("probe %s: %w", w.plan.To(m), err)
			}
			return w.probeDestination(ctx, m)
		}
		shows, err = showsKey(ctx, w.source(m), m.Bucket, key)
		if err == nil && !shows {
			err = w.shown(ctx, w.plan.To(m), key)
		}
		if err = errors.Join(err, removeProbe(ctx, destination, m.Destination, key, written)); err != nil {
			return fmt.Errorf("probe %s: %w", w.plan.To(m), err)
		}
	}
	if shows {
		return fmt.Errorf("%w: a probe written to %s shows in %s; nothing was erased", ErrCoupled, w.plan.To(m), m.From())
	}
	return nil
}

// objectLock is the object lock setting of a move's destination, nil for none.
func (w *work) objectLock(ctx context.Context, m Move) ([]byte, error) {
	lock, err := w.destination().Setting(ctx, m.Destination, objectstore.ObjectLock)
	if errors.Is(err, objectstore.ErrNotOffered) || errors.Is(err, objectstore.ErrDenied) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("object lock of %s: %w", w.plan.To(m), err)
	}
	return lock, nil
}

func putProbe(ctx context.Context, store objectstore.Store, bucket, key string) (objectstore.Written, error) {
	return store.Put(ctx, objectstore.NewObject{Bucket: bucket, Key: key, Guard: objectstore.Guard{Absent: true}},
		probeBody())
}

func probeBody() objectstore.Body {
	return objectstore.Body{Reader: strings.NewReader(objectstore.ProbeText), Size: int64(len(objectstore.ProbeText))}
}

// probeRef names a probe that was written: not every server takes "null" as an ID.
func probeRef(bucket, key string, written objectstore.Written) objectstore.Ref {
	ref := objectstore.Ref{Bucket: bucket, Key: key}
	if numbered(written.VersionID) {
		ref.VersionID = written.VersionID
	}
	return ref
}

// removeProbe removes a probe for good. One that is gone is no error: the other
// end's removal may have reached it.
func removeProbe(ctx context.Context, store objectstore.Store, bucket, key string, written objectstore.Written) error {
	results, err := store.Delete(context.WithoutCancel(ctx), bucket, []objectstore.Deletion{{Key: key, VersionID: written.VersionID}})
	if err == nil {
		err = results[0]
	}
	if errors.Is(err, objectstore.ErrRejected) { // as some answer to the deletion of what is gone
		if shows, listErr := showsKey(context.WithoutCancel(ctx), store, bucket, key); listErr == nil && !shows {
			return nil
		}
	}
	if err != nil && !errors.Is(err, objectstore.ErrNotFound) {
		return fmt.Errorf("remove the probe %s: %w", key, err)
	}
	return nil
}

// showsKey looks by a listing: one who may not list cannot tell an absent key
// from a denied one.
func showsKey(ctx context.Context, store objectstore.Store, bucket, key string) (bool, error) {
	for _, err := range store.Versions(ctx, bucket, key, "") {
		return err == nil, err
	}
	return false, nil
}

func showsUpload(ctx context.Context, store objectstore.Store, bucket, key string) (bool, error) {
	for _, err := range store.Uploads(ctx, bucket, key) {
		return err == nil, err
	}
	return false, nil
}

// Replication takes seconds. Where copies have their originals' version IDs, as
// only a replication gives them, what it does with a removal is waited for.
const (
	replicaLooks = 6
	replicaPause = 2 * time.Second
)

// twin tells whether a copy has its original's version ID, as only a replication
// gives it. A null version is one where all that a plan writes has IDs: at a
// destination with versioning.
func twin(m Move, r *receipt.Receipt) bool {
	return r.VersionID == r.DestinationVersionID &&
		(r.VersionID != objectstore.NullVersion || m.Versioning != objectstore.Unversioned)
}

// trial is what is known of a move before its first deletion.
type trial struct {
	entries    int // the most that are erased before the destination is listed again
	versioning objectstore.Versioning
	condition  engine.Condition
}

// trialEntries is the size of the first batch of a move; without a probe at the
// source, the first entry goes alone.
const trialEntries = 10

// try proves once more, immediately before a move's first deletion, that its
// ends are independent, this time also with a probe at the source: one written
// there must not come to the destination. The same probe tells whether the
// endpoint compares the ETag of a conditional deletion.
func (w *work) try(ctx context.Context, move int) (trial, error) {
	m := w.plan.Moves[move]
	if move > 0 { // the moves before it can have taken long since the gate
		if err := w.unreplicated(ctx, move); err != nil {
			return trial{}, err
		}
	}
	if err := w.patient(ctx, func() error { return w.probeDestination(ctx, m) }); err != nil {
		return trial{}, err
	}
	source, key := w.source(m), m.Prefix+w.ownProbes()+w.token()
	t := trial{entries: 1, versioning: m.Versioning}
	if m.Lock {
		t.condition = offered(ctx, source, m.Bucket, key, t.versioning)
		return t, ctx.Err()
	}
	err := w.patient(ctx, func() (err error) {
		t.versioning, err = mayRemove(ctx, source, m, key)
		return err
	})
	if err != nil {
		return trial{}, err
	}
	written, err := putProbe(ctx, source, m.Bucket, key)
	if err != nil {
		// Whoever erases need not be allowed to write, nor does a fence let him.
		if ctx.Err() != nil || objectstore.Hopeless(err) || objectstore.Outage(err) {
			return trial{}, fmt.Errorf("probe %s: %w", m.From(), err)
		}
		t.condition = offered(ctx, source, m.Bucket, key, t.versioning)
		return t, w.dropSourceProbes(ctx)
	}
	// One that was acknowledged and is not there shows nothing by not coming.
	there, err := showsKey(ctx, source, m.Bucket, key)
	if err != nil {
		err = errors.Join(err, removeProbe(ctx, source, m.Bucket, key, written))
		return trial{}, fmt.Errorf("probe %s: %w", m.From(), err)
	}
	if !there {
		t.condition = offered(ctx, source, m.Bucket, key, t.versioning)
		return t, w.dropSourceProbes(ctx)
	}
	t.entries = trialEntries
	looks := 1
	if w.twins[move] > 0 {
		looks = replicaLooks
	}
	shows, err := w.comes(ctx, m, key, looks)
	if err == nil && !shows {
		err = w.shown(ctx, m.From(), key)
	}
	if err == nil && !shows {
		t.condition, err = w.condition(ctx, m, key, written.VersionID, t.versioning)
	}
	if err = errors.Join(err, removeProbe(ctx, source, m.Bucket, key, written)); err != nil {
		return trial{}, fmt.Errorf("probe %s: %w", m.From(), err)
	}
	if shows {
		return trial{}, fmt.Errorf("%w: a probe written to %s came to %s; nothing of the source was erased by this run", ErrCoupled, m.From(), w.plan.To(m))
	}
	return t, nil
}

// mayRemove finds out, on a key that does not exist, whether deletions are denied:
// then no probe is left that nobody can take away. It returns the versioning that
// the bucket has by now.
func mayRemove(
	ctx context.Context, source objectstore.Store, m Move, key string,
) (versioning objectstore.Versioning, err error) {
	versioning = m.Versioning
	if versioning == objectstore.Unversioned {
		if versioning, err = source.Versioning(ctx, m.Bucket); err != nil {
			return "", err
		}
	}
	d := objectstore.Deletion{Key: key}
	if versioning != objectstore.Unversioned { // without an ID this would leave a marker
		d.VersionID = objectstore.NullVersion
	}
	results, err := source.Delete(ctx, m.Bucket, []objectstore.Deletion{d})
	if err == nil && objectstore.Hopeless(results[0]) {
		err = results[0]
	}
	return versioning, err
}

// comes looks for a key at a move's destination.
func (w *work) comes(ctx context.Context, m Move, key string, looks int) (bool, error) {
	for look := 1; ; look++ {
		shows, err := showsKey(ctx, w.destination(), m.Destination, key)
		if err != nil || shows || look == looks {
			return shows, err
		}
		if err := w.sleep(ctx, replicaPause); err != nil {
			return false, err
		}
	}
}

// condition finds out whether the endpoint compares the ETag of a conditional
// deletion, on an object of our own: on one that does not, the question is the
// deletion. It is asked as erasing will: in a bucket without versions without an
// ID, else for the null version, whether or not the object is that.
func (w *work) condition(
	ctx context.Context, m Move, key, id string, v objectstore.Versioning,
) (engine.Condition, error) {
	source := w.source(m)
	c := engine.Untold
	if numbered(id) {
		if c = offered(ctx, source, m.Bucket, key, v); c == engine.Untold {
			c = ask(ctx, source, m.Bucket, key, id)
		}
	} else {
		c = ask(ctx, source, m.Bucket, key, v.Conditioned(objectstore.NullVersion))
	}
	if c != engine.Untold {
		w.saw(ctx, source.Endpoint(), doctor.ConditionalDeletesOf(v), c == engine.Compared)
	}
	return c, ctx.Err()
}

// offered asks for a conditional deletion where there is nothing to delete, which
// tells no more than whether the service refuses to be asked.
func offered(
	ctx context.Context, source objectstore.Store, bucket, key string, v objectstore.Versioning,
) engine.Condition {
	if c := ask(ctx, source, bucket, key, v.Conditioned(objectstore.NullVersion)); c == engine.Refused {
		return c
	}
	return engine.Untold
}

func ask(ctx context.Context, source objectstore.Store, bucket, key, id string) engine.Condition {
	err := source.DeleteIf(ctx, bucket, objectstore.Deletion{Key: key, VersionID: id, ETag: engine.ImpossibleETag})
	switch {
	case err == nil:
		return engine.Ignored
	case errors.Is(err, objectstore.ErrPrecondition):
		return engine.Compared
	case errors.Is(err, objectstore.ErrNotOffered):
		return engine.Refused
	}
	return engine.Untold
}

// stay lists a move's destination after its first deletions: what was proven
// must still be there. With twins among what was deleted, a replication is given
// the time to pass that on.
func (w *work) stay(ctx context.Context, move int, twins bool) error {
	m := w.plan.Moves[move]
	for look := 1; twins && look < replicaLooks; look++ {
		if err := w.sleep(ctx, replicaPause); err != nil {
			return err
		}
	}
	spoiled, _, err := w.spoiledIn(ctx, move, false)
	if err != nil {
		return err
	}
	if spoiled > 0 {
		return fmt.Errorf("%w: after the first deletions in %s, %d entries of %s are not there any more; the rest of the source was left alone: %w",
			ErrSpoiledLate, m.From(), spoiled, w.plan.To(m), ErrVerification)
	}
	return nil
}

// ownProbes begins the names of this plan's probes at its sources: no other plan
// and no other state has them, so that what a run which died has left is known.
func (w *work) ownProbes() string { return objectstore.ProbePrefix + w.reservation.ID + "-" }

// dropSourceProbes removes probes at the sources that a run which died has left.
func (w *work) dropSourceProbes(ctx context.Context) error {
	for _, m := range w.plan.Moves {
		if err := w.dropOwn(ctx, w.source(m), m.Bucket, m.Prefix); err != nil {
			return err
		}
	}
	return nil
}

// dropAllProbes removes them at both ends.
func (w *work) dropAllProbes(ctx context.Context) error {
	for _, bucket := range w.destinations() {
		if err := w.dropOwn(ctx, w.destination(), bucket, ""); err != nil && !errors.Is(err, objectstore.ErrNotFound) {
			return err
		}
	}
	return w.dropSourceProbes(ctx)
}

// dropOwn removes this plan's probes under a prefix of a bucket.
func (w *work) dropOwn(ctx context.Context, store objectstore.Store, bucket, prefix string) error {
	for v, err := range store.Versions(ctx, bucket, prefix+w.ownProbes(), "") {
		if err == nil {
			err = removeProbe(ctx, store, bucket, v.Key, objectstore.Written{VersionID: v.VersionID})
		}
		if err != nil {
			return fmt.Errorf("look for probes in %s: %w", bucket, err)
		}
	}
	return nil
}
