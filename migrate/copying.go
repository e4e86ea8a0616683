package migrate

import (
	"cmp"
	"context"
	"errors"
	"iter"
	"slices"
	"sync"

	"github.com/residency/residency/inventory/doctor"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/copier"
	"github.com/residency/residency/migrate/engine"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/state"
)

// copy brings over all segments that have no verified receipts yet.
func (w *work) copy(ctx context.Context) error {
	if err := w.removeStale(ctx); err != nil {
		return err
	}
	before, err := w.fold(ctx)
	if err != nil {
		return err
	}
	if err := w.retag(ctx); err != nil {
		return err
	}
	missing, err := w.missing(ctx)
	if err != nil {
		return err
	}
	counts := tally{result: newResult(w.plan), of: make(map[int]bool)}
	if len(missing) > 0 {
		if err := w.thaw(ctx, missing); err != nil {
			return err
		}
		tags, err := w.tags(ctx, missing)
		if err != nil {
			return err
		}
		err = w.copySegments(ctx, missing, before, tags, &counts)
		if err = w.tagsStill(ctx, tags, err); err != nil {
			return err
		}
	} else if err := w.removeJournal(ctx, before.parts); err != nil {
		return err
	}
	w.Progress.Begin("counting", w.totals().Entries, 0)
	if err := w.count(ctx, &counts); err != nil {
		return err
	}
	return w.result.verified()
}

// copySegments works through segments and counts those that end verified.
func (w *work) copySegments(
	ctx context.Context, missing []manifest.Segment, before left, tags []tagged, counts *tally,
) (err error) {
	var entries, bytes int64
	for _, s := range missing {
		entries += int64(s.Entries)
		bytes += s.Bytes
	}
	w.Progress.Begin("copying", entries, bytes)
	if missing[0].Number > 1 || len(missing) < len(w.pass.Segments) {
		w.note("%d of %d segments are proven already", len(w.pass.Segments)-len(missing), len(w.pass.Segments))
	}
	budget := w.Budget
	if budget == nil {
		budget = copier.NewBudget(256 << 20)
	}
	crew := engine.NewCrew(w.Workers, w.Now)
	diary, err := w.diary(ctx, before)
	if err != nil {
		return err
	}
	defer func() { err = cmp.Or(err, diary.close(ctx)) }()
	copiers := make([]*copier.Copier, len(w.plan.Moves))
	for i, m := range w.plan.Moves {
		enforced := false
		if m.Way == Streamed {
			if enforced, err = w.enforces(ctx, m); err != nil {
				return err
			}
			if enforced {
				w.saw(ctx, w.destination().Endpoint(), doctor.RefusesChecksums, true)
			}
		}
		o := w.copyOptions(m)
		if o.Carries, err = w.carriesAll(ctx, m); err != nil {
			return err
		}
		o.TagsTold = tags[i].told
		if first := slices.IndexFunc(w.pass.Segments, func(s manifest.Segment) bool { return s.Move == i }); first >= 0 {
			o.Compared = w.pass.Segments[first].FirstKey
		}
		o.Budget, o.Enforced, o.Spare, o.Uploads = budget, enforced, crew, uploads{diary, i}
		o.Mark = w.reservation.Marks[m.Destination]
		o.Copied = func(n int64) {
			w.Progress.Bytes.Add(n)
			crew.Arrived(max(n, 0))
		}
		o.Retried = func(error) { w.Progress.Retries.Add(1) }
		copiers[i] = copier.New(w.source(m), m.Bucket, w.destination(), m.Destination, o)
	}
	keep := func(ctx context.Context, s manifest.Segment, receipts engine.Receipts) error {
		if err := w.keep(ctx, s, receipts, counts); err != nil {
			return err
		}
		diary.settled(s)
		return nil
	}
	run := engine.Copy{
		Crew: crew, Progress: w.Progress,
		Load: diary.load, Held: w.held, Codec: w.codec, Reached: diary.reached,
		History: func(ctx context.Context, s manifest.Segment, h engine.History, give func(receipt.Receipt) error) error {
			return copiers[s.Move].History(ctx, h.Entries, h.Held, h.Known, give)
		},
		Done: keep, Stopped: keep,
	}
	ctx = objectstore.WithThrottled(ctx, crew.Throttled)
	for run.Segments = range w.bySource(missing) {
		crew.Serve(objectstore.AddressOf(w.source(w.plan.Moves[run.Segments[0].Move])), objectstore.AddressOf(w.destination()))
		if err := run.Run(ctx); err != nil {
			return err
		}
	}
	return nil
}

// bySource yields segments in the order in which they are, those that lie side by
// side and come from one service together.
func (w *work) bySource(segments []manifest.Segment) iter.Seq[[]manifest.Segment] {
	address := func(s manifest.Segment) string { return objectstore.AddressOf(w.source(w.plan.Moves[s.Move])) }
	return func(yield func([]manifest.Segment) bool) {
		for from := 0; from < len(segments); {
			to := from + 1
			for to < len(segments) && (segments[to].Move == segments[from].Move || address(segments[to]) == address(segments[from])) {
				to++
			}
			if !yield(segments[from:to]) {
				return
			}
			from = to
		}
	}
}

// copyOptions are those of a move that its plan says.
func (w *work) copyOptions(m Move) copier.Options {
	return copier.Options{
		Versioning: m.Versioning, Readback: w.plan.Verify == "readback", Locked: m.Lock, Summed: locks(m), KMSKey: w.plan.KMSKey,
		KMSDefault: w.plan.kmsDefault(m), Retention: w.retentionDefault(m), AnyClass: w.plan.AnyClass, Opaque: w.opaque(m), ACLs: m.ACLs, Redirects: m.Redirects,
		Settling: w.settling[m.Destination],
		Accounts: m.Source.Provider == w.plan.Destination.Provider, Now: w.Now, Sleep: w.Sleep, Random: w.Random,
	}
}

// locks tells whether a move's destination has object lock, where each body needs a
// checksum that its header names (Amazon S3 API Reference, "PutObject", Content-MD5).
func locks(m Move) bool { return m.Lock || m.Found != nil && m.Found.ObjectLock != nil }

// keep stores a segment's receipts, and counts them if counts are wanted.
func (w *work) keep(ctx context.Context, s manifest.Segment, receipts engine.Receipts, counts *tally) error {
	counted := newResult(w.plan)
	before, err := w.heldBefore(ctx, s)
	if err != nil {
		return err
	}
	file, err := receipt.WriteReceipts(w.codec, s)
	if err != nil {
		return err
	}
	for r, err := range receipts {
		if err != nil {
			return err
		}
		before.mark(r)
		counted.count(r, w.plan.Moves[s.Move].Way)
		if err := file.Add(r); err != nil {
			return err
		}
	}
	data, err := file.Close()
	if err != nil {
		return err
	}
	if err := w.Home.Put(ctx, w.file(s, "receipts"), data); err != nil {
		return err
	}
	if counts != nil {
		counts.keep(s, counted)
	}
	return nil
}

// held lists the destination from a segment's first key on.
func (w *work) held(ctx context.Context, s manifest.Segment) histories {
	m := w.plan.Moves[s.Move]
	return objectstore.Histories(listable(w.destination().Versions(ctx, m.Destination, m.Prefix, w.before(s))))
}

// before is the last key of the segment before this one, empty if it is its
// move's first.
func (w *work) before(s manifest.Segment) string {
	if s.Number > 1 && w.pass.Segments[s.Number-2].Move == s.Move {
		return string(w.pass.Segments[s.Number-2].LastKey)
	}
	return ""
}

// missing returns the segments that have no receipts, or some that are not
// verified; those are tried again.
func (w *work) missing(ctx context.Context) ([]manifest.Segment, error) {
	if err := w.tagsKnown(ctx); err != nil {
		return nil, err
	}
	var missing []manifest.Segment
	for _, s := range w.pass.Segments {
		data, err := w.Home.Get(ctx, w.file(s, "receipts"))
		if errors.Is(err, state.ErrNotFound) {
			missing = append(missing, s)
			continue
		}
		if err != nil {
			return nil, err
		}
		h, err := state.DecodeHeaderBy(w.codec, s.File("receipts"), receipt.Schema, data)
		if err != nil {
			return nil, err
		}
		if h.Entries != s.Entries || h.Counts[string(receipt.Verified)] != s.Entries {
			missing = append(missing, s)
		}
	}
	return missing, nil
}

// tally is what receipts were counted as they were written, so that they need
// not be read again for it.
type tally struct {
	mu     sync.Mutex
	result *Result
	of     map[int]bool // segments, by number
}

// keep takes the count of a segment whose entries are all verified. Others are
// left for whoever reads them in order, and so names the same problems every time.
func (t *tally) keep(s manifest.Segment, counted *Result) {
	if counted.Verdicts[string(receipt.Verified)] != counted.Entries {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.of[s.Number] = true
	t.result.add(counted)
}

// count counts all receipts of the pass: those of counted segments are known,
// the others are read.
func (w *work) count(ctx context.Context, counted *tally) error {
	w.result.recount()
	w.result.add(counted.result)
	w.Progress.Entries.Add(counted.result.Entries)
	for _, s := range w.pass.Segments {
		if counted.of[s.Number] {
			continue
		}
		t, err := w.follow(ctx, s, withReceipts)
		if err != nil {
			return err
		}
		for x := t.next(); x != nil; x = t.next() {
			w.result.count(&x.receipt, w.plan.Moves[s.Move].Way)
		}
		t.close()
		if t.err != nil {
			return t.err
		}
		w.Progress.Entries.Add(int64(s.Entries))
	}
	return nil
}
