package migrate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/state"
)

// Undone is what an abort came to.
type Undone struct {
	Schema   string    `json:"schema"`
	Plan     string    `json:"plan"`
	Removed  int64     `json:"removed"`         // entries that the plan had written
	Orphans  int64     `json:"originals_gone"`  // copies that stay, for the source does not show their originals any more
	Kept     int64     `json:"kept"`            // entries that were found there, and are not known to be its own, or no longer; and what lies beneath them
	Left     int64     `json:"left"`            // entries that could not be removed
	Retained int64     `json:"retained"`        // those of them that are under a lock
	Unknown  int64     `json:"without_receipt"` // entries of segments that were never finished
	Uploads  int64     `json:"uploads_aborted"` // unfinished uploads of the plan's keys
	Fence    string    `json:"fence,omitempty"` // "lifted" if there was one
	Problems []Problem `json:"problems"`        // the first of what is left
}

// ErrErasing reports that a plan has begun to erase its source: what it wrote is
// the only copy of what is gone.
var ErrErasing = errors.New("the source is being erased already; what was copied must stay")

// ErrAborting reports that an abort of the plan has begun and not ended: a
// history may have lost its beginning, which no run could go on with.
var ErrAborting = errors.New("an abort of this plan has begun and not ended; give it again")

// Abort takes away what the plan wrote at the destination, by the version IDs
// and ETags of its receipts, and nothing else. ErrErasing if the source may have
// been touched. The plan can be run again afterwards.
func (r *Runner) Abort(ctx context.Context, p *Plan) (*Undone, error) {
	var undone *Undone
	_, err := r.leased(ctx, p, func(ctx context.Context) (_ *Result, err error) {
		undone, err = r.abort(ctx, p)
		return nil, err
	})
	return undone, err
}

func (r *Runner) abort(ctx context.Context, p *Plan) (*Undone, error) {
	w, err := r.open(ctx, p)
	if err != nil {
		return nil, err
	}
	if err := w.sameEnds(ctx); err != nil {
		return nil, err
	}
	if erasing, err := w.erasing(ctx); err != nil || erasing {
		return nil, cmp.Or(err, ErrErasing)
	}
	record, err := w.fenceRecord(ctx)
	if err != nil {
		return nil, err
	}
	if record.Schema != "" {
		if err := w.dropProbes(ctx); err != nil {
			return nil, err
		}
	}
	started, err := w.started(ctx)
	if err != nil {
		return nil, err
	}
	w.result.Started = started.At
	started.Aborting = true
	if err := w.saveStart(ctx, started); err != nil {
		return nil, err
	}
	u := &Undone{Schema: "residency/abort/1", Plan: p.ID}
	err = w.reserved(ctx, func(ctx context.Context) error { return w.undoAll(ctx, u, record) })
	if errors.Is(err, state.ErrLeased) || errors.Is(err, state.ErrLeaseLost) || errors.Is(err, ErrCoupled) {
		return nil, err // nothing was looked at
	}
	return u, err
}

// undoAll takes back all passes and lifts the fence.
func (w *work) undoAll(ctx context.Context, u *Undone, record fenceRecord) error {
	w.beneath, w.orphans = make(map[objectstore.Ref]bool), make(map[objectstore.Ref]bool)
	w.Progress.Begin("removing", w.totals().Entries, 0)
	// The last pass's receipts name all that was written and not removed since;
	// those of the passes before are corrected.
	for i := len(w.passes) - 1; i >= 0; i-- {
		w.pass = w.passes[i]
		if err := w.undoPass(ctx, u); err != nil {
			return fmt.Errorf("pass %d: %w", w.pass.Number, err)
		}
	}
	u.Problems = w.result.Problems
	var left error
	if u.Left > 0 {
		left = partial(u.Left-u.Retained, w.result.unerasable, "%d entries could not be removed", u.Left)
	}
	if u.Left > u.Retained { // a lock can last for years, anything else is worth another try
		return left
	}
	// The last first: a pass counts only if all before it do.
	for _, pass := range slices.Backward(w.passes[1:]) {
		pass.Undone = true
		if err := putJSON(ctx, w.Home, w.name(pass.dir()+passFile), pass); err != nil {
			return err
		}
	}
	fenced := len(record.Buckets) > 0
	var err error
	if fenced {
		err = w.liftFence(ctx, record)
	} else {
		fenced, err = w.liftForgotten(ctx)
	}
	if err != nil {
		return err
	}
	if fenced {
		u.Fence = "lifted"
	}
	if err := w.dropAllProbes(ctx); err != nil {
		return err
	}
	// As if it had never been started.
	if err := w.saveStart(ctx, startRecord{}); err != nil {
		return err
	}
	if err := w.forgetTags(ctx); err != nil {
		return err
	}
	if err := w.unreserve(ctx); err != nil {
		return err
	}
	if left == nil && u.Orphans > 0 {
		left = fmt.Errorf("%w: %d copies stay, for their originals are not at the source any more", ErrUnexplained, u.Orphans)
	}
	return left
}

// undoPass takes away what one pass wrote.
func (w *work) undoPass(ctx context.Context, u *Undone) error {
	before, err := w.fold(ctx)
	if err != nil {
		return err
	}
	// Where others may rely on them, outdated copies stay, as those do whose
	// originals are gone.
	if ok, err := w.unbroken(ctx); err != nil {
		return err
	} else if ok {
		if err := w.removeStale(ctx); err != nil {
			return err
		}
	}
	for _, s := range w.pass.Segments {
		if err := w.undo(ctx, s, u); err != nil {
			return fmt.Errorf("remove segment %d: %w", s.Number, err)
		}
	}
	return w.removeJournal(ctx, before.parts)
}

// undo takes away what one segment's receipts say was written.
func (w *work) undo(ctx context.Context, s manifest.Segment, u *Undone) error {
	m := w.plan.Moves[s.Move]
	r, err := w.load(ctx, s, withReceipts)
	if errors.Is(err, state.ErrNotFound) {
		u.Unknown += int64(s.Entries)
		return w.undoUploads(ctx, m, s, u)
	}
	if err != nil {
		return err
	}
	originals, err := w.listed(ctx, w.source(m), m.Bucket, m.Prefix, s)
	if err != nil {
		return err
	}
	var copies listing // listed only where an original is gone, or something failed
	present := func(e manifest.Entry) bool {
		x, ok := originals[e.Key][e.VersionID]
		return ok && x.Same(e)
	}
	if slices.ContainsFunc(r.entries, func(e manifest.Entry) bool { return !present(e) }) || slices.ContainsFunc(r.receipts, failed) {
		if copies, err = w.listed(ctx, w.destination(), m.Destination, m.Prefix, s); err != nil {
			return err
		}
	}
	w.findBeneath(m, r, present, copies)
	var written []manifest.Entry
	var places []int // of what was written, in the segment
	for i, x := range r.receipts {
		switch {
		case x.Ours() && !present(r.entries[i]):
			// Any pass can be the last to know of it.
			if _, there := copies[x.Key][x.DestinationVersionID]; there && !w.orphans[copyOf(m, x)] {
				w.orphans[copyOf(m, x)] = true
				u.Orphans++
			}
		case x.Before || x.Held || w.beneath[copyOf(m, x)]:
			if w.pass == w.passes[len(w.passes)-1] {
				u.Kept++
			}
		case x.Reason == receipt.NotYet:
			u.Unknown++
		case x.Ours():
			written, places = append(written, x.Written()), append(places, i)
		}
	}
	if len(written) == 0 {
		return w.undoUploads(ctx, m, s, u)
	}
	eraser, err := w.destinationEraser(ctx, m)
	if err != nil {
		return err
	}
	erasures, err := eraser.Segment(ctx, written)
	if err != nil {
		return err
	}
	for j, x := range erasures {
		if x.Outcome != receipt.Changed && !x.Done() {
			u.Left++
			switch {
			case x.Outcome == receipt.Retained:
				u.Retained++
			case x.Lasting:
				w.result.unerasable++
			}
			w.result.problem(Problem{Location: w.plan.To(m).String(), Key: x.Key, VersionID: x.VersionID, What: string(x.Outcome), Reason: x.Reason})
			continue
		}
		switch {
		case w.pass != w.passes[len(w.passes)-1]:
		case x.Outcome == receipt.Changed:
			u.Kept++ // somebody has written over it
		default:
			u.Removed++
		}
		e := r.entries[places[j]]
		r.receipts[places[j]] = receipt.Receipt{Key: e.Key, VersionID: e.VersionID, Marker: e.Marker, Size: e.Size,
			Verdict: receipt.Failed, Reason: "removed when the plan was aborted", At: w.Now().UTC()}
	}
	data, err := receipt.Encode(w.codec, s, r.receipts)
	if err != nil {
		return err
	}
	if err := w.Home.Put(ctx, w.file(s, "receipts"), data); err != nil {
		return err
	}
	return w.undoUploads(ctx, m, s, u)
}

// findBeneath notes which copies of the plan lie beneath one that was found, as
// a write whose answer was lost leaves it, or that may be there unrecorded, of a
// run that ended within the history or could not write its receipts. Without them
// the history would have a gap, and no run could go on with it. There are as many
// as that happened to.
func (w *work) findBeneath(m Move, r records, present func(manifest.Entry) bool, copies listing) {
	recorded := make(map[objectstore.Ref]bool)
	for _, x := range r.receipts {
		recorded[copyOf(m, x)] = true
	}
	found := false
	for i, x := range slices.Backward(r.receipts) {
		if i+1 < len(r.receipts) && r.receipts[i+1].Key != x.Key {
			found = false
		}
		if found && x.Ours() {
			w.beneath[copyOf(m, x)] = true
		}
		found = found || x.Before || x.Held || x.Reason == receipt.NotYet || x.Ours() && !present(r.entries[i])
		for id := range copies[x.Key] {
			found = found || failed(x) && !recorded[objectstore.Ref{Bucket: m.Destination, Key: string(x.Key), VersionID: id}]
		}
	}
}

// failed tells of an entry whose copy, if there is one, no receipt knows.
func failed(x receipt.Receipt) bool {
	return x.Verdict == receipt.Failed && x.DestinationVersionID == ""
}

// listing is what a part of a bucket holds, by key and version ID.
type listing map[manifest.Key]map[string]manifest.Entry

// listed lists one end of a move from a segment's first key to its last.
func (w *work) listed(ctx context.Context, store objectstore.Store, bucket, prefix string, s manifest.Segment) (listing, error) {
	there := make(listing)
	for v, err := range listable(store.Versions(ctx, bucket, prefix, w.before(s))) {
		if errors.Is(err, objectstore.ErrNotFound) {
			break // with the bucket, all that it held is gone
		}
		if err != nil {
			return nil, fmt.Errorf("list %s: %w", bucket, err)
		}
		if v.Key > string(s.LastKey) {
			break
		}
		e := manifest.FromVersion(v)
		if there[e.Key] == nil {
			there[e.Key] = make(map[string]manifest.Entry)
		}
		there[e.Key][e.VersionID] = e
	}
	return there, nil
}

func copyOf(m Move, x receipt.Receipt) objectstore.Ref {
	return objectstore.Ref{Bucket: m.Destination, Key: string(x.Key), VersionID: x.DestinationVersionID}
}

// undoUploads aborts unfinished uploads of a segment's keys: only a run of this
// plan that died can have left them.
func (w *work) undoUploads(ctx context.Context, m Move, s manifest.Segment, u *Undone) error {
	destination := w.destination()
	for x, err := range listable(destination.Uploads(ctx, m.Destination, m.Prefix)) {
		if errors.Is(err, objectstore.ErrNotFound) {
			return nil // the bucket was never created
		}
		if err != nil {
			return err
		}
		if x.Key < string(s.FirstKey) || x.Key > string(s.LastKey) || x.UploadID == w.reservation.Marks[m.Destination] {
			continue
		}
		entries, err := w.entries(ctx, s)
		if err != nil {
			return err
		}
		for history := range manifest.Histories(entries) {
			if string(history[0].Key) != x.Key {
				continue
			}
			if err := destination.AbortUpload(ctx, m.Destination, x.Key, x.UploadID); err != nil {
				return err
			}
			u.Uploads++
		}
	}
	return nil
}
