package migrate

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/copier"
	"github.com/residency/residency/migrate/engine"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/state"
)

// Runner carries out plans. Home, Stores, Now and Progress are required.
type Runner struct {
	Home     state.Home
	Stores   Stores
	Now      func() time.Time
	Progress *engine.Progress
	Workers  int // entries copied at once; default 16
	Budget   *copier.Budget
	Tool     string // name and version, for the certificate
	Host     string // of this machine, for the certificate
	// Note is told of what happens on the way, in words without keys.
	Note func(text string)
}

// DefaultWorkers is how many entries are copied at once unless told otherwise.
const DefaultWorkers = 16

// Options of one run.
type Options struct {
	KeepSource bool
	// Fresh tells that the plan was made a moment ago by this process, so that
	// the source need not be held against it once more.
	Fresh bool
}

// Run copies and verifies what the plan says and, unless told to keep it,
// erases the source and certifies. It goes on where an earlier run stopped. The
// result is never nil when the error is one of ErrVerification, ErrPartial or
// ErrNotEmpty, or nil.
func (r *Runner) Run(ctx context.Context, p *Plan, o Options) (*Result, error) {
	if len(p.Blockers) > 0 {
		return nil, ErrBlocked
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
	cause := context.Cause(ctx)
	releaseErr := release()
	if errors.Is(cause, state.ErrLeaseLost) {
		return nil, cause
	}
	if releaseErr != nil && r.Note != nil {
		r.Note("the lease could not be given back and ends by itself: " + releaseErr.Error())
	}
	return result, err
}

func (r *Runner) run(ctx context.Context, p *Plan, o Options) (*Result, error) {
	w := &work{Runner: r, plan: p, result: newResult(p), retained: make(map[string]retention)}
	if err := w.start(ctx, o.Fresh); err != nil {
		return nil, err
	}
	if err := w.thaw(ctx); err != nil {
		return nil, err
	}
	if err := w.copy(ctx); err != nil {
		return w.result, err
	}
	if err := w.finish(ctx); err != nil {
		return nil, err
	}
	if o.KeepSource {
		return w.result, nil
	}
	return w.result, w.erase(ctx)
}

// Erase runs the erase step alone, for a plan that was run with KeepSource.
func (r *Runner) Erase(ctx context.Context, p *Plan) (*Result, error) {
	return r.leased(ctx, p, func(ctx context.Context) (*Result, error) { return r.eraseOnly(ctx, p) })
}

func (r *Runner) eraseOnly(ctx context.Context, p *Plan) (*Result, error) {
	w := &work{Runner: r, plan: p, result: newResult(p), retained: make(map[string]retention)}
	started, err := w.started(ctx)
	if err != nil {
		return nil, err
	}
	if started.IsZero() {
		return nil, fmt.Errorf("%w: %s", ErrNotCopied, p.ID)
	}
	w.result.Started = started
	if missing, err := w.missing(ctx); err != nil {
		return nil, err
	} else if len(missing) > 0 {
		return nil, fmt.Errorf("%w: %d of %d segments have no verified receipts", ErrNotCopied, len(missing), len(p.Segments))
	}
	if err := w.tally(ctx); err != nil {
		return w.result, err
	}
	return w.result, w.erase(ctx)
}

// work is one run of one plan.
type work struct {
	*Runner
	plan   *Plan
	result *Result
	// retained is what locks keep, by source location.
	retained map[string]retention
}

func (w *work) note(format string, args ...any) {
	if w.Note != nil {
		w.Note(fmt.Sprintf(format, args...))
	}
}

func (w *work) source(m Move) objectstore.Store {
	return w.Stores(m.Source.Provider, m.Source.Code)
}

func (w *work) destination() objectstore.Store {
	return w.Stores(w.plan.Destination.Provider, w.plan.Destination.Code)
}

func (w *work) name(file string) string { return w.plan.ID + "/" + file }

const startedFile = "started.json"

type startRecord struct {
	Schema string    `json:"schema"`
	At     time.Time `json:"at"`
}

func (w *work) started(ctx context.Context) (time.Time, error) {
	var s startRecord
	err := getJSON(ctx, w.Home, w.name(startedFile), &s)
	if errors.Is(err, state.ErrNotFound) {
		return time.Time{}, nil
	}
	return s.At, err
}

// start holds the source against the plan, once per plan, then makes the
// destination ready.
func (w *work) start(ctx context.Context, fresh bool) error {
	at, err := w.started(ctx)
	if err != nil {
		return err
	}
	if at.IsZero() {
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
		at = w.Now().UTC()
		if err := putJSON(ctx, w.Home, w.name(startedFile), startRecord{Schema: "residency/started/1", At: at}); err != nil {
			return err
		}
	}
	w.result.Started = at
	if done, err := w.certified(ctx); err != nil || done {
		return err
	}
	for _, m := range w.plan.Moves {
		if err := w.prepare(ctx, m); err != nil {
			return fmt.Errorf("prepare %s: %w", w.plan.To(m), err)
		}
	}
	return nil
}

// prepare creates a move's bucket where there is none and gives it what the
// parity table says.
func (w *work) prepare(ctx context.Context, m Move) error {
	store := w.destination()
	region, err := store.BucketRegion(ctx, m.Destination)
	switch {
	case errors.Is(err, objectstore.ErrNotFound):
		if err := store.CreateBucket(ctx, m.Destination, m.Lock); err != nil && !errors.Is(err, objectstore.ErrExists) {
			return err
		}
		w.note("created bucket %s in %s", w.plan.To(Move{Destination: m.Destination}), w.plan.Destination.Code)
	case err != nil:
		return err
	case region != "" && region != w.plan.Destination.Code:
		return fmt.Errorf("%w: the bucket is in %s", ErrBlocked, region)
	}
	if m.Versioning != objectstore.Unversioned {
		now, err := store.Versioning(ctx, m.Destination)
		if err != nil {
			return err
		}
		if now != objectstore.Enabled {
			if err := store.SetVersioning(ctx, m.Destination, objectstore.Enabled); err != nil {
				return err
			}
		}
	}
	if !m.Exists && len(m.Tags) > 0 {
		if err := store.SetBucketTags(ctx, m.Destination, m.Tags); err != nil && !errors.Is(err, objectstore.ErrNotOffered) {
			return err
		}
	}
	return w.apply(ctx, m, true)
}

// enforces finds out whether the destination refuses bytes that do not have
// the SHA-256 they were sent under, by sending some that do not, to a key
// beside the plan's.
func (w *work) enforces(ctx context.Context, bucket string) (bool, error) {
	store := w.destination()
	key := ".residency-probe-" + strings.ToLower(rand.Text())
	wrong := hex.EncodeToString(make([]byte, 32))
	written, err := store.Put(ctx, objectstore.NewObject{Bucket: bucket, Key: key, Guard: objectstore.Guard{Absent: true}},
		objectstore.Body{Reader: strings.NewReader("probe"), Size: 5, SHA256: wrong})
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

// copy brings over all segments that have no verified receipts yet.
func (w *work) copy(ctx context.Context) error {
	missing, err := w.missing(ctx)
	if err != nil {
		return err
	}
	if len(missing) > 0 {
		if err := w.copySegments(ctx, missing); err != nil {
			return err
		}
	}
	w.Progress.Begin("counting", w.plan.Totals.Entries, 0)
	if err := w.tally(ctx); err != nil {
		return err
	}
	return w.result.verified()
}

func (w *work) copySegments(ctx context.Context, missing []manifest.Segment) error {
	var entries, bytes int64
	for _, s := range missing {
		entries += int64(s.Entries)
		bytes += s.Bytes
	}
	w.Progress.Begin("copying", entries, bytes)
	if missing[0].Number > 1 || len(missing) < len(w.plan.Segments) {
		w.note("%d of %d segments are proven already", len(w.plan.Segments)-len(missing), len(w.plan.Segments))
	}
	budget := w.Budget
	if budget == nil {
		budget = copier.NewBudget(256 << 20)
	}
	copiers := make([]*copier.Copier, len(w.plan.Moves))
	for i, m := range w.plan.Moves {
		enforced := false
		if m.Way == Streamed {
			var err error
			if enforced, err = w.enforces(ctx, m.Destination); err != nil {
				return err
			}
		}
		copiers[i] = copier.New(w.source(m), m.Bucket, w.destination(), m.Destination, copier.Options{
			Budget: budget, Versioning: m.Versioning, Readback: w.plan.Verify == "readback", Enforced: enforced, Locked: m.Lock, KMSKey: w.plan.KMSKey, KMSDefault: w.kmsDefault(m), Now: w.Now,
			ACLs: m.ACLs, Accounts: m.Source.Provider == w.plan.Destination.Provider,
			Copied:  func(n int64) { w.Progress.Bytes.Add(n) },
			Retried: func(error) { w.Progress.Retries.Add(1) },
		})
	}
	return engine.Copy{
		Segments: missing, Workers: cmp.Or(w.Workers, DefaultWorkers), Progress: w.Progress,
		Entries: w.entries, Held: w.held,
		History: func(ctx context.Context, s manifest.Segment, entries []manifest.Entry, held []objectstore.Version) ([]receipt.Receipt, error) {
			return copiers[s.Move].History(ctx, entries, held)
		},
		Done: func(ctx context.Context, s manifest.Segment, receipts []receipt.Receipt) error {
			data, err := receipt.Encode(s, receipts)
			if err != nil {
				return err
			}
			return w.Home.Put(ctx, w.name(s.File("receipts")), data)
		},
	}.Run(ctx)
}

// entries loads a segment of the manifest.
func (w *work) entries(ctx context.Context, s manifest.Segment) ([]manifest.Entry, error) {
	data, err := w.Home.Get(ctx, w.name(s.File("manifest")))
	if errors.Is(err, state.ErrNotFound) {
		err = fmt.Errorf("%w: %w", state.ErrDamaged, err) // the plan says that it is there
	}
	if err != nil {
		return nil, err
	}
	return s.Decode(data)
}

// held lists the destination from a segment's first key on.
func (w *work) held(ctx context.Context, s manifest.Segment) iter.Seq2[[]objectstore.Version, error] {
	m := w.plan.Moves[s.Move]
	return objectstore.Histories(w.destination().Versions(ctx, m.Destination, m.Prefix, w.before(s)))
}

// before is the last key of the segment before this one, empty if it is the
// move's first.
func (w *work) before(s manifest.Segment) string {
	before := ""
	for _, other := range w.plan.Segments {
		if other.Move == s.Move && other.Number < s.Number {
			before = string(other.LastKey)
		}
	}
	return before
}

// missing returns the segments that have no receipts, or some that are not
// verified; those are tried again.
func (w *work) missing(ctx context.Context) ([]manifest.Segment, error) {
	var missing []manifest.Segment
	for _, s := range w.plan.Segments {
		data, err := w.Home.Get(ctx, w.name(s.File("receipts")))
		if errors.Is(err, state.ErrNotFound) {
			missing = append(missing, s)
			continue
		}
		if err != nil {
			return nil, err
		}
		h, err := state.DecodeHeader(s.File("receipts"), receipt.Schema, data)
		if err != nil {
			return nil, err
		}
		if h.Entries != s.Entries || h.Counts[string(receipt.Verified)] != s.Entries {
			missing = append(missing, s)
		}
	}
	return missing, nil
}

// receipts loads a segment's receipts beside its entries.
func (w *work) receipts(ctx context.Context, s manifest.Segment) ([]manifest.Entry, []receipt.Receipt, error) {
	entries, err := w.entries(ctx, s)
	if err != nil {
		return nil, nil, err
	}
	data, err := w.Home.Get(ctx, w.name(s.File("receipts")))
	if err != nil {
		return nil, nil, err
	}
	receipts, err := receipt.Decode(s, entries, data)
	return entries, receipts, err
}

// tally reads all receipts and counts them.
func (w *work) tally(ctx context.Context) error {
	for _, s := range w.plan.Segments {
		_, receipts, err := w.receipts(ctx, s)
		if err != nil {
			return err
		}
		for i := range receipts {
			w.result.count(&receipts[i], w.plan.Moves[s.Move].Way)
		}
		w.Progress.Entries.Add(int64(len(receipts)))
	}
	return nil
}
