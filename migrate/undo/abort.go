// Package undo takes back what a plan wrote at its destination, and nothing else.
package undo

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/residency/residency/inventory"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/changes"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/probe"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/record"
	"github.com/residency/residency/migrate/reserve"
	"github.com/residency/residency/migrate/segment"
	"github.com/residency/residency/migrate/state"
	"github.com/residency/residency/migrate/writeblock"
)

// Undone is what an abort came to.
type Undone struct {
	Schema string `json:"schema"`
	Plan   string `json:"plan"`
	// Configuration is the file that was in force.
	Configuration inventory.Configuration `json:"configuration"`
	Removed       int64                   `json:"removed"` // entries that the plan had written
	// copies that stay, for the source does not show their originals any more
	Orphans int64 `json:"originals_gone"`
	// entries that were found there, and are not known to be its own, or no longer; and what lies beneath them
	Kept     int64 `json:"kept"`
	Left     int64 `json:"left"`            // entries that could not be removed
	Retained int64 `json:"retained"`        // those of them that are under a lock
	Unknown  int64 `json:"without_receipt"` // entries of segments that were never finished
	Uploads  int64 `json:"uploads_aborted"` // unfinished uploads of the plan's keys
	// keys with entries that were found there, none of which is current any more: the service takes no deletion back
	Hidden int64  `json:"look_deleted"`
	Fence  string `json:"fence,omitempty"` // "lifted" if there was one
	// Deleted are entries that were deleted there, by whomever, and that the service keeps, until when if it
	// tells; null: who aborts may not see that
	Deleted  *int64         `json:"deleted_and_kept"`
	Until    *time.Time     `json:"kept_until"`
	Problems phase.Problems `json:"problems"` // the first of what is left
	// Stays is what a listing shows in buckets that the plan made, or to which a run that did not end may have
	// written, whatever is known of it.
	Stays []Stay `json:"stays"`
}

// ErrErasing reports that a plan has begun to erase its source: what it wrote is
// the only copy of what is gone.
var ErrErasing = errors.New("the erase of the source has begun; the copies must stay")

// Deps are what an abort works with, besides the run.
type Deps struct {
	Reservation *reserve.Reservation
	Probes      *probe.Prober
	Changes     *changes.Check
	// Configuration is the file that is in force.
	Configuration inventory.Configuration
}

// Abort takes away what the plan wrote at the destination, by the version IDs and ETags of
// its receipts, and nothing else. ErrErasing if the source may have been touched.
func Abort(ctx context.Context, run *phase.Run, d Deps) (*Undone, error) {
	if erasing, err := run.Erasing(ctx); err != nil || erasing {
		return nil, cmp.Or(err, ErrErasing)
	}
	record, err := writeblock.Read(ctx, run)
	if err != nil {
		return nil, err
	}
	if record.Schema != "" {
		if err := writeblock.DropProbes(ctx, run); err != nil {
			return nil, err
		}
	}
	started, err := run.Started(ctx)
	if err != nil {
		return nil, err
	}
	a := &undoing{deps: d, run: run, started: started.At}
	started.Aborting = true
	if err := run.SaveStart(ctx, started); err != nil {
		return nil, err
	}
	u := &Undone{Schema: "residency/abort/1", Plan: run.Plan.ID, Configuration: d.Configuration, Stays: []Stay{}}
	err = d.Reservation.Hold(ctx, func(ctx context.Context) error { return a.undoAll(ctx, u, record) })
	if errors.Is(err, state.ErrLeased) || errors.Is(err, state.ErrLeaseLost) || errors.Is(err, reserve.ErrCoupled) {
		return nil, err // nothing was looked at
	}
	return u, err
}

// undoing is an abort under way.
type undoing struct {
	deps     Deps
	run      *phase.Run
	started  time.Time
	problems phase.Problems
	failed   receipt.Failures // of removals
	// beneath are the plan's copies that an abort leaves.
	beneath map[objectstore.Ref]bool
	// orphans are those of them whose originals the source does not show.
	orphans map[objectstore.Ref]bool
	// hidden are the keys that look deleted and were found there, without version IDs.
	hidden map[objectstore.Ref]bool
	// unnamed tells that the destination was seen to have, of an entry without a copy on record, what no receipt names.
	unnamed bool
	// known is what keepsStale has read last of each pass.
	known map[*record.Pass]*shownIn
}

// undoAll takes back all passes and lifts the fence.
func (a *undoing) undoAll(ctx context.Context, u *Undone, block writeblock.Record) error {
	a.beneath, a.orphans = make(map[objectstore.Ref]bool), make(map[objectstore.Ref]bool)
	a.hidden, a.known = make(map[objectstore.Ref]bool), make(map[*record.Pass]*shownIn)
	a.run.Progress.Begin("removing copies", a.run.Totals().Entries, 0)
	// The last pass's receipts name all that was written and not removed since;
	// those of the passes before are corrected.
	for i := len(a.run.Passes) - 1; i >= 0; i-- {
		a.run.Pass = a.run.Passes[i]
		if err := a.undoPass(ctx, u); err != nil {
			return fmt.Errorf("pass %d: %w", a.run.Pass.Number, err)
		}
	}
	u.Problems = append(phase.Problems{}, a.problems...)
	var left error
	if u.Left > 0 {
		left = phase.Failed(a.failed, "%s could not be removed", phase.Entries(u.Left))
	}
	if u.Left > u.Retained { // a lock can last for years, anything else is worth another try
		return left
	}
	// The last first: a pass counts only if all before it do.
	for _, pass := range slices.Backward(a.run.Passes[1:]) {
		pass.Undone = true
		if err := state.PutJSON(ctx, a.run.Home, a.run.Name(pass.Dir()+record.PassFile), pass); err != nil {
			return err
		}
	}
	fenced := len(block.Buckets) > 0
	var err error
	if fenced {
		err = writeblock.Lift(ctx, a.run, block)
	} else {
		fenced, err = writeblock.LiftForgotten(ctx, a.run)
	}
	if err != nil {
		return err
	}
	if fenced {
		u.Fence = "lifted"
	}
	if err := a.deps.Probes.DropAll(ctx); err != nil {
		return err
	}
	if u.Stays, err = a.stays(ctx, u.Unknown > 0 || a.unnamed); err != nil {
		return err
	}
	if err := a.deleted(ctx, u); err != nil {
		return err
	}
	// As if it had never been started, but for the word that it was.
	if err := a.run.SaveStart(ctx, record.Start{Aborted: a.run.Now().UTC()}); err != nil {
		return err
	}
	if err := a.deps.Reservation.End(ctx); err != nil {
		return err
	}
	if left == nil && u.Orphans > 0 {
		left = fmt.Errorf("%w: %d copies stay, because their originals are no longer at the source", changes.ErrUnexplained,
			u.Orphans)
	}
	if left == nil {
		left = stay(u.Stays)
	}
	return u.withHidden(left)
}

// undoPass takes away what one pass wrote.
func (a *undoing) undoPass(ctx context.Context, u *Undone) error {
	left, err := segment.Resume(ctx, a.run, a.started)
	if err != nil {
		return err
	}
	// Where others may rely on them, outdated copies stay, as those do whose
	// originals are gone.
	if ok, err := a.deps.Reservation.Unbroken(ctx); err != nil {
		return err
	} else if ok {
		stays, err := a.deps.Changes.RemoveStale(ctx, a.keepsStale)
		a.problems.Append(stays)
		if err != nil {
			return err
		}
	}
	for _, s := range a.run.Pass.Segments {
		if err := a.undo(ctx, s, u); err != nil {
			return fmt.Errorf("remove segment %d: %w", s.Number, err)
		}
	}
	return left.Remove(ctx, a.run)
}

// undo takes away what one segment's receipts say was written.
func (a *undoing) undo(ctx context.Context, s manifest.Segment, u *Undone) error {
	m := a.run.Plan.Moves[s.Move]
	r, err := a.run.Load(ctx, s, record.WithReceipts)
	if errors.Is(err, state.ErrNotFound) {
		if !a.started.IsZero() {
			u.Unknown += int64(s.Entries)
		}
		return a.undoUploads(ctx, m, s, u)
	}
	if err != nil {
		return err
	}
	present, err := a.present(ctx, s, r)
	if err != nil {
		return err
	}
	var copies listing // listed only where an original is gone, or something failed
	if slices.Contains(present, false) || slices.ContainsFunc(r.Receipts, unrecorded) {
		if copies, err = a.listed(ctx, a.run.Destination(), m.Destination, m.Prefix, s); err != nil {
			return err
		}
	}
	a.findBeneath(m, r, present, copies)
	var written []manifest.Entry
	var places []int // of what was written, in the segment
	for i, x := range r.Receipts {
		switch {
		case x.Ours() && !present[i]:
			// Any pass can be the last to know of it.
			if _, there := copies[x.Key][x.DestinationVersionID]; there && !a.orphans[copyOf(m, x)] {
				a.orphans[copyOf(m, x)] = true
				u.Orphans++
			}
		case x.Before || x.Held || a.beneath[copyOf(m, x)]:
			if a.run.Pass == a.run.Passes[len(a.run.Passes)-1] {
				u.Kept++
			}
		case x.Reason == receipt.NotYet:
			u.Unknown++
		case x.Ours():
			written, places = append(written, x.Written()), append(places, i)
		}
	}
	shown := a.shownBefore(r.Receipts)
	if len(written) > 0 {
		if err := a.remove(ctx, s, r, written, places, u); err != nil {
			return err
		}
	}
	if err := a.lookDeleted(ctx, s, shown, u); err != nil {
		return err
	}
	return a.undoUploads(ctx, m, s, u)
}

// present tells, by place in a segment, whether the source still shows the original as it
// was copied.
func (a *undoing) present(ctx context.Context, s manifest.Segment, r record.Joined) ([]bool, error) {
	m := a.run.Plan.Moves[s.Move]
	originals, err := a.listed(ctx, a.run.Source(m), m.Bucket, m.Prefix, s)
	if err != nil {
		return nil, err
	}
	present := make([]bool, len(r.Entries))
	for i, e := range r.Entries {
		x, ok := originals[e.Key][e.VersionID]
		if present[i] = ok && x.Same(e); !present[i] || !r.Receipts[i].Ours() {
			continue
		}
		if present[i], err = a.deps.Changes.Stands(ctx, s.Move, e, x, r.Receipts[i]); err != nil {
			return nil, err
		}
	}
	return present, nil
}

// remove takes away what was written of a segment, whose receipts are those at the same
// places, and stores receipts that say so.
func (a *undoing) remove(
	ctx context.Context, s manifest.Segment, r record.Joined, written []manifest.Entry, places []int, u *Undone,
) error {
	m := a.run.Plan.Moves[s.Move]
	e, err := phase.DestinationEraser(ctx, a.run, m)
	if err != nil {
		return err
	}
	erasures, err := e.Segment(ctx, written)
	if err != nil {
		return err
	}
	for j, x := range erasures {
		if objectstore.IsMarkerOf(x.VersionID) && x.Outcome == receipt.Unerased && x.Lasting {
			x.Outcome = receipt.Changed // none is taken away alone; lookDeleted names it
		}
		if x.Outcome != receipt.Changed && !x.Done() {
			u.Left++
			if x.Outcome == receipt.Retained {
				u.Retained++
			} else {
				a.failed.Add(x.Lasting, x.Cause)
			}
			a.problems.Add(phase.Problem{Location: a.run.Plan.To(m).String(), Key: x.Key, VersionID: x.VersionID,
				What: string(x.Outcome), Reason: x.Reason})
			continue
		}
		switch {
		case a.run.Pass != a.run.Passes[len(a.run.Passes)-1]:
		case x.Outcome == receipt.Changed:
			u.Kept++ // somebody has written over it
		default:
			u.Removed++
		}
		entry := r.Entries[places[j]]
		r.Receipts[places[j]] = receipt.Receipt{Key: entry.Key, VersionID: entry.VersionID, Marker: entry.Marker,
			Size: entry.Size, Verdict: receipt.Failed, Reason: "removed when the plan was aborted", At: a.run.Now().UTC()}
	}
	data, err := receipt.Encode(a.run.Codec, s, r.Receipts)
	if err != nil {
		return err
	}
	return a.run.Home.Put(ctx, a.run.File(s, "receipts"), data)
}

// findBeneath notes which copies of the plan lie beneath one that was found, as
// a write whose answer was lost leaves it, or beneath one that no receipt names and a
// listing shows, of a run that ended within the history. Without them
// the history would have a gap, and no run could go on with it. There are as many
// as that happened to. Where the service makes nothing current by itself, they are all
// copies above what was there before, if they end with a version.
func (a *undoing) findBeneath(m plan.Move, r record.Joined, present []bool, copies listing) {
	unnamed := unnamedKeys(m, r, copies)
	a.unnamed = a.unnamed || len(unnamed) > 0
	found := false
	for i, x := range slices.Backward(r.Receipts) {
		if i+1 == len(r.Receipts) || r.Receipts[i+1].Key != x.Key {
			found = a.trailing() && covers(historyOf(r.Receipts, i))
		}
		if found && x.Ours() {
			a.beneath[copyOf(m, x)] = true
		}
		found = found || x.Before || x.Held || x.Ours() && !present[i] || unrecorded(x) && unnamed[x.Key]
	}
}

// unnamedKeys are the keys with an entry that has no copy on record, and of which a listing shows what no receipt
// names.
func unnamedKeys(m plan.Move, r record.Joined, copies listing) map[manifest.Key]bool {
	recorded := make(map[objectstore.Ref]bool)
	for _, x := range r.Receipts {
		recorded[copyOf(m, x)] = true
	}
	unnamed := make(map[manifest.Key]bool)
	for _, x := range r.Receipts {
		if !unrecorded(x) {
			continue
		}
		for id := range copies[x.Key] {
			if !recorded[objectstore.Ref{Bucket: m.Destination, Key: string(x.Key), VersionID: id}] {
				unnamed[x.Key] = true
			}
		}
	}
	return unnamed
}

// unrecorded tells of an entry whose copy, if there is one, no receipt knows.
func unrecorded(x receipt.Receipt) bool {
	return x.Verdict == receipt.Failed && x.DestinationVersionID == ""
}

// listing is what a part of a bucket holds, by key and version ID.
type listing map[manifest.Key]map[string]manifest.Entry

// listed lists one end of a move from a segment's first key to its last.
func (a *undoing) listed(
	ctx context.Context, store objectstore.Store, bucket, prefix string, s manifest.Segment,
) (listing, error) {
	there := make(listing)
	for v, err := range plan.Listable(store.Versions(ctx, bucket, prefix, a.run.Pass.Before(s))) {
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

func copyOf(m plan.Move, x receipt.Receipt) objectstore.Ref {
	return objectstore.Ref{Bucket: m.Destination, Key: string(x.Key), VersionID: x.DestinationVersionID}
}

// undoUploads aborts unfinished uploads of a segment's keys: only a run of this
// plan that died can have left them.
func (a *undoing) undoUploads(ctx context.Context, m plan.Move, s manifest.Segment, u *Undone) error {
	destination := a.run.Destination()
	marks, err := a.deps.Reservation.Marks(ctx)
	if err != nil {
		return err
	}
	for x, err := range plan.Listable(destination.Uploads(ctx, m.Destination, m.Prefix)) {
		if errors.Is(err, objectstore.ErrNotFound) {
			return nil // the bucket was never created
		}
		if err != nil {
			return err
		}
		if x.Key < string(s.FirstKey) || x.Key > string(s.LastKey) || x.UploadID == marks[m.Destination] {
			continue
		}
		entries, err := a.run.Entries(ctx, s)
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
