package migrate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/engine"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/state"
)

// settle copies, lists the source again, and as long as others have written to
// it meanwhile makes a further pass, at most o.Passes times. Whether the source
// holds still in the end is for the gate to say.
func (w *work) settle(ctx context.Context, o Options) error {
	erasing, err := w.erasing(ctx)
	if err != nil {
		return err
	}
	fenced, err := w.fenced(ctx)
	if err != nil {
		return err
	}
	if o.Fence && erasing {
		// Another run may have ended this plan just now: nothing is left to keep still.
		var c certificate.Certificate
		err := w.certificate(ctx, &c)
		if err != nil && !errors.Is(err, state.ErrNotFound) {
			return err
		}
		o.Fence = !c.SourceEmpty
	}
	if fenced && o.Fence {
		o.Passes = max(o.Passes, 1) // the one that the fence is for, if its run did not come to it
	}
	for left := o.Passes; ; left-- {
		copied := w.copy(ctx)
		w.result.Passes, w.result.Outdated = w.pass.Number, w.outdatedSoFar(copied)
		if copied != nil && (!errors.Is(copied, ErrPartial) || errors.Is(copied, ErrStale)) {
			return copied
		}
		drift, err := w.driftNow(ctx, erasing)
		if err != nil {
			return errors.Join(copied, err)
		}
		if o.Fence && !fenced && (left <= 1 || drift.none()) {
			if fenced, err = w.fence(ctx); err != nil {
				return err
			}
			if o.Fence = fenced; fenced {
				if drift, err = w.driftNow(ctx, erasing); err != nil {
					return err
				}
				left = max(left, 1)
			}
		}
		if drift.entries() == 0 && (!fenced || drift.Uploads+drift.Reserved == 0) {
			return copied // a failure that no change of the source explains
		}
		if left <= 0 {
			w.unsettled = drift
			w.note("the source has changed again since (%s); run the same command again to carry that", drift)
			return copied
		}
		if n := drift.Gone + drift.Changed; n > 0 {
			// A source that is emptied whole may be a disk that is not there, or
			// somebody who took the copy for done: a person must have seen it.
			if len(drift.Emptied) > 0 && n != w.outdated {
				alone, err := w.unbroken(ctx)
				if err != nil {
					return err
				}
				return &UnexplainedError{Drift: drift, Others: !alone}
			}
			if err := w.explain(ctx, erasing); err != nil {
				return err
			}
		}
		if err := w.carries(ctx, drift); err != nil {
			return err
		}
		w.note("others wrote to the source meanwhile (%s); carrying it in pass %d", drift, w.pass.Number+1)
		var next *pass
		if err := w.steady(ctx, func() (err error) {
			next, err = w.nextPass(ctx, drift, erasing, fenced)
			return err
		}); err != nil {
			return fmt.Errorf("pass %d: %w", w.pass.Number+1, err)
		}
		w.passes = append(w.passes, next)
		w.pass = next
	}
}

// carries refuses what no further pass of this plan can bring over: versions,
// where the source had none when it was planned.
func (w *work) carries(ctx context.Context, drift Drift) error {
	for _, m := range w.plan.Moves {
		if m.Versioning != objectstore.Unversioned || !slices.Contains(drift.Locations, m.From().String()) {
			continue
		}
		now, err := w.source(m).Versioning(ctx, m.Bucket)
		if err != nil {
			return fmt.Errorf("versioning of %s: %w", m.From(), err)
		}
		if now != objectstore.Unversioned {
			return fmt.Errorf("%w: %s has versions now, which it had not then, and others wrote some (%s); nothing was erased by this run", ErrVersions, m.From(), drift)
		}
	}
	return nil
}

// ErrVersions reports a source that has versions now and was planned without.
var ErrVersions = fmt.Errorf("the source %w", ErrChanged)

// steadyTries is how often a listing is begun anew that others' writes have
// muddled, with a second, two, … between.
const steadyTries = 4

// steady repeats what lists a source as long as the listing contradicts itself.
func (w *work) steady(ctx context.Context, list func() error) error {
	for try := 0; ; try++ {
		err := list()
		if !errors.Is(err, objectstore.ErrOrder) || try == steadyTries {
			return err
		}
		if err := w.sleep(ctx, time.Second<<try); err != nil {
			return err
		}
	}
}

// patientTries is how often a request is tried that copies nothing, with a
// second, two, … between.
const patientTries = 4

// patient repeats what can be repeated until an answer is final.
func (w *work) patient(ctx context.Context, ask func() error) error {
	for try := 0; ; try++ {
		err := ask()
		if err == nil || ctx.Err() != nil || objectstore.Permanent(err) || errors.Is(err, objectstore.ErrNotFound) ||
			errors.Is(err, ErrCoupled) || errors.Is(err, ErrClaimed) || try == patientTries {
			return err
		}
		if err := w.sleep(ctx, time.Second<<try); err != nil {
			return err
		}
	}
}

func (w *work) driftNow(ctx context.Context, erasing bool) (drift Drift, err error) {
	err = w.steady(ctx, func() error {
		w.Progress.Begin("checking source", w.totals().Entries, 0)
		drift, err = w.drift(ctx, erasing)
		return err
	})
	return drift, err
}

const staleDoneFile = "stale.json"

// staleDone says that the destination has lost what this pass says it must. It
// names the pass by its time: one that was aborted had the same number.
type staleDone struct {
	Schema  string    `json:"schema"`
	Pass    time.Time `json:"pass_at"`
	Entries int       `json:"entries"`
}

// outdatedSoFar counts the copies that passes had removed. copied is what the
// last of them came to.
func (w *work) outdatedSoFar(copied error) (n int64) {
	passes := w.passes
	if copied != nil {
		passes = passes[:len(passes)-1]
	}
	for _, p := range passes {
		for _, file := range p.Stale {
			n += int64(file.Entries)
		}
	}
	return n
}

// removeStale takes away, at the destination, the copies of what the source's
// owners have deleted or replaced since it was copied: exactly what the receipts
// of earlier passes say was written, and nothing that was there before the plan.
func (w *work) removeStale(ctx context.Context) error {
	if len(w.pass.Stale) == 0 {
		return nil
	}
	var done staleDone
	err := getJSON(ctx, w.Home, w.name(w.pass.dir()+staleDoneFile), &done)
	if err != nil && !errors.Is(err, state.ErrNotFound) {
		return err
	}
	if err == nil && done.Pass.Equal(w.pass.At) {
		return nil
	}
	if err := w.explain(ctx, w.pass.Erased); err != nil {
		return err
	}
	done = staleDone{Schema: "residency/stale-done/1", Pass: w.pass.At}
	var left, lasting int64
	w.Progress.Begin("removing outdated copies", 0, 0)
	err = w.eachStale(ctx, func(move int, entries []manifest.Entry) error {
		eraser, err := w.destinationEraser(ctx, w.plan.Moves[move])
		if err != nil {
			return err
		}
		erasures, err := eraser.Segment(ctx, entries)
		for _, x := range erasures {
			if !x.Done() && x.Outcome != receipt.Changed { // what others have written over is gone
				left++
				if x.Lasting {
					lasting++
				}
				w.result.problem(Problem{Location: w.plan.To(w.plan.Moves[move]).String(), Key: x.Key, VersionID: x.VersionID, What: string(x.Outcome), Reason: "an outdated copy could not be removed: " + x.Reason})
			}
		}
		done.Entries += len(entries)
		return err
	})
	if err != nil {
		return fmt.Errorf("remove outdated copies: %w", err)
	}
	if left > 0 {
		return stale{partial(left, lasting, "%d outdated copies could not be removed from the destination", left)}
	}
	return putJSON(ctx, w.Home, w.name(w.pass.dir()+staleDoneFile), done)
}

// ErrStale reports copies at the destination of what the source does not have
// any more, which could not be removed. It comes with ErrPartial.
var ErrStale = errors.New("outdated copies")

type stale struct{ error }

func (s stale) Unwrap() error      { return s.error }
func (stale) Is(target error) bool { return target == ErrStale }

// eachStale calls f for runs of one move's entries that the destination must lose.
func (w *work) eachStale(ctx context.Context, f func(move int, entries []manifest.Entry) error) error {
	for _, file := range w.pass.Stale {
		data, err := w.Home.Get(ctx, w.name(w.pass.dir()+file.Name))
		if err != nil {
			return err
		}
		if d := state.Digest(data); d != file.Digest {
			return fmt.Errorf("%w: %s has SHA-256 %s, %s says %s", state.ErrDamaged, file.Name, d, passFile, file.Digest)
		}
		var lines []staleEntry
		for x, err := range state.Decode[staleEntry](file.Name, staleSchema, data) {
			if err != nil {
				return err
			}
			if x.Move < 0 || x.Move >= len(w.plan.Moves) || x.Key == "" || x.VersionID == "" {
				return fmt.Errorf("%w: %s, line %d: %w", state.ErrDamaged, file.Name, len(lines)+2, errNoMove)
			}
			lines = append(lines, x)
		}
		for len(lines) > 0 {
			n := slices.IndexFunc(lines, func(x staleEntry) bool { return x.Move != lines[0].Move })
			if n < 0 {
				n = len(lines)
			}
			entries := make([]manifest.Entry, n)
			for i := range entries {
				entries[i] = lines[i].Entry
			}
			if err := f(lines[0].Move, entries); err != nil {
				return err
			}
			lines = lines[n:]
		}
	}
	return nil
}

// sourceEraser removes what a move has moved.
func (w *work) sourceEraser(m Move) *engine.Eraser { return w.eraser(w.source(m), m.Bucket, m) }

// destinationEraser removes what was written to a move's destination. That may have
// versions where the source has none.
func (w *work) destinationEraser(ctx context.Context, m Move) (*engine.Eraser, error) {
	e := w.eraser(w.destination(), m.Destination, m)
	if m.Versioning == objectstore.Unversioned {
		var err error
		if e.Versioning, err = w.destination().Versioning(ctx, m.Destination); err != nil {
			return nil, fmt.Errorf("versioning of %s: %w", w.plan.To(m), err)
		}
	}
	return e, nil
}

func (w *work) eraser(store objectstore.Store, bucket string, m Move) *engine.Eraser {
	return &engine.Eraser{
		Source: store, Bucket: bucket, Versioning: m.Versioning, Workers: cmp.Or(w.Workers, DefaultWorkers),
		Now: w.Now, Sleep: w.sleep, Progress: w.Progress,
	}
}
