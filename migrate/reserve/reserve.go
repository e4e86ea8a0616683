// Package reserve keeps other plans, and other runs of the same plan, from relying on what a
// plan is writing.
//
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
package reserve

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/residency/residency/inventory/doctor"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/remedy"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/record"
	"github.com/residency/residency/migrate/state"
)

const (
	file   = "reservation.json"
	schema = "residency/reservation/1"
	// defaultTerm is how long a lease at a destination lasts unless renewed.
	defaultTerm = 30 * time.Second
)

// saved is what a plan remembers of what it reserved.
type saved struct {
	Schema string `json:"schema"`
	Plan   string `json:"plan_sha256"`
	ID     string `json:"id"` // tells apart states that have the same plan
	// Runs name the last runs, this one at the end. A lease of one before it is of
	// a process that has ended, for the state's own lease keeps two apart; a lease
	// of any other is of somebody who has a copy of this state.
	Runs []string `json:"runs,omitempty"`
	// Marks are the upload IDs of the marks, by destination bucket; Former are those in whose
	// place they came last.
	Marks  map[string]string `json:"marks"`
	Former map[string]string `json:"former_marks,omitempty"`
	// Suspect tells that a mark was gone, and that since then no listing has
	// shown the source to hold all that was copied.
	Suspect bool `json:"suspect"`
}

// ErrUnconditional reports a destination whose service takes no conditional writes, on which
// everything rests that keeps a run from overwriting what others have written.
var ErrUnconditional = remedy.New("the service takes no conditional writes (If-None-Match, If-Match), without which "+
	"a copy could overwrite what others have written; nothing was copied",
	"take back what this plan made with residency migrate --abort, then choose a destination on another service, or "+
		"plan with --unguarded-writes, which looks at each key right before it is written, and is weaker")

// Reservation is a plan's, as one run has it. What may change is in the state.
type Reservation struct {
	ID    string // of the plan's state, no other has it; empty until it is loaded
	Token string // of the run, by which it is told from those before and after it; empty: none was begun
	run   *phase.Run
	term  time.Duration
	ended []string // tokens of the runs before
}

// New returns a plan's reservation, of which nothing is known yet. Leases last for the term
// unless they are renewed; 0 stands for 30 s.
func New(run *phase.Run, term time.Duration) *Reservation { return &Reservation{run: run, term: term} }

// Load reads the reservation, and makes one where there is none.
func (v *Reservation) Load(ctx context.Context) error {
	r, err := load(ctx, v.run)
	v.ID = r.ID
	return err
}

func load(ctx context.Context, run *phase.Run) (r saved, err error) {
	found, err := run.ReadFile(ctx, file, schema, &r, &r.Schema, &r.Plan)
	if found || err != nil {
		return r, err
	}
	// A plan that was begun without: nobody was kept from relying on it.
	started, err := run.Started(ctx)
	if err != nil {
		return r, err
	}
	r = saved{ID: run.Token(), Suspect: !started.At.IsZero()}
	return r, save(ctx, run, r)
}

func save(ctx context.Context, run *phase.Run, r saved) error {
	r.Schema, r.Plan = schema, run.Plan.Digest
	return state.PutJSON(ctx, run.Home, run.Name(file), r)
}

// ErrCoupled reports that what is done at one end of a move shows at the other:
// they are one bucket under two names, or one is replicated to the other.
// Erasing the source could erase the copies.
var ErrCoupled = remedy.New("the source and the destination are not independent",
	"make sure that the destination is a bucket of its own (destination.bucket, endpoints) and that the source does "+
		"not replicate into it; then plan again")

// Hold does work under the plan's reservation. A lease that was lost is the
// error, for it is why the rest failed.
func (v *Reservation) Hold(ctx context.Context, do func(context.Context) error) error {
	leased, release, err := v.reserve(ctx)
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
		v.run.Notef("the reservation could not be given back and ends by itself: %v", released)
	}
	return err
}

// mostReleases is how many leases are given back at once.
const mostReleases = 16

// mostRuns is how many runs a reservation remembers.
const mostRuns = 16

// beginRun notes a new run in the reservation.
func (v *Reservation) beginRun(ctx context.Context) error {
	r, err := load(ctx, v.run)
	if err != nil {
		return err
	}
	v.Token, v.ended = v.run.Token(), r.Runs[max(0, len(r.Runs)-mostRuns+1):]
	r.Runs = append(slices.Clone(v.ended), v.Token)
	return save(ctx, v.run, r)
}

// Resumes tells whether an earlier run has begun.
func (v *Reservation) Resumes() bool { return len(v.ended) > 0 }

// Holds tells by its error, a state.ErrLeaseLost, whether another run of the plan has begun
// since the one that has the token.
func Holds(ctx context.Context, run *phase.Run, token string) error {
	_, err := held(ctx, run, token)
	return err
}

func held(ctx context.Context, run *phase.Run, token string) (saved, error) {
	r, err := load(ctx, run)
	if err == nil && (token == "" || len(r.Runs) == 0 || r.Runs[len(r.Runs)-1] != token) {
		err = fmt.Errorf("%w: another run of %s has begun since", state.ErrLeaseLost, run.Plan.ID)
	}
	return r, err
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
func (v *Reservation) reserve(ctx context.Context) (_ context.Context, _ func() error, err error) {
	if err := v.Load(ctx); err != nil {
		return nil, nil, err
	}
	if err := v.relied(ctx); err != nil {
		return nil, nil, err
	}
	if err := v.beginRun(ctx); err != nil {
		return nil, nil, err
	}
	var held []func() error
	release := func() error {
		var at errgroup.Group // side by side: a destination that does not answer holds up none of the others
		at.SetLimit(mostReleases)
		errs := make([]error, len(held))
		for i, end := range held {
			at.Go(func() error { errs[i] = end(); return nil })
		}
		_ = at.Wait() // each has its own error
		return errors.Join(errs...)
	}
	buckets, err := record.Buckets(ctx, v.run.Record)
	if err != nil {
		return nil, nil, err
	}
	leased := ctx
	for _, m := range v.run.Plan.Moves {
		if !buckets.Has(m) {
			continue // it has written nothing there, and may not be whose lease speaks for it
		}
		next, end, err := v.leaseAt(leased, m)
		if errors.Is(err, objectstore.ErrNotFound) {
			continue
		}
		if errors.Is(err, objectstore.ErrNotOffered) {
			v.run.Saw(ctx, v.run.Destination().Endpoint(), doctor.ConditionalWrites, false)
			err = fmt.Errorf("%w: %w", ErrUnconditional, err)
		}
		if err != nil {
			return nil, nil, errors.Join(fmt.Errorf("reserve %s: %w", v.run.Plan.To(m), err), release())
		}
		held = append(held, end)
		leased = next
	}
	if err := v.relied(leased); err != nil {
		return nil, nil, errors.Join(err, release())
	}
	if err := v.mark(leased, buckets); err != nil {
		return nil, nil, errors.Join(err, release())
	}
	return leased, release, nil
}

// mark breaks others' marks and makes ours where there is none. Where ours was
// there and is not any more, copies of before are suspect.
func (v *Reservation) mark(ctx context.Context, buckets *plan.BucketRecord) error {
	r, err := load(ctx, v.run)
	if err != nil {
		return err
	}
	suspect := r.Suspect
	marks := make(map[string]string)
	for _, bucket := range v.run.Plan.DestinationBuckets() {
		if !slices.ContainsFunc(v.run.Plan.Moves, func(m plan.Move) bool {
			return m.Destination == bucket &&
				buckets.Has(m)
		}) {
			continue
		}
		var stands bool
		err := v.run.Patient(ctx, func() (err error) {
			stands, err = v.breakOthers(ctx, bucket, r)
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
		if own := r.Marks[bucket]; own != "" {  // which may be there where the service does not list any
			if err := breakMark(ctx, v.run, bucket, own); err != nil {
				return err
			}
		}
		if marks[bucket], err = makeMark(ctx, v.run, bucket); err != nil {
			return err
		}
	}
	if maps.Equal(marks, r.Marks) && r.Suspect == suspect {
		return nil
	}
	r.Marks = marks
	return save(ctx, v.run, r)
}

// breakOthers breaks all marks but ours, and tells whether that is there.
func (v *Reservation) breakOthers(ctx context.Context, bucket string, r saved) (stands bool, err error) {
	var others []objectstore.Upload
	for u, err := range v.marks(ctx, bucket) {
		if err != nil {
			return false, err
		}
		if u.UploadID == r.Marks[bucket] {
			stands = true
		} else {
			others = append(others, u)
		}
	}
	at := v.run.Plan.BucketAt(plan.Move{Destination: bucket})
	for _, u := range others {
		if err := v.run.Destination().AbortUpload(ctx, bucket, u.Key, u.UploadID); err != nil && !errors.Is(err,
			objectstore.ErrNotFound) {
			return false, err
		}
		begun := u.Initiated.UTC().Format(time.RFC3339)
		switch {
		// Ours came in its place, or stands beside it, where another migration would have broken it.
		case stands, u.UploadID == r.Former[bucket]:
			v.run.Notef("an earlier run of this plan left a reservation of %s, begun %s, that it had no time to write down; it "+
				"was removed", at, begun)
		case r.Marks[bucket] == "" && len(v.ended) > 0:
			v.run.Notef("a reservation of %s, begun %s, was removed: an earlier run of this plan left it and had no "+
				"time to write it down, or it is another migration's, which from now on will not remove copies there whose "+
				"originals are gone",
				at, begun)
		default:
			v.run.Notef("another migration, begun %s, has reserved %s and has not ended; from now on it will not remove copies "+
				"there whose originals are gone", begun, at)
		}
	}
	return stands, nil
}

// marks lists the marks in a bucket.
func (v *Reservation) marks(ctx context.Context, bucket string) iter.Seq2[objectstore.Upload, error] {
	return func(yield func(objectstore.Upload, error) bool) {
		for u, err := range v.run.Destination().Uploads(ctx, bucket, objectstore.MarkKey) {
			if (err != nil || u.Key == objectstore.MarkKey) && !yield(u, err) {
				return
			}
		}
	}
}

// stands tells whether a mark is there.
func (v *Reservation) stands(ctx context.Context, bucket, own string) (stands bool, err error) {
	for u, err := range v.marks(ctx, bucket) {
		if err != nil {
			return false, err
		}
		stands = stands || u.UploadID == own
	}
	return stands, nil
}

// End takes the marks away: the plan has come to its end.
func (v *Reservation) End(ctx context.Context) error {
	r, err := load(ctx, v.run)
	if err != nil {
		return err
	}
	for _, bucket := range slices.Sorted(maps.Keys(r.Marks)) {
		if err := breakMark(ctx, v.run, bucket, r.Marks[bucket]); err != nil {
			return err
		}
	}
	return save(ctx, v.run, saved{ID: r.ID, Runs: r.Runs})
}

// Marks are the upload IDs of the marks, by destination bucket.
func (v *Reservation) Marks(ctx context.Context) (map[string]string, error) {
	r, err := load(ctx, v.run)
	return r.Marks, err
}

// Unbroken tells whether the plan's marks have stood since before it wrote what
// it may now take away.
func (v *Reservation) Unbroken(ctx context.Context) (bool, error) {
	r, err := load(ctx, v.run)
	if err != nil || r.Suspect {
		return false, err
	}
	for _, bucket := range slices.Sorted(maps.Keys(r.Marks)) {
		id := r.Marks[bucket]
		var stands bool
		if err := v.run.Patient(ctx, func() (err error) {
			stands, err = v.stands(ctx, bucket, id)
			return err
		}); err != nil || !stands {
			return false, err
		}
	}
	return true, nil
}

// Clear notes that a listing has shown the source to hold all that was copied.
func (v *Reservation) Clear(ctx context.Context) error {
	r, err := load(ctx, v.run)
	if err != nil {
		return err
	}
	r.Suspect = false
	return save(ctx, v.run, r)
}

// Renew puts another mark in a bucket in the place of ours. It follows each
// intent to erase: a state that was saved before and comes back does not find its
// own, and does not take for others' deletions what this one knows to be ours. Only the
// run that began last may do it.
func Renew(ctx context.Context, run *phase.Run, token, bucket string) error {
	r, err := held(ctx, run, token)
	if err != nil {
		return err
	}
	before := r.Marks[bucket]
	if before == "" {
		return nil
	}
	id, err := makeMark(ctx, run, bucket)
	if err != nil {
		return err
	}
	r.Marks, r.Former = maps.Clone(r.Marks), maps.Clone(r.Former)
	if r.Former == nil {
		r.Former = make(map[string]string)
	}
	r.Marks[bucket], r.Former[bucket] = id, before
	if err := save(ctx, run, r); err != nil {
		return err
	}
	return breakMark(ctx, run, bucket, before)
}

// breakMark takes a mark away.
func breakMark(ctx context.Context, run *phase.Run, bucket, id string) error {
	err := run.Patient(ctx, func() error { return run.Destination().AbortUpload(ctx, bucket, objectstore.MarkKey, id) })
	if err != nil && !errors.Is(err, objectstore.ErrNotFound) {
		return fmt.Errorf("give back the reservation of %s: %w", bucket, err)
	}
	return nil
}

// makeMark makes a mark in one bucket.
func makeMark(ctx context.Context, run *phase.Run, bucket string) (id string, err error) {
	err = run.Patient(ctx, func() (err error) {
		id, err = run.Destination().CreateUpload(ctx, objectstore.NewObject{Bucket: bucket, Key: objectstore.MarkKey})
		return err
	})
	if err != nil {
		return "", fmt.Errorf("reserve %s: %w", bucket, err)
	}
	return id, nil
}
