package migrate

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/copier"
	"github.com/residency/residency/migrate/engine"
	"github.com/residency/residency/migrate/parity"
	"github.com/residency/residency/migrate/state"
)

// Runner carries out plans. Home, Stores, Now and Progress are required.
type Runner struct {
	Home     state.Home
	Stores   Stores
	Now      func() time.Time
	Progress *engine.Progress
	Workers  int // entries copied at once; 0: as many as turn out to be worth having
	Budget   *copier.Budget
	Tool     string // name and version, for the certificate
	Host     string // of this machine, for the certificate
	// LeaseTerm is how long the reservation of a destination lasts unless it is
	// renewed; 0: 30 s.
	LeaseTerm time.Duration
	// Claims say whose data is where.
	Claims Claims
	// Sleep waits, or returns the context's error; default: for real.
	Sleep func(ctx context.Context, d time.Duration) error
	// After returns a channel that receives once, after the duration; default: for
	// real.
	After func(d time.Duration) <-chan time.Time
	// Random returns a number from 0 to below n; nil: one that nobody foresees.
	Random func(n int64) int64
	// Note is told of what happens on the way, in words without keys.
	Note func(text string)
}

// DefaultWorkers is how many requests are under way at once, unless told
// otherwise, where the number does not find itself.
const DefaultWorkers = 16

// Options of one run.
type Options struct {
	KeepSource bool
	// Fresh tells that the plan was made a moment ago by this process, so that
	// the source need not be held against it once more.
	Fresh bool
	// Passes is how often what others wrote to the source meanwhile is carried
	// before the source must hold still.
	Passes int
	// Fence denies writes to the source by its buckets' policies before the last
	// listing, where the endpoint honours that.
	Fence bool
	// RemoveOutdated is somebody's word that whoever removed so many originals at
	// the source did not rely on this plan's copies of them. Where that is not
	// known and another number is gone, copies stay and the run ends with an
	// UnexplainedError, which has the number.
	RemoveOutdated int64
}

// DefaultPasses is how many further passes a run makes unless told otherwise.
const DefaultPasses = 3

// Run copies and verifies what the plan says and, unless told to keep it,
// erases the source and certifies. It goes on where an earlier run stopped. The
// result is never nil when the error is one of ErrVerification, ErrPartial or
// ErrNotEmpty, or nil.
func (r *Runner) Run(ctx context.Context, p *Plan, o Options) (*Result, error) {
	if err := p.Destination.admissible(); err != nil {
		return nil, err
	}
	if len(p.Blockers) > 0 {
		return nil, ErrBlocked
	}
	if len(p.EraseBlockers) > 0 && !o.KeepSource {
		return nil, blockedErase(p.EraseBlockers)
	}
	return r.leased(ctx, p, func(ctx context.Context) (*Result, error) { return r.run(ctx, p, o) })
}

// leased does one piece of work under the plan's lease. If the lease is lost,
// that is the error, for it is why the rest failed.
func (r *Runner) leased(ctx context.Context, p *Plan, do func(context.Context) (*Result, error)) (*Result, error) {
	ctx, release, err := r.Home.Lease(ctx, p.ID)
	if err != nil {
		return nil, err
	}
	result, err := do(ctx)
	if errors.Is(err, objectstore.ErrNoBucket) {
		err = r.sourceGone(ctx, p, err)
	}
	cause := context.Cause(ctx)
	releaseErr := release()
	if errors.Is(cause, state.ErrLeaseLost) {
		return nil, cause
	}
	if errors.Is(err, state.ErrLeased) || errors.Is(err, state.ErrLeaseLost) {
		return nil, err // of what the plan reserves at its destination
	}
	if releaseErr != nil && r.Note != nil {
		r.Note("the lease could not be given back and ends by itself: " + releaseErr.Error())
	}
	return result, err
}

func (r *Runner) run(ctx context.Context, p *Plan, o Options) (*Result, error) {
	w, err := r.open(ctx, p)
	if err != nil {
		return nil, err
	}
	if !o.KeepSource && !o.Fresh { // a plan that was made just now has looked
		if err := w.barred(ctx); err != nil {
			return nil, err
		}
	}
	if err := w.start(ctx, o.Fresh); err != nil {
		return nil, err
	}
	if err := w.called(ctx, stageCopy, stageVerify); err != nil {
		return nil, err
	}
	w.outdated, w.fences = o.RemoveOutdated, o.Fence
	var result *Result
	err = w.reserved(ctx, func(ctx context.Context) error {
		if err := w.separate(ctx); err != nil {
			return err
		}
		if err := w.carry(ctx, o); errors.Is(err, ErrRestoring) {
			return err
		} else if err != nil {
			result = w.result
			return err
		}
		if err := w.abandoned(ctx); err != nil {
			return err
		}
		if err := w.finish(ctx); err != nil {
			return err
		}
		result = w.result
		if o.KeepSource {
			_, err := w.lookFence(ctx)
			return err
		}
		return w.erase(ctx)
	})
	return result, err
}

// Erase runs the erase step alone, for a plan that was run with KeepSource.
func (r *Runner) Erase(ctx context.Context, p *Plan) (*Result, error) {
	if len(p.Blockers) > 0 {
		return nil, ErrBlocked
	}
	if err := p.Destination.admissible(); err != nil {
		return nil, err
	}
	return r.leased(ctx, p, func(ctx context.Context) (*Result, error) { return r.eraseOnly(ctx, p) })
}

func (r *Runner) eraseOnly(ctx context.Context, p *Plan) (*Result, error) {
	w, err := r.open(ctx, p)
	if err != nil {
		return nil, err
	}
	started, err := w.started(ctx)
	if err != nil {
		return nil, err
	}
	if started.Aborting {
		return nil, ErrAborting
	}
	if started.At.IsZero() {
		return nil, fmt.Errorf("%w: %s", ErrNotCopied, p.ID)
	}
	if _, err := w.unchanged(ctx); err != nil {
		return nil, err
	}
	if err := w.barred(ctx); err != nil {
		return nil, err
	}
	w.result.Started = started.At
	if missing, err := w.missing(ctx); err != nil {
		return nil, err
	} else if len(missing) > 0 {
		return nil, fmt.Errorf("%w: %d of %d segments have no verified receipts", ErrNotCopied, len(missing), len(w.pass.Segments))
	}
	if err := w.count(ctx, &tally{result: newResult(p)}); err != nil {
		return w.result, err
	}
	err = w.reserved(ctx, func(ctx context.Context) error {
		if err := w.dropSourceProbes(ctx); err != nil {
			return err
		}
		return w.erase(ctx)
	})
	return w.result, err
}

// work is one run of one plan.
type work struct {
	*Runner
	plan   *Plan
	passes []*pass // all that were made, in order
	pass   *pass   // the last of them
	result *Result
	codec  *state.Codec
	// retained is what locks keep, by source location.
	retained map[string]retention
	// doubtful is what a listing of the destination did not bear out, by the
	// index of its segment in the pass.
	doubtful map[int]*doubted
	// unsettled is how the source differs from the last pass that was to be made.
	unsettled Drift
	// beneath are the plan's copies that an abort leaves.
	beneath map[objectstore.Ref]bool
	// orphans are those of them whose originals the source does not show.
	orphans map[objectstore.Ref]bool

	reservation reservation
	own         int64 // entries at the destination that are leases
	outdated    int64 // Options.RemoveOutdated
	fences      bool  // Options.Fence
	// settling are buckets whose versioning this plan turned on, until when what is
	// written there may get no version ID.
	settling map[string]time.Time
	// unsaid tells that the gate was passed by a release that wrote down no
	// intents: all of the plan may have been erased.
	unsaid bool
	// twins are, by move, copies that have their original's version ID, as only
	// a replication gives it.
	twins map[int]int64
}

func (w *work) note(format string, args ...any) {
	if w.Note != nil {
		w.Note(fmt.Sprintf(format, args...))
	}
}

func (w *work) sleep(ctx context.Context, d time.Duration) error {
	if w.Sleep != nil {
		return w.Sleep(ctx, d)
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *work) probeKey() string { return objectstore.ProbePrefix + w.token() }

// token is text that nobody else has.
func (w *work) token() string { return strconv.FormatInt(w.random(math.MaxInt64), 36) }

func (w *work) random(n int64) int64 {
	if w.Random == nil {
		return rand.Int64N(n)
	}
	return w.Random(n)
}

func (w *work) source(m Move) objectstore.Store {
	return w.Stores(m.Source.Provider, m.Source.Code)
}

func (w *work) destination() objectstore.Store {
	return w.Stores(w.plan.Destination.Provider, w.plan.Destination.Code)
}

func (w *work) name(file string) string { return w.plan.ID + "/" + file }

const (
	startedFile   = "started.json"
	startedSchema = "residency/started/1"
)

type startRecord struct {
	Schema string    `json:"schema"`
	Plan   string    `json:"plan_sha256"`
	At     time.Time `json:"at"` // zero: not started, or aborted
	// Aborting tells of an abort that has begun and not ended.
	Aborting bool `json:"aborting,omitempty"`
}

func (w *work) started(ctx context.Context) (s startRecord, err error) {
	err = getJSON(ctx, w.Home, w.name(startedFile), &s)
	if errors.Is(err, state.ErrNotFound) {
		return s, nil
	}
	if err == nil {
		err = w.belongs(startedFile, s.Schema, startedSchema, s.Plan)
	}
	return s, err
}

// saveStart keeps when the plan was started, and whether it is being aborted.
func (w *work) saveStart(ctx context.Context, s startRecord) error {
	s.Schema, s.Plan = startedSchema, w.plan.Digest
	return putJSON(ctx, w.Home, w.name(startedFile), s)
}

// start holds the source against the plan, once per plan, then makes the
// destination ready.
func (w *work) start(ctx context.Context, fresh bool) error {
	started, err := w.started(ctx)
	if err != nil {
		return err
	}
	if started.Aborting {
		return ErrAborting
	}
	buckets, err := w.unchanged(ctx)
	if err != nil {
		return err
	}
	if started.At.IsZero() {
		for _, m := range w.plan.Moves {
			if err := w.sweep(ctx, m); err != nil {
				return err
			}
		}
		if !fresh {
			w.Progress.Begin("checking", w.plan.Totals.Entries, 0)
			drift, err := w.drift(ctx, false)
			if err != nil {
				return err
			}
			if !drift.none() {
				return &DriftError{Drift: drift}
			}
		}
		if err := w.loadReservation(ctx); err != nil {
			return err
		}
		started.At = w.Now().UTC()
		if err := w.saveStart(ctx, started); err != nil {
			return err
		}
	}
	w.result.Started = started.At
	for _, m := range w.plan.Moves {
		if err := w.prepare(ctx, m, buckets); err != nil {
			return fmt.Errorf("prepare %s: %w", w.plan.To(m), err)
		}
	}
	return nil
}

// enforces finds out whether the destination refuses bytes that do not have
// the SHA-256 they were sent under, by sending some that do not, to a key
// beside the plan's. A bucket that would lock them for a time is not asked.
func (w *work) enforces(ctx context.Context, m Move) (bool, error) {
	store, bucket := w.destination(), m.Destination
	if lock, err := w.objectLock(ctx, m); err != nil {
		return false, err
	} else if lock != nil {
		if r, err := parity.ParseRetention(lock); err != nil || r != (parity.Retention{}) {
			return false, err
		}
	}
	key := w.ownProbes() + w.token()
	wrong := hex.EncodeToString(make([]byte, 32))
	written, err := store.Put(ctx, objectstore.NewObject{Bucket: bucket, Key: key, Guard: objectstore.Guard{Absent: true}},
		objectstore.Body{Reader: strings.NewReader(objectstore.ProbeText), Size: int64(len(objectstore.ProbeText)), SHA256: wrong})
	if errors.Is(err, objectstore.ErrCorrupt) {
		return true, nil
	}
	if err != nil {
		return false, ctx.Err()
	}
	results, err := store.Delete(ctx, bucket, []objectstore.Deletion{{Key: key, VersionID: written.VersionID}})
	if err == nil {
		err = results[0]
	}
	if err != nil {
		return false, fmt.Errorf("remove the probe %s from %s: %w", key, bucket, err)
	}
	return false, nil
}
