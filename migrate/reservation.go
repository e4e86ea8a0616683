package migrate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/state"
)

// A plan reserves what it writes to, where every other plan must look whatever
// its state: at the destination. Two things lie there.
//
// A lease, an object written under conditions and renewed, keeps two runs of
// different plans from working on overlapping keys of one bucket at once. It is
// there while a run lasts.
//
// A mark, an unfinished upload that never gets a part and so shows in no listing
// of objects, is there from a plan's start to its certificate or the end of its
// abort. Every run aborts the marks of others before it relies on anything. A
// plan that finds its mark still there knows that nobody has erased an original
// in reliance on the copies it wrote; one that does not find it knows that
// somebody may have. Each step of the erase puts another one in its place, so that
// a state which was saved before and comes back does not find its own.
const (
	reservationFile   = "reservation.json"
	reservationSchema = "residency/reservation/1"
	// reservationTerm is how long a lease at a destination lasts unless renewed.
	reservationTerm = 30 * time.Second
)

// reservation is what a plan remembers of what it reserved.
type reservation struct {
	Schema string `json:"schema"`
	Plan   string `json:"plan_sha256"`
	ID     string `json:"id"` // tells apart states that have the same plan
	// Runs name the last runs, this one at the end. A lease of one before it is of
	// a process that has ended, for the state's own lease keeps two apart; a lease
	// of any other is of somebody who has a copy of this state.
	Runs []string `json:"runs,omitempty"`
	// Marks are the upload IDs of the marks, by destination bucket.
	Marks map[string]string `json:"marks"`
	// Suspect tells that a mark was gone, and that since then no listing has
	// shown the source to hold all that was copied.
	Suspect bool `json:"suspect"`
}

// ErrUnexplained reports that entries which the plan has copied are gone at the
// source, and that another plan may have erased them in reliance on the copies.
// The copies stay (law L1).
var ErrUnexplained = errors.New("originals are gone, and it is not known who removed them")

// UnexplainedError is an ErrUnexplained that says what is gone.
type UnexplainedError struct {
	Drift Drift
	// Others tells that another plan has worked on the same destination since.
	Others bool
}

func (e *UnexplainedError) Error() string {
	text := fmt.Sprintf("%v: %s", ErrUnexplained, e.Drift)
	if e.Others {
		text += "; another plan has worked on the same destination since, and may have erased them, relying on the copies"
	}
	if at := e.Drift.Emptied; len(at) > 0 {
		text += "; nothing is left of what was copied from " + strings.Join(at, ", ") + ", and the copies may be all that there is"
	}
	return text + "; no copy was removed"
}

// Unwrap makes it an ErrUnexplained.
func (e *UnexplainedError) Unwrap() error { return ErrUnexplained }

// Entries is how many are gone or changed: what Options.RemoveOutdated must say
// for their copies to be removed.
func (e *UnexplainedError) Entries() int64 { return e.Drift.Gone + e.Drift.Changed }

// reserved does work under the plan's reservation. A lease that was lost is the
// error, for it is why the rest failed.
func (w *work) reserved(ctx context.Context, do func(context.Context) error) error {
	leased, release, err := w.reserve(ctx)
	if err != nil {
		return err
	}
	err = do(leased)
	lost := context.Cause(leased)
	released := release()
	if errors.Is(lost, state.ErrLeaseLost) {
		return lost
	}
	if released != nil {
		w.note("the reservation could not be given back and ends by itself: %v", released)
	}
	return err
}

// mostRuns is how many runs a reservation remembers.
const mostRuns = 16

// beginRun notes a new run in the reservation.
func (w *work) beginRun(ctx context.Context) error {
	r := w.reservation
	r.Runs = append(slices.Clone(r.Runs[max(0, len(r.Runs)-mostRuns+1):]), w.token())
	return w.saveReservation(ctx, r)
}

// reserve takes the leases at the plan's destinations and sees to the marks. A
// bucket that is not there has nothing to be reserved.
//
// What is a source here may be the destination of another plan, which erases what
// it copied from in reliance on it: two plans in opposite directions, or any
// number in a circle, would leave nothing. So no run begins while another one
// holds a lease at its source. Of those that begin at once, each has its own
// lease before it looks, so that at most one goes on; the look before that keeps
// a lease from being written in vain.
func (w *work) reserve(ctx context.Context) (_ context.Context, _ func() error, err error) {
	if err := w.loadReservation(ctx); err != nil {
		return nil, nil, err
	}
	if err := w.relied(ctx); err != nil {
		return nil, nil, err
	}
	if err := w.beginRun(ctx); err != nil {
		return nil, nil, err
	}
	var held []func() error
	release := func() (err error) {
		for _, end := range slices.Backward(held) {
			err = errors.Join(err, end())
		}
		return err
	}
	buckets, err := w.bucketRecord(ctx)
	if err != nil {
		return nil, nil, err
	}
	leased := ctx
	for _, m := range w.plan.Moves {
		if !buckets.has(m) {
			continue // it has written nothing there, and may not be whose lease speaks for it
		}
		next, end, err := w.leaseAt(leased, m)
		if errors.Is(err, objectstore.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, nil, errors.Join(fmt.Errorf("reserve %s: %w", w.plan.To(m), err), release())
		}
		held = append(held, end)
		leased = next
	}
	if err := w.relied(leased); err != nil {
		return nil, nil, errors.Join(err, release())
	}
	if err := w.mark(leased, buckets); err != nil {
		return nil, nil, errors.Join(err, release())
	}
	return leased, release, nil
}

// relied refuses sources that a run of another plan is writing to at the moment.
func (w *work) relied(ctx context.Context) error {
	for _, m := range w.plan.Moves {
		err := w.rivals(ctx, w.source(m), m.Bucket, m.Prefix, "")
		var held *state.LeasedError
		switch {
		case errors.As(err, &held) && strings.HasPrefix(held.Holder, holder(w.plan.ID)+w.reservation.ID+", "):
			return fmt.Errorf("%w: the lease written to %s shows in %s; nothing was erased", ErrCoupled, w.plan.To(m), m.From())
		case errors.Is(err, state.ErrLeased):
			return fmt.Errorf("%s is the destination of another migration, which is at work: %w", m.From(), err)
		case errors.Is(err, objectstore.ErrDenied) && m.Prefix != "":
			w.note("whether another migration is writing to %s at this moment could not be seen (access denied to keys that begin with %s)", m.From(), objectstore.LeasePrefix)
		case err != nil:
			return fmt.Errorf("look for reservations of %s: %w", m.From(), err)
		}
	}
	return nil
}

func (w *work) loadReservation(ctx context.Context) error {
	r := reservation{}
	err := getJSON(ctx, w.Home, w.name(reservationFile), &r)
	if err == nil {
		err = w.belongs(reservationFile, r.Schema, reservationSchema, r.Plan)
	}
	if errors.Is(err, state.ErrNotFound) {
		// A plan that was begun without: nobody was kept from relying on it.
		started, err := w.started(ctx)
		if err != nil {
			return err
		}
		return w.saveReservation(ctx, reservation{ID: w.token(), Suspect: !started.At.IsZero()})
	}
	w.reservation = r
	return err
}

func (w *work) saveReservation(ctx context.Context, r reservation) error {
	r.Schema, r.Plan = reservationSchema, w.plan.Digest
	if err := putJSON(ctx, w.Home, w.name(reservationFile), r); err != nil {
		return err
	}
	w.reservation = r
	return nil
}

// leaseAt takes the lease of one move's destination. Where object lock could
// keep its versions for years none is taken, and the mark alone tells of others.
func (w *work) leaseAt(ctx context.Context, m Move) (context.Context, func() error, error) {
	store := w.destination()
	lock, err := w.objectLock(ctx, m)
	if err != nil {
		return nil, nil, err
	}
	if m.Lock || lock != nil {
		return ctx, func() error { return nil }, nil
	}
	tidy := &tidyStore{Store: store}
	home := state.NewBucket(tidy, objectstore.Location{Provider: w.plan.Destination.Provider, Bucket: m.Destination},
		w.holder(len(w.reservation.Runs)-1))
	for i := range w.reservation.Runs[:len(w.reservation.Runs)-1] {
		home.Ended = append(home.Ended, w.holder(i))
	}
	home.Now, home.Nonce, home.Term, home.Reserves, home.Drop = w.Now, w.token, cmp.Or(w.LeaseTerm, reservationTerm), true, tidy.clear
	name := objectstore.LeaseName(m.Prefix)
	leased, end, err := home.Lease(ctx, name)
	var held *state.LeasedError
	if errors.As(err, &held) && strings.HasPrefix(held.Holder, holder(w.plan.ID)) && held.Until.Before(w.Now().Add(2*home.Term)) {
		// The same plan, from a state that is not here: a run that died, most
		// likely, and its lease ends by itself. If it goes on, it has renewed it.
		w.note("an earlier run of this plan, from another state, has reserved %s until %s; waiting for that", w.plan.To(m), held.Until.UTC().Format(time.RFC3339))
		if err := w.sleep(ctx, held.Until.Sub(w.Now())+time.Second); err != nil {
			return nil, nil, err
		}
		leased, end, err = home.Lease(ctx, name)
	}
	if err != nil {
		return nil, nil, err
	}
	// Ours is there before others' are looked for: of two that do both at once,
	// at least one sees the other.
	if err := w.rivals(leased, store, m.Destination, m.Prefix, name); err != nil {
		return nil, nil, errors.Join(err, end())
	}
	return leased, end, nil
}

// holder is how a lease at a destination names a plan; the ID of its reservation
// follows.
func holder(plan string) string { return "plan " + plan + ", reservation " }

// holder is how a lease at a destination names one of the plan's runs.
func (w *work) holder(run int) string {
	return holder(w.plan.ID) + w.reservation.ID + ", run " + w.reservation.Runs[run]
}

// claimant names who has, or had when it was killed, the lease of a move's
// destination; nobody where there is none.
func claimant(ctx context.Context, destination objectstore.Store, m Move, now time.Time) (string, error) {
	ref := objectstore.Ref{Bucket: m.Destination, Key: objectstore.LeaseName(m.Prefix) + "/" + objectstore.LeaseFile}
	l, err := state.ReadLease(ctx, destination, ref, now)
	switch {
	case errors.Is(err, objectstore.ErrNotFound), errors.Is(err, objectstore.ErrDenied), errors.Is(err, state.ErrDamaged):
		return "", nil
	case err != nil:
		return "", fmt.Errorf("look for a reservation of %s: %w", m.Destination, err)
	}
	return l.Holder, nil
}

// rivals is as the function, and tries again what can be.
func (w *work) rivals(ctx context.Context, store objectstore.Store, bucket, prefix, own string) (err error) {
	failed := w.patient(ctx, func() error {
		if err = rivals(ctx, store, bucket, prefix, own, w.Now()); errors.Is(err, state.ErrLeased) {
			return nil // which is an answer
		}
		return err
	})
	return cmp.Or(failed, err)
}

// rivals looks for leases, apart from its own, of keys that overlap a prefix of a
// bucket. One that is held is a state.LeasedError.
func rivals(ctx context.Context, store objectstore.Store, bucket, prefix, own string, now time.Time) error {
	for v, err := range store.Versions(ctx, bucket, objectstore.LeasePrefix, "") {
		if err != nil {
			return err
		}
		name, _, _ := strings.Cut(v.Key, "/")
		if name == own || !v.Latest || v.Marker || !objectstore.IsLease(v.Key) {
			continue
		}
		reserved, ok := objectstore.LeaseOf(name)
		if !ok || !strings.HasPrefix(reserved, prefix) && !strings.HasPrefix(prefix, reserved) {
			continue // somebody's own key, or keys apart from ours
		}
		// Whatever lies there now: it may have been renewed since.
		l, err := state.ReadLease(ctx, store, objectstore.Ref{Bucket: bucket, Key: v.Key}, now)
		if errors.Is(err, objectstore.ErrNotFound) {
			continue // given back meanwhile
		}
		if err != nil {
			return err
		}
		if l.Held {
			return &state.LeasedError{Holder: l.Holder, Until: l.Until}
		}
	}
	return nil
}

// tidyStore keeps the versions that renewals leave from gathering in a bucket
// that has versioning.
type tidyStore struct {
	objectstore.Store
	mu      sync.Mutex
	bucket  string
	key     string
	written objectstore.Written // last
}

func (t *tidyStore) Put(ctx context.Context, o objectstore.NewObject, body objectstore.Body) (objectstore.Written, error) {
	written, err := t.Store.Put(ctx, o, body)
	if err != nil {
		return written, err
	}
	t.mu.Lock()
	before := t.written
	t.bucket, t.key, t.written = o.Bucket, o.Key, written
	t.mu.Unlock()
	if numbered(before.VersionID) {
		// One that stays for an error is taken by clear.
		_, _ = t.Store.Delete(ctx, o.Bucket, []objectstore.Deletion{{Key: o.Key, VersionID: before.VersionID}})
	}
	return written, nil
}

func numbered(versionID string) bool { return versionID != "" && versionID != objectstore.NullVersion }

// clear removes what was written last and what lies beneath, of renewals whose
// answer was lost, but nothing that came on top.
func (t *tidyStore) clear(ctx context.Context) error {
	t.mu.Lock()
	bucket, key, last := t.bucket, t.key, t.written
	t.mu.Unlock()
	if key == "" {
		return nil
	}
	beneath := false
	for v, err := range t.Store.Versions(ctx, bucket, key, "") {
		if err != nil {
			return err
		}
		if v.Key != key {
			continue
		}
		if beneath = beneath || v.VersionID == last.VersionID || v.ETag == last.ETag; !beneath {
			continue
		}
		if err := removeVersion(ctx, t.Store, bucket, v); err != nil {
			return err
		}
	}
	return nil
}

// destinations are the plan's destination buckets, each once.
func (w *work) destinations() []string {
	seen := make(map[string]bool)
	for _, m := range w.plan.Moves {
		seen[m.Destination] = true
	}
	return slices.Sorted(maps.Keys(seen))
}

// mark breaks others' marks and makes ours where there is none. Where ours was
// there and is not any more, copies of before are suspect.
func (w *work) mark(ctx context.Context, buckets *bucketRecord) error {
	r := w.reservation
	marks := make(map[string]string)
	for _, bucket := range w.destinations() {
		if !slices.ContainsFunc(w.plan.Moves, func(m Move) bool { return m.Destination == bucket && buckets.has(m) }) {
			continue
		}
		var stands bool
		err := w.patient(ctx, func() (err error) {
			stands, err = w.stands(ctx, bucket, r.Marks[bucket], true)
			return err
		})
		if errors.Is(err, objectstore.ErrNotFound) {
			continue
		}
		if err != nil {
			return fmt.Errorf("look for the reservation of %s: %w", bucket, err)
		}
		if stands {
			marks[bucket] = r.Marks[bucket]
			continue
		}
		r.Suspect = r.Suspect || r.Marks != nil // before the first marks nothing was written
		if marks[bucket], err = w.makeMark(ctx, bucket); err != nil {
			return err
		}
	}
	if maps.Equal(marks, r.Marks) && r.Suspect == w.reservation.Suspect {
		return nil
	}
	r.Marks = marks
	return w.saveReservation(ctx, r)
}

// stands tells whether a mark is there, and can break all others.
func (w *work) stands(ctx context.Context, bucket, own string, breaking bool) (stands bool, err error) {
	for u, err := range w.destination().Uploads(ctx, bucket, objectstore.MarkKey) {
		if err != nil {
			return false, err
		}
		switch {
		case u.Key != objectstore.MarkKey:
		case u.UploadID == own:
			stands = true
		case breaking:
			if err := w.destination().AbortUpload(ctx, bucket, u.Key, u.UploadID); err != nil && !errors.Is(err, objectstore.ErrNotFound) {
				return false, err
			}
			w.note("another migration, begun %s, has reserved %s and not ended; from now on it removes no copy there whose original is gone",
				u.Initiated.UTC().Format(time.RFC3339), w.bucketAt(Move{Destination: bucket}))
		}
	}
	return stands, nil
}

// unreserve takes the marks away: the plan has come to its end.
func (w *work) unreserve(ctx context.Context) error {
	for _, bucket := range slices.Sorted(maps.Keys(w.reservation.Marks)) {
		if err := w.breakMark(ctx, bucket, w.reservation.Marks[bucket]); err != nil {
			return err
		}
	}
	return w.saveReservation(ctx, reservation{ID: w.reservation.ID, Runs: w.reservation.Runs})
}

// breakMark takes a mark away.
func (w *work) breakMark(ctx context.Context, bucket, id string) error {
	err := w.patient(ctx, func() error { return w.destination().AbortUpload(ctx, bucket, objectstore.MarkKey, id) })
	if err != nil && !errors.Is(err, objectstore.ErrNotFound) {
		return fmt.Errorf("give back the reservation of %s: %w", bucket, err)
	}
	return nil
}

// renew puts another mark in a bucket in the place of ours. It follows each
// intent to erase: a state that was saved before and comes back does not find its
// own, and does not take for others' deletions what this one knows to be ours.
func (w *work) renew(ctx context.Context, bucket string) error {
	r := w.reservation
	before := r.Marks[bucket]
	if before == "" {
		return nil
	}
	id, err := w.makeMark(ctx, bucket)
	if err != nil {
		return err
	}
	r.Marks = maps.Clone(r.Marks)
	r.Marks[bucket] = id
	if err := w.saveReservation(ctx, r); err != nil {
		return err
	}
	return w.breakMark(ctx, bucket, before)
}

// makeMark makes a mark in one bucket.
func (w *work) makeMark(ctx context.Context, bucket string) (id string, err error) {
	err = w.patient(ctx, func() (err error) {
		id, err = w.destination().CreateUpload(ctx, objectstore.NewObject{Bucket: bucket, Key: objectstore.MarkKey})
		return err
	})
	if err != nil {
		return "", fmt.Errorf("reserve %s: %w", bucket, err)
	}
	return id, nil
}

// unbroken tells whether the plan's marks have stood since before it wrote what
// it may now take away.
func (w *work) unbroken(ctx context.Context) (bool, error) {
	if w.reservation.Suspect {
		return false, nil
	}
	for _, bucket := range slices.Sorted(maps.Keys(w.reservation.Marks)) {
		id := w.reservation.Marks[bucket]
		var stands bool
		if err := w.patient(ctx, func() (err error) {
			stands, err = w.stands(ctx, bucket, id, false)
			return err
		}); err != nil || !stands {
			return false, err
		}
	}
	return true, nil
}

// explain refuses to take copies away at the destination as long as somebody may
// have erased their originals in reliance on them. Where a mark was broken, only
// a listing that shows all originals of the pass at the source clears that.
func (w *work) explain(ctx context.Context, erasing bool) error {
	if ok, err := w.unbroken(ctx); err != nil || ok {
		return err
	}
	drift, err := w.driftNow(ctx, erasing)
	if err != nil {
		return err
	}
	switch n := drift.Gone + drift.Changed; {
	case n > 0 && n == w.outdated:
		w.note("copies of %d entries that are gone at the source, or changed, are removed, as told", n)
		return nil
	case n > 0:
		return &UnexplainedError{Drift: drift, Others: true}
	}
	r := w.reservation
	r.Suspect = false
	return w.saveReservation(ctx, r)
}
