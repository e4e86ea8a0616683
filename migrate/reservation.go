package migrate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
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
