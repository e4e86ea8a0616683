// Package probe finds out by experiment what the two ends of a move do: whether they are two,
// what the source makes of conditions, what the destination checks and carries.
package probe

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/residency/residency/inventory/doctor"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/eraser"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/reserve"
	"github.com/residency/residency/migrate/segment"
)

// Prober writes probes, each removed at once, under names that no other plan and no other
// state has.
type Prober struct {
	run         *phase.Run
	reservation *reserve.Reservation // whose ID names the probes
	claims      plan.Claims
	compares    map[string]bool // conditions of writes, by destination bucket; false: not known yet
}

// New returns a prober of a run's ends; claims say whose data is where.
func New(run *phase.Run, r *reserve.Reservation, claims plan.Claims) *Prober {
	return &Prober{run: run, reservation: r, claims: claims, compares: make(map[string]bool)}
}

// Separate finds out by experiment, for each move, that its two ends are two:
// an object written at the destination must not show at the source. Names,
// addresses and accounts can differ for one bucket, and are not asked.
func (p *Prober) Separate(ctx context.Context) error {
	if err := p.DropAtSources(ctx); err != nil {
		return err
	}
	for _, m := range p.run.Plan.Moves {
		if err := p.DropOwn(ctx, p.run.Destination(), m.Destination, ""); err != nil {
			return err
		}
		if m.Prefix != "" {
			if err := p.DropOwn(ctx, p.run.Destination(), m.Destination, m.Prefix); err != nil {
				return err
			}
		}
		if err := p.tryDestination(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// tryDestination has probeDestination try more than once. What a try has left, because it
// could not be removed, the next one removes first.
func (p *Prober) tryDestination(ctx context.Context, m plan.Move) error {
	left := false
	return p.run.Patient(ctx, func() error {
		if left {
			if err := p.DropOwn(ctx, p.run.Destination(), m.Destination, ""); err != nil {
				return err
			}
		}
		left = true
		return p.probeDestination(ctx, m)
	}, reserve.ErrCoupled, reserve.ErrUnconditional, plan.ErrClaimed, errLeft)
}

// probeDestination writes a probe at a move's destination, looks for it at the
// source and removes it. Where object lock could keep an object, an unfinished
// upload is the probe.
func (p *Prober) probeDestination(ctx context.Context, m plan.Move) error {
	destination, key := p.run.Destination(), p.OwnPrefix()+p.run.Token()
	lock, err := phase.ObjectLock(ctx, p.run, m)
	if err != nil {
		return err
	}
	var shows bool
	if lock != nil || m.Lock {
		if err := p.refusesConditions(ctx, m, key); err != nil {
			return err
		}
		id, err := destination.CreateUpload(ctx, objectstore.NewObject{Bucket: m.Destination, Key: key})
		if err != nil {
			return fmt.Errorf("probe %s: %w", p.run.Plan.To(m), err)
		}
		shows, err = showsUpload(ctx, p.run.Source(m), m.Bucket, key)
		if err = errors.Join(err, destination.AbortUpload(ctx, m.Destination, key, id)); err != nil {
			return fmt.Errorf("probe %s: %w", p.run.Plan.To(m), err)
		}
	} else {
		written, err := put(ctx, destination, m.Destination, key)
		if err != nil {
			// Its answer may have been lost, and not the probe.
			return errors.Join(fmt.Errorf("probe %s: %w", p.run.Plan.To(m), err), p.DropOwn(ctx, destination, m.Destination, ""))
		}
		if again, err := p.waitsForIDs(ctx, m, written); again {
			if err = errors.Join(err, p.Remove(ctx, destination, m.Destination, key, written)); err != nil {
				return fmt.Errorf("probe %s: %w", p.run.Plan.To(m), err)
			}
			return p.probeDestination(ctx, m)
		}
		shows, err = showsKey(ctx, p.run.Source(m), m.Bucket, key)
		if err == nil && !shows {
			err = p.shown(ctx, p.run.Plan.To(m), key)
		}
		if err == nil && !shows {
			err = p.conditions(ctx, m, key)
		}
		if err = errors.Join(err, p.Remove(ctx, destination, m.Destination, key, written)); err != nil {
			return fmt.Errorf("probe %s: %w", p.run.Plan.To(m), err)
		}
	}
	if shows {
		return fmt.Errorf("%w: a probe written to %s shows in %s; nothing was erased", reserve.ErrCoupled,
			p.run.Plan.To(m), m.From())
	}
	return nil
}

func put(ctx context.Context, store objectstore.Store, bucket, key string) (objectstore.Written, error) {
	return Put(ctx, store, objectstore.NewObject{Bucket: bucket, Key: key})
}

// Put writes a probe, under a key that nobody else has: on the condition that nothing is
// there, where the service takes that.
func Put(ctx context.Context, store objectstore.Store, o objectstore.NewObject) (objectstore.Written, error) {
	o.Guard = objectstore.Guard{Absent: true}
	written, err := store.Put(ctx, o, Body())
	if errors.Is(err, objectstore.ErrNotOffered) {
		o.Guard = objectstore.Guard{}
		return store.Put(ctx, o, Body())
	}
	return written, err
}

// Body is a probe's.
func Body() objectstore.Body {
	return objectstore.Body{Reader: strings.NewReader(objectstore.ProbeText), Size: int64(len(objectstore.ProbeText))}
}

// Ref names a probe that was written: not every server takes "null" as an ID.
func Ref(bucket, key string, written objectstore.Written) objectstore.Ref {
	ref := objectstore.Ref{Bucket: bucket, Key: key}
	if plan.Numbered(written.VersionID) {
		ref.VersionID = written.VersionID
	}
	return ref
}

// remove removes a probe for good. One that is gone is no error: the other
// end's removal may have reached it.
func remove(ctx context.Context, store objectstore.Store, bucket, key string, written objectstore.Written) error {
	results, err := store.Delete(context.WithoutCancel(ctx), bucket,
		[]objectstore.Deletion{{Key: key, VersionID: written.VersionID}})
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

// errLeft is of a probe that was not removed, however often that was tried.
var errLeft = errors.New("a probe stays")

// Remove removes a probe for good, and tries more than once: a service can be too busy, or stop
// halfway. One that is gone is no error.
func (p *Prober) Remove(
	ctx context.Context, store objectstore.Store, bucket, key string, written objectstore.Written,
) error {
	var failed error
	err := p.run.Patient(ctx, func() error {
		failed = remove(ctx, store, bucket, key, written)
		return failed
	})
	switch {
	case err == nil:
		return nil
	case errors.Is(err, failed):
		return fmt.Errorf("%w: %w", errLeft, err)
	}
	return fmt.Errorf("%w: %w (%w)", errLeft, failed, err) // the waiting was interrupted
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

// Try proves once more, immediately before a move's first deletion, that its
// ends are independent, this time also with a probe at the source: one written
// there must not come to the destination. The same probe tells whether the
// endpoint compares the ETag of a conditional deletion.
func (p *Prober) Try(ctx context.Context, move int, twins int64) (segment.Trial, error) {
	m := p.run.Plan.Moves[move]
	if move > 0 { // the moves before it can have taken long since the gate
		if err := Unreplicated(ctx, p.run, move, twins); err != nil {
			return segment.Trial{}, err
		}
	}
	if err := p.tryDestination(ctx, m); err != nil {
		return segment.Trial{}, err
	}
	source, key := p.run.Source(m), m.Prefix+p.OwnPrefix()+p.run.Token()
	t := segment.Trial{Entries: 1, Versioning: m.Versioning, Twins: twins > 0}
	if m.Lock {
		t.Condition = offered(ctx, source, m.Bucket, key, t.Versioning)
		return t, ctx.Err()
	}
	err := p.run.Patient(ctx, func() (err error) {
		t.Versioning, err = MayRemove(ctx, source, m, key)
		return err
	})
	if err != nil {
		return segment.Trial{}, err
	}
	written, err := put(ctx, source, m.Bucket, key)
	if err != nil {
		// Whoever erases need not be allowed to write, nor does a fence let him.
		if ctx.Err() != nil || objectstore.Hopeless(err) || objectstore.Outage(err) {
			return segment.Trial{}, fmt.Errorf("probe %s: %w", m.From(), err)
		}
		t.Condition = offered(ctx, source, m.Bucket, key, t.Versioning)
		return t, p.DropAtSources(ctx)
	}
	// One that was acknowledged and is not there shows nothing by not coming.
	there, err := showsKey(ctx, source, m.Bucket, key)
	if err != nil {
		err = errors.Join(err, p.Remove(ctx, source, m.Bucket, key, written))
		return segment.Trial{}, fmt.Errorf("probe %s: %w", m.From(), err)
	}
	if !there {
		t.Condition = offered(ctx, source, m.Bucket, key, t.Versioning)
		return t, p.DropAtSources(ctx)
	}
	t.Entries = segment.TrialEntries
	looks := 1
	if twins > 0 {
		looks = segment.ReplicaLooks
	}
	shows, err := p.comes(ctx, m, key, looks)
	if err == nil && !shows {
		err = p.shown(ctx, m.From(), key)
	}
	if err == nil && !shows {
		t.Condition, err = p.condition(ctx, m, key, written.VersionID, t.Versioning)
	}
	if err = errors.Join(err, p.Remove(ctx, source, m.Bucket, key, written)); err != nil {
		return segment.Trial{}, fmt.Errorf("probe %s: %w", m.From(), err)
	}
	if shows {
		return segment.Trial{},
			fmt.Errorf("%w: a probe written to %s was replicated to %s; this run erased nothing at the source",
				reserve.ErrCoupled, m.From(), p.run.Plan.To(m))
	}
	return t, nil
}

// MayRemove finds out, on a key that does not exist, whether deletions are denied:
// then no probe is left that nobody can take away. It returns the versioning that
// the bucket has by now.
func MayRemove(
	ctx context.Context, source objectstore.Store, m plan.Move, key string,
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
func (p *Prober) comes(ctx context.Context, m plan.Move, key string, looks int) (bool, error) {
	for look := 1; ; look++ {
		shows, err := showsKey(ctx, p.run.Destination(), m.Destination, key)
		if err != nil || shows || look == looks {
			return shows, err
		}
		if err := p.run.Wait(ctx, segment.ReplicaPause); err != nil {
			return false, err
		}
	}
}

// condition finds out whether the endpoint compares the ETag of a conditional
// deletion, on an object of our own: on one that does not, the question is the
// deletion. It is asked as erasing will: in a bucket without versions without an
// ID, else for the null version, whether or not the object is that.
func (p *Prober) condition(
	ctx context.Context, m plan.Move, key, id string, v objectstore.Versioning,
) (eraser.Condition, error) {
	source := p.run.Source(m)
	var c eraser.Condition
	if plan.Numbered(id) {
		if c = offered(ctx, source, m.Bucket, key, v); c == eraser.Untold {
			c = ask(ctx, source, m.Bucket, key, id)
		}
	} else {
		c = ask(ctx, source, m.Bucket, key, v.Conditioned(objectstore.NullVersion))
	}
	if c != eraser.Untold {
		p.run.Saw(ctx, source.Endpoint(), doctor.ConditionalDeletesOf(v), c == eraser.Compared)
	}
	return c, ctx.Err()
}

// offered asks for a conditional deletion where there is nothing to delete, which
// tells no more than whether the service refuses to be asked.
func offered(
	ctx context.Context, source objectstore.Store, bucket, key string, v objectstore.Versioning,
) eraser.Condition {
	if c := ask(ctx, source, bucket, key, v.Conditioned(objectstore.NullVersion)); c == eraser.Refused {
		return c
	}
	return eraser.Untold
}

func ask(ctx context.Context, source objectstore.Store, bucket, key, id string) eraser.Condition {
	err := source.DeleteIf(ctx, bucket, objectstore.Deletion{Key: key, VersionID: id, ETag: objectstore.ImpossibleETag})
	switch {
	case err == nil:
		return eraser.Ignored
	case errors.Is(err, objectstore.ErrPrecondition):
		return eraser.Compared
	case errors.Is(err, objectstore.ErrNotOffered):
		return eraser.Refused
	}
	return eraser.Untold
}

// OwnPrefix begins the names of this plan's probes at its sources: no other plan
// and no other state has them, so that what a run which died has left is known.
func (p *Prober) OwnPrefix() string { return objectstore.ProbePrefix + p.reservation.ID + "-" }

// DropAtSources removes probes at the sources that a run which died has left.
func (p *Prober) DropAtSources(ctx context.Context) error {
	for _, m := range p.run.Plan.Moves {
		if err := p.DropOwn(ctx, p.run.Source(m), m.Bucket, m.Prefix); err != nil {
			return err
		}
	}
	return nil
}

// DropAll removes them at both ends.
func (p *Prober) DropAll(ctx context.Context) error {
	if err := p.dropAtDestinations(ctx); err != nil {
		return err
	}
	return p.DropAtSources(ctx)
}

// DropLeft removes, at all destinations, this plan's probes, objects and unfinished uploads, if
// an earlier run can have left any.
func (p *Prober) DropLeft(ctx context.Context) error {
	if !p.reservation.Resumes() {
		return nil
	}
	return p.dropAtDestinations(ctx)
}

// dropAtDestinations removes probes, objects and unfinished uploads, at all destinations that
// are there. One that fails keeps no other from being tried.
func (p *Prober) dropAtDestinations(ctx context.Context) error {
	var errs []error
	drop := func(bucket, prefix string) {
		if err := p.DropOwn(ctx, p.run.Destination(), bucket, prefix); !errors.Is(err, objectstore.ErrNotFound) {
			errs = append(errs, err)
		}
	}
	for _, bucket := range p.run.Plan.DestinationBuckets() {
		drop(bucket, "")
		errs = append(errs, p.dropUploads(ctx, bucket))
	}
	for _, m := range p.run.Plan.Moves {
		if m.Prefix != "" {
			drop(m.Destination, m.Prefix)
		}
	}
	return errors.Join(errs...)
}

// dropUploads aborts this plan's probes that are unfinished uploads, which a run that was
// killed has left at the destination.
func (p *Prober) dropUploads(ctx context.Context, bucket string) error {
	var left []objectstore.Upload
	for u, err := range p.run.Destination().Uploads(ctx, bucket, p.OwnPrefix()) {
		if err != nil && !errors.Is(err, objectstore.ErrNotFound) {
			return fmt.Errorf("look for unfinished probes in %s: %w", bucket, err)
		}
		if err == nil {
			left = append(left, u)
		}
	}
	for _, u := range left {
		err := p.run.Destination().AbortUpload(ctx, bucket, u.Key, u.UploadID)
		if err != nil && !errors.Is(err, objectstore.ErrNotFound) {
			return fmt.Errorf("abort an unfinished probe in %s: %w", bucket, err)
		}
	}
	return nil
}

// DropOwn removes this plan's probes under a prefix of a bucket.
func (p *Prober) DropOwn(ctx context.Context, store objectstore.Store, bucket, prefix string) error {
	for v, err := range store.Versions(ctx, bucket, prefix+p.OwnPrefix(), "") {
		if err == nil {
			err = p.Remove(ctx, store, bucket, v.Key, objectstore.Written{VersionID: v.VersionID})
		}
		if err != nil {
			return fmt.Errorf("look for probes in %s: %w", bucket, err)
		}
	}
	return nil
}
