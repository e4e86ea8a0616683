// Package eraser deletes entries that are proven, exactly the versions that were, and says
// what became of each.
package eraser

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/sync/errgroup"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/limit"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/progress"
	"github.com/residency/residency/migrate/receipt"
)

// Batch is the most versions that one request deletes where the source does not say: that
// of DeleteObjects (Amazon S3 API Reference).
const Batch = 1000

// Guards: what kept a deletion to exactly the version that was proven.
const (
	GuardVersion   = "version-id"  // the version ID names one immutable version
	GuardCondition = "if-match"    // the service compared the ETag when it deleted
	GuardRecheck   = "re-checked"  // we compared immediately before: weaker
	GuardNone      = "not deleted" // nothing was sent
)

// Condition is what an endpoint makes of a deletion's condition.
type Condition string

// What is known of a condition.
const (
	Untold   Condition = ""         // it was not found out
	Ignored  Condition = "ignored"  // what a condition forbids is deleted all the same
	Compared Condition = "compared" // a deletion whose condition does not hold is refused
	Refused  Condition = "refused"  // the condition itself is refused, as not offered
)

// Source is what erasing needs of a store.
type Source interface {
	objectstore.Eraser
	Versions(ctx context.Context, bucket, prefix, after string) iter.Seq2[objectstore.Version, error]
	Stat(ctx context.Context, ref objectstore.Ref, part int) (objectstore.Info, error)
	Lock(ctx context.Context, ref objectstore.Ref) (objectstore.Lock, error)
}

// Eraser deletes proven entries of one bucket.
type Eraser struct {
	Source     Source
	Bucket     string
	Versioning objectstore.Versioning // of the bucket
	Workers    int
	// Condition is what the endpoint was seen to make of a condition like those of
	// this bucket's deletions.
	Condition Condition
	Refusals  *objectstore.Refusals // of the location, over all its segments; may be nil
	Brake     *limit.Brake          // of the service; may be nil
	// Sleep waits before what the service was too busy for is asked for again; nil:
	// that is not done.
	Sleep    func(ctx context.Context, d time.Duration) error
	Now      func() time.Time
	Progress *progress.Progress
}

// Segment erases a segment's entries, asking for the oldest of a key first, and
// returns one erasure per entry, in order; its error is about the context, or
// what every other entry would meet too. Never are two requests about one key
// under way: a server that moves the next version to the front meanwhile can
// lose track of it.
func (e *Eraser) Segment(ctx context.Context, entries []manifest.Entry) ([]receipt.Erasure, error) {
	erasures := make([]receipt.Erasure, len(entries))
	var numbered, null, shown []int
	for i := range entries {
		switch id := entries[i].VersionID; {
		case objectstore.IsMarkerOf(id):
			shown = append(shown, i)
		case id == objectstore.NullVersion:
			null = append(null, i)
		default:
			numbered = append(numbered, i)
		}
	}
	if err := e.numbered(ctx, entries, numbered, erasures); err != nil {
		return nil, err
	}
	// A null version can be replaced in place: its ID is no guard. Each key has
	// at most one.
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(max(e.Workers, 1))
	for _, i := range null {
		g.Go(func() (err error) {
			erasures[i], err = e.null(gctx, entries[i])
			e.Progress.Entries.Add(1)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	for _, i := range shown {
		var err error
		if erasures[i], err = e.shown(ctx, entries, i, erasures); err != nil {
			return nil, err
		}
		e.Progress.Entries.Add(1)
	}
	return erasures, ctx.Err()
}

// BatchesAtOnce bounds how many requests of a thousand deletions are under way:
// a service that takes a second for one is near the rate that S3 gives a prefix
// (3,500 a second; Amazon S3 User Guide, "Optimizing performance") with these.
const BatchesAtOnce = 4

// numbered erases versions that have IDs.
func (e *Eraser) numbered(
	ctx context.Context, entries []manifest.Entry, indexes []int, erasures []receipt.Erasure,
) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(min(max(e.Workers, 1), BatchesAtOnce))
	most := Batch
	if l := objectstore.LimitsOf(e.Source).Batch; l > 0 {
		most = min(l, Batch)
	}
	for _, run := range runs(entries, indexes, most) {
		g.Go(func() error {
			for batch := range slices.Chunk(run, most) {
				if err := e.batch(ctx, entries, batch, erasures); err != nil {
					return err
				}
			}
			return nil
		})
	}
	return g.Wait()
}

// runs cuts what is sorted by key into runs that may be erased side by side:
// each is a batch, or one key's history that is longer.
func runs(entries []manifest.Entry, indexes []int, most int) (runs [][]int) {
	start := 0
	for at := 0; at < len(indexes); {
		end := at + 1
		for end < len(indexes) && entries[indexes[end]].Key == entries[indexes[at]].Key {
			end++
		}
		if end-start > most && at > start {
			runs, start = append(runs, indexes[start:at]), at
		}
		at = end
	}
	if start < len(indexes) {
		runs = append(runs, indexes[start:])
	}
	return runs
}

// stops tells whether what follows would fail as well.
func stops(ctx context.Context, err error) bool {
	return ctx.Err() != nil || objectstore.Hopeless(err) || objectstore.Outage(err)
}

func (e *Eraser) batch(ctx context.Context, entries []manifest.Entry, indexes []int, erasures []receipt.Erasure) error {
	deletions := make([]objectstore.Deletion, len(indexes))
	for j, i := range indexes {
		deletions[j] = objectstore.Deletion{Key: string(entries[i].Key), VersionID: entries[i].VersionID,
			Current: current(entries, i)}
	}
	results, err := e.remove(ctx, deletions)
	if err != nil && stops(ctx, err) {
		return err
	}
	if err != nil {
		results = slices.Repeat([]error{err}, len(indexes))
	}
	absent, stop := e.absent(ctx, entries, indexes, results)
	if stop != nil {
		return stop
	}
	for j, i := range indexes {
		result := results[j]
		if absent[nameOf(entries[i])] {
			result = gone(result)
		} else if result, stop = e.locked(ctx, entries[i], result); stop != nil {
			return stop
		}
		if stop := e.Refusals.Saw(result); stop != nil {
			return stop
		}
		erasures[i] = e.erasure(entries[i], GuardVersion, result)
	}
	e.Progress.Entries.Add(int64(len(indexes)))
	return nil
}

// current is the ETag of an entry that is the newest of its key, as the manifest has it, and no delete marker.
func current(entries []manifest.Entry, i int) string {
	if entries[i].Marker || i+1 < len(entries) && entries[i+1].Key == entries[i].Key {
		return ""
	}
	return entries[i].ETag
}

// locked finds out whether a refusal is the version's lock, of which S3 says
// "access denied" and others "invalid request". The second error ends the run.
func (e *Eraser) locked(ctx context.Context, entry manifest.Entry, refusal error) (result, stop error) {
	if !errors.Is(refusal, objectstore.ErrDenied) && !errors.Is(refusal, objectstore.ErrRejected) {
		return refusal, nil
	}
	lock, err := e.Source.Lock(ctx, entry.Ref(e.Bucket, e.Versioning))
	if err != nil {
		return refusal, ctx.Err()
	}
	if lock = lock.At(e.Now()); lock != (objectstore.Lock{}) {
		return &retained{lock}, nil
	}
	return refusal, nil
}

// absent looks by a listing which entries, of those whose deletion has failed,
// are gone all the same: a failure can come after the deed, and of what is gone
// already some servers say that it is no version at all. What a listing that
// fails does not tell stays failed. The error ends the run.
func (e *Eraser) absent(
	ctx context.Context, entries []manifest.Entry, indexes []int, results []error,
) (map[name]bool, error) {
	absent := make(map[name]bool)
	unnamed := make(map[name]bool) // null versions by their ETags: half erased, they have an ID
	var first, last string
	for j, i := range indexes {
		if explained(results[j]) {
			continue
		}
		if last = string(entries[i].Key); len(absent) == 0 {
			first = last
		}
		absent[nameOf(entries[i])] = true
		if entry := entries[i]; entry.VersionID == objectstore.NullVersion && !entry.Marker && e.inSteps() {
			unnamed[name{last, entry.ETag}] = true
		}
	}
	if len(absent) == 0 {
		return nil, nil
	}
	prefix := common(first, last)
	for v, err := range e.Source.Versions(ctx, e.Bucket, prefix, justBefore(first, prefix)) {
		if err != nil && stops(ctx, err) {
			return nil, err
		}
		if err != nil {
			return nil, nil
		}
		if v.Key > last {
			break
		}
		delete(absent, name{v.Key, v.VersionID})
		if !v.Marker && unnamed[name{v.Key, v.ETag}] {
			delete(absent, name{v.Key, objectstore.NullVersion})
		}
	}
	return absent, nil
}

// inSteps tells whether the service deletes what is current in steps.
func (e *Eraser) inSteps() bool { return objectstore.CapabilitiesOf(e.Source).DeletesInSteps }

// justBefore is a key that lies shortly before another of the same prefix: a listing
// that begins behind it does not begin at the prefix, which can be a million keys
// away. It is empty if there is none.
func justBefore(key, prefix string) string {
	_, n := utf8.DecodeLastRuneInString(key)
	if before := key[:len(key)-n]; len(before) > len(prefix) {
		return before
	}
	return ""
}

type name struct{ key, version string }

func nameOf(e manifest.Entry) name { return name{string(e.Key), e.VersionID} }

// explained tells whether an answer says what became of an entry.
func explained(err error) bool {
	return slices.ContainsFunc([]error{nil, objectstore.ErrNotFound, objectstore.ErrPrecondition, objectstore.ErrLocked},
		func(kind error) bool { return errors.Is(err, kind) })
}

// common is what two keys begin with.
func common(a, b string) string {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return a[:n]
}

func gone(failure error) error {
	return fmt.Errorf("%w in a listing, after: %w", objectstore.ErrNotFound, failure)
}

// retained is a refusal whose reason is known.
type retained struct{ lock objectstore.Lock }

func (r *retained) Error() string {
	var reasons []string
	if r.lock.Mode != "" {
		reasons = append(reasons, fmt.Sprintf("retention in %s mode until %s", strings.ToLower(r.lock.Mode),
			r.lock.Until.UTC().Format(time.RFC3339)))
	}
	if r.lock.Hold {
		reasons = append(reasons, "legal hold")
	}
	if r.lock.Event.On {
		reasons = append(reasons, "event hold")
	}
	return strings.Join(reasons, " and ")
}

func (r *retained) Unwrap() error { return objectstore.ErrLocked }

// null deletes a version that has no ID of its own.
func (e *Eraser) null(ctx context.Context, entry manifest.Entry) (receipt.Erasure, error) {
	deletion := objectstore.Deletion{Key: string(entry.Key), VersionID: entry.VersionID, ETag: entry.ETag}
	guard := GuardRecheck
	err := e.patient(ctx, func() (err error) {
		guard, err = e.guarded(ctx, entry, deletion)
		return err
	})
	if err != nil && stops(ctx, err) {
		return receipt.Erasure{}, err
	}
	absent, stop := e.absent(ctx, []manifest.Entry{entry}, []int{0}, []error{err})
	if absent[nameOf(entry)] {
		err = gone(err)
	}
	if stop == nil {
		stop = e.Refusals.Saw(err)
	}
	if stop != nil {
		return receipt.Erasure{}, stop
	}
	return e.erasure(entry, guard, err), nil
}

// guarded deletes one version and returns the guard that it had: the service's own
// where that is to be had, else a look immediately before. A delete marker has no
// ETag to compare.
func (e *Eraser) guarded(ctx context.Context, entry manifest.Entry, d objectstore.Deletion) (string, error) {
	if entry.Marker {
		if err := e.recheckMarker(ctx, entry); err != nil {
			return GuardRecheck, err
		}
		return GuardRecheck, e.one(ctx, d)
	}
	// What is half erased is not to be looked at any more under its name, but can be deleted.
	if e.Condition == Compared || e.inSteps() {
		if err := e.deleteIf(ctx, d); !errors.Is(err, objectstore.ErrNotOffered) {
			return GuardCondition, err
		}
	}
	if err := e.recheck(ctx, entry); err != nil {
		return GuardRecheck, err
	}
	if e.Condition == Untold || e.Condition == Ignored { // it may be compared all the same
		if err := e.deleteIf(ctx, d); !errors.Is(err, objectstore.ErrNotOffered) {
			return GuardRecheck, err
		}
		if err := e.recheck(ctx, entry); err != nil {
			return GuardRecheck, err
		}
	}
	return GuardRecheck, e.one(ctx, d)
}

// deleteIf deletes one version on the condition of its ETag.
func (e *Eraser) deleteIf(ctx context.Context, d objectstore.Deletion) error {
	d.VersionID = e.Versioning.Conditioned(d.VersionID)
	return e.Source.DeleteIf(ctx, e.Bucket, d)
}

func (e *Eraser) one(ctx context.Context, d objectstore.Deletion) error {
	d.ETag = ""
	results, err := e.Source.Delete(ctx, e.Bucket, []objectstore.Deletion{d})
	if err != nil {
		return err
	}
	return results[0]
}

// recheck compares the version with what was proven, as late as possible.
func (e *Eraser) recheck(ctx context.Context, entry manifest.Entry) error {
	info, err := e.Source.Stat(ctx, entry.Ref(e.Bucket, e.Versioning), 0)
	if errors.Is(err, objectstore.ErrMarker) {
		return fmt.Errorf("%w: a delete marker has taken its place since", objectstore.ErrPrecondition)
	}
	if err != nil {
		return err
	}
	if info.ETag != entry.ETag || info.Size != entry.Size {
		return fmt.Errorf("%w: something else was written since", objectstore.ErrPrecondition)
	}
	return nil
}

// recheckMarker looks whether a null delete marker was replaced by an object. A
// marker itself cannot be read: services say so, or that they find nothing.
func (e *Eraser) recheckMarker(ctx context.Context, entry manifest.Entry) error {
	_, err := e.Source.Stat(ctx, entry.Ref(e.Bucket, e.Versioning), 0)
	switch {
	case errors.Is(err, objectstore.ErrNotFound):
		return nil
	case err == nil:
		return fmt.Errorf("%w: an object was written since", objectstore.ErrPrecondition)
	}
	return err
}

func (e *Eraser) erasure(entry manifest.Entry, guard string, err error) receipt.Erasure {
	x := receipt.Erasure{Key: entry.Key, VersionID: entry.VersionID, Guard: guard, At: e.Now().UTC()}
	switch {
	case err == nil:
		x.Outcome = receipt.Erased
		return x
	case errors.Is(err, objectstore.ErrNotFound):
		x.Outcome = receipt.Gone
	case errors.Is(err, objectstore.ErrPrecondition):
		x.Outcome = receipt.Changed
	case errors.Is(err, objectstore.ErrLocked):
		x.Outcome = receipt.Retained
		var r *retained
		if errors.As(err, &r) && r.lock.Mode != "" && !r.lock.Event.On {
			until := r.lock.Until.UTC()
			x.Until = &until
		}
	default:
		x.Outcome, x.Lasting, x.Cause = receipt.Unerased, objectstore.Lasting(err), receipt.CauseOf(err)
		e.Progress.Failures.Add(1)
	}
	x.Reason = err.Error()
	return x
}
