package migrate

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/engine"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/state"
)

// Undone is what an abort came to.
type Undone struct {
	Schema   string    `json:"schema"`
	Plan     string    `json:"plan"`
	Removed  int64     `json:"removed"`         // entries that the plan had written
	Kept     int64     `json:"kept"`            // entries that were there before it
	Left     int64     `json:"left"`            // entries that could not be removed
	Unknown  int64     `json:"without_receipt"` // entries of segments that were never finished
	Uploads  int64     `json:"uploads_aborted"` // unfinished uploads of the plan's keys
	Problems []Problem `json:"problems"`        // the first of what is left
}

// ErrErasing reports that a plan has begun to erase its source: what it wrote is
// the only copy of what is gone.
var ErrErasing = errors.New("the source is being erased already; what was copied must stay")

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
	w := &work{Runner: r, plan: p, result: newResult(p), retained: make(map[string]retention)}
	var gate gateRecord
	err := getJSON(ctx, w.Home, w.name(gateFile), &gate)
	if err == nil {
		return nil, ErrErasing
	}
	if !errors.Is(err, state.ErrNotFound) {
		return nil, err
	}
	u := &Undone{Schema: "residency/abort/1", Plan: p.ID}
	w.Progress.Begin("removing", p.Totals.Entries, 0)
	for _, s := range p.Segments {
		if err := w.undo(ctx, s, u); err != nil {
			return u, fmt.Errorf("remove segment %d: %w", s.Number, err)
		}
	}
	u.Problems = w.result.Problems
	if u.Left > 0 {
		return u, fmt.Errorf("%w: %d entries could not be removed", ErrPartial, u.Left)
	}
	// As if it had never been started.
	return u, putJSON(ctx, w.Home, w.name(startedFile), startRecord{Schema: "residency/started/1"})
}

// undo takes away what one segment's receipts say was written.
func (w *work) undo(ctx context.Context, s manifest.Segment, u *Undone) error {
	m := w.plan.Moves[s.Move]
	destination := w.destination()
	entries, receipts, err := w.receipts(ctx, s)
	if errors.Is(err, state.ErrNotFound) {
		u.Unknown += int64(s.Entries)
		return w.undoUploads(ctx, m, s, u)
	}
	if err != nil {
		return err
	}
	var written []manifest.Entry
	var places []int // of what was written, in the segment
	for i, r := range receipts {
		switch {
		case r.Held:
			u.Kept++
		case r.DestinationVersionID != "":
			written = append(written, manifest.Entry{Key: r.Key, VersionID: r.DestinationVersionID, ETag: r.DestinationETag, Size: r.Size, Marker: r.Marker})
			places = append(places, i)
		}
	}
	eraser := engine.Eraser{
		Source: destination, Bucket: m.Destination, Versioning: m.Versioning, Workers: cmp.Or(w.Workers, DefaultWorkers), Now: w.Now, Progress: w.Progress,
	}
	erasures, err := eraser.Segment(ctx, written)
	if err != nil {
		return err
	}
	for j, x := range erasures {
		switch x.Outcome {
		case receipt.Erased, receipt.Gone:
			u.Removed++
			i := places[j]
			receipts[i] = receipt.Receipt{Key: entries[i].Key, VersionID: entries[i].VersionID, Marker: entries[i].Marker, Size: entries[i].Size,
				Verdict: receipt.Failed, Reason: "removed when the plan was aborted", At: w.Now().UTC()}
		default:
			u.Left++
			w.result.problem(Problem{Location: w.plan.To(m).String(), Key: x.Key, VersionID: x.VersionID, What: string(x.Outcome), Reason: x.Reason})
		}
	}
	if len(written) == 0 {
		return w.undoUploads(ctx, m, s, u)
	}
	data, err := receipt.Encode(s, receipts)
	if err != nil {
		return err
	}
	if err := w.Home.Put(ctx, w.name(s.File("receipts")), data); err != nil {
		return err
	}
	return w.undoUploads(ctx, m, s, u)
}

// undoUploads aborts unfinished uploads of a segment's keys: only a run of this
// plan that died can have left them.
func (w *work) undoUploads(ctx context.Context, m Move, s manifest.Segment, u *Undone) error {
	destination := w.destination()
	for x, err := range destination.Uploads(ctx, m.Destination, m.Prefix) {
		if errors.Is(err, objectstore.ErrNotFound) {
			return nil // the bucket was never created
		}
		if err != nil {
			return err
		}
		if x.Key < string(s.FirstKey) || x.Key > string(s.LastKey) {
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
