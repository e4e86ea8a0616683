package migrate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/residency/residency/inventory"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/attest"
	"github.com/residency/residency/migrate/audit"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/changes"
	"github.com/residency/residency/migrate/copier"
	"github.com/residency/residency/migrate/destination"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/progress"
	"github.com/residency/residency/migrate/record"
	"github.com/residency/residency/migrate/state"
	"github.com/residency/residency/migrate/writeblock"
)

// Runner carries out plans. Home, Stores, Now and Progress are required.
type Runner struct {
	Home     state.Home
	Stores   plan.Stores
	Now      func() time.Time
	Progress *progress.Progress
	Workers  int // entries copied at once; 0: as many as turn out to be worth having
	// MostWorkers bounds them where their number finds itself; 0: as package limit has it.
	MostWorkers int
	Budget      *copier.Budget
	Tool        string // name and version, for the certificate
	Host        string // of this machine, for the certificate
	// Actor is who runs this, as the machine tells; Approval how the plan was approved.
	Actor    certificate.Actor
	Approval string
	// Configuration is the file in force, which every result names.
	Configuration inventory.Configuration
	// Departs is in what that configuration would plan otherwise.
	Departs certificate.Departure
	// Catalog is the built-in knowledge that plans were made by, for the certificate.
	Catalog certificate.Catalog
	// Signers sign the certificate, and Stamp asks for a timestamp of that; nil: nobody is asked.
	Signers []attest.Signer
	Stamp   audit.Stamp
	// Report makes the report for people of a certificate that was just written, by the record
	// that has it; nil: none is made.
	Report func(ctx context.Context, of *record.Record) ([]byte, error)
	// Expected is what the plan is expected to cost, which the certificate then says beside what
	// was sent; nil: it says neither.
	Expected Expected
	// LeaseTerm is how long the reservation of a destination lasts unless it is
	// renewed; 0: 30 s.
	LeaseTerm time.Duration
	// Claims say whose data is where.
	Claims plan.Claims
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
const DefaultWorkers = phase.DefaultWorkers

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
	// FenceRequired ends the run, with ErrNotFenced, where it does not.
	FenceRequired bool
	// NoTransit are countries that no byte may pass through on this machine. Where it stands
	// in one, or that is not known, nothing is streamed: ErrTransit.
	NoTransit []string
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
func (r *Runner) Run(ctx context.Context, p *plan.Plan, o Options) (*Result, error) {
	if err := p.Destination.Admissible(); err != nil {
		return nil, err
	}
	if len(p.Blockers) > 0 {
		return nil, ErrBlocked
	}
	if len(p.EraseBlockers) > 0 && !o.KeepSource {
		return nil, blockedErase(p.EraseBlockers)
	}
	if why := plan.Transit(r.actor(), o.NoTransit); why != "" && p.Streams() {
		return nil, fmt.Errorf("%w: %s", ErrTransit, why)
	}
	return r.leased(ctx, p, func(ctx context.Context) (*Result, error) { return r.run(ctx, p, o) })
}

// leased does one piece of work under the plan's lease. If the lease is lost,
// that is the error, for it is why the rest failed.
func (r *Runner) leased(ctx context.Context, p *plan.Plan, do func(context.Context) (*Result, error)) (*Result, error) {
	ctx, release, err := r.Home.Lease(ctx, p.ID)
	if err != nil {
		return nil, err
	}
	ctx = objectstore.WithStop(ctx)
	result, err := do(ctx)
	if err == nil && result != nil && result.Finished == nil {
		now := r.Now().UTC()
		result.Finished = &now
	}
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

func (r *Runner) run(ctx context.Context, p *plan.Plan, o Options) (*Result, error) {
	w, err := r.openToWrite(ctx, p)
	if err != nil {
		return nil, err
	}
	if err := w.within(); err != nil {
		return nil, err
	}
	if err := w.expects(ctx); err != nil {
		return nil, err
	}
	if !o.Fresh { // a plan that was made just now has looked
		if err := obstructed(ctx, w.run, !o.KeepSource); err != nil {
			return nil, err
		}
	}
	if err := w.start(ctx, o.Fresh); err != nil {
		return nil, err
	}
	if err := w.called(ctx, plan.StageCopy, plan.StageVerify); err != nil {
		return nil, err
	}
	if o.RemoveOutdated > 0 {
		if err := r.superseded(ctx, p); err != nil {
			return nil, err
		}
	}
	if err := w.acted(ctx, stepApprove, plan.StageCopy, plan.StageVerify); err != nil {
		return nil, err
	}
	if err := w.spends(ctx); err != nil {
		return nil, err
	}
	defer w.stopsSpending(ctx)
	w.sourceCheck.Outdated, w.tagging.blocksWrites = o.RemoveOutdated, o.Fence
	var result *Result
	err = w.reservation.Hold(ctx, func(ctx context.Context) error {
		if err := w.probes.Separate(ctx); err != nil {
			return err
		}
		if err := w.carry(ctx, o); errors.Is(err, ErrRestoring) {
			return err
		} else if err != nil {
			result = w.result
			return err
		}
		if err := abandoned(ctx, w.run, w.reservation); err != nil {
			return err
		}
		if err := destination.Finish(ctx, w.run); err != nil {
			return err
		}
		result = w.result
		if o.KeepSource {
			result.Fence, _, err = writeblock.Look(ctx, w.run)
			return err
		}
		return w.erase(ctx)
	})
	return result, err
}

// Erase runs the erase step alone, for a plan that was run with KeepSource.
func (r *Runner) Erase(ctx context.Context, p *plan.Plan) (*Result, error) {
	if len(p.Blockers) > 0 {
		return nil, ErrBlocked
	}
	if err := p.Destination.Admissible(); err != nil {
		return nil, err
	}
	return r.leased(ctx, p, func(ctx context.Context) (*Result, error) { return r.eraseOnly(ctx, p) })
}

func (r *Runner) eraseOnly(ctx context.Context, p *plan.Plan) (*Result, error) {
	w, err := r.openToWrite(ctx, p)
	if err != nil {
		return nil, err
	}
	started, err := w.run.Started(ctx)
	if err != nil {
		return nil, err
	}
	if started.Aborting {
		return nil, ErrAborting
	}
	if started.At.IsZero() {
		return nil, fmt.Errorf("%w: %s", ErrNotCopied, p.ID)
	}
	if err := w.expects(ctx); err != nil {
		return nil, err
	}
	if _, err := w.unchanged(ctx); err != nil {
		return nil, err
	}
	if err := obstructed(ctx, w.run, true); err != nil {
		return nil, err
	}
	if err := w.acted(ctx, stepApprove); err != nil {
		return nil, err
	}
	if err := w.spends(ctx); err != nil {
		return nil, err
	}
	defer w.stopsSpending(ctx)
	w.result.Started = started.At
	if missing, err := missingSegments(ctx, w.run, w.tagging); err != nil {
		return nil, err
	} else if len(missing) > 0 {
		return nil, fmt.Errorf("%w: %d of %d segments have no verified receipts", ErrNotCopied, len(missing),
			len(w.run.Pass.Segments))
	}
	if err := w.count(ctx, nil); err != nil {
		return w.result, err
	}
	err = w.reservation.Hold(ctx, func(ctx context.Context) error {
		if err := w.probes.DropAtSources(ctx); err != nil {
			return err
		}
		return w.erase(ctx)
	})
	return w.result, err
}

// start holds the source against the plan, once per plan, then makes the
// destination ready.
func (w *work) start(ctx context.Context, fresh bool) error {
	started, err := w.run.Started(ctx)
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
		for _, m := range w.run.Plan.Moves {
			if err := sweep(ctx, w.run, m); err != nil {
				return err
			}
		}
		if !fresh {
			w.run.Progress.Begin("reading receipts", w.run.Plan.Totals.Entries, 0)
			drift, err := w.sourceCheck.List(ctx, false)
			if err != nil {
				return err
			}
			if !drift.None() {
				return &changes.DriftError{Drift: drift}
			}
		}
		if err := w.reservation.Load(ctx); err != nil {
			return err
		}
		started.At = w.run.Now().UTC()
		if err := w.run.SaveStart(ctx, started); err != nil {
			return err
		}
	}
	w.result.Started = started.At
	for _, m := range w.run.Plan.Moves {
		until, err := destination.Prepare(ctx, w.run, m, buckets)
		if err != nil {
			return fmt.Errorf("prepare %s: %w", w.run.Plan.To(m), err)
		}
		if !until.IsZero() {
			w.run.UnversionedUntil[m.Destination] = until
		}
	}
	return nil
}
