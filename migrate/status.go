package migrate

import (
	"context"
	"errors"
	"time"

	"github.com/residency/residency/inventory"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/state"
)

// Stage is how far a plan has come.
type Stage string

// The stages in order.
const (
	Planned   Stage = "planned"
	Blocked   Stage = "blocked" // the plan has blockers
	Copying   Stage = "copying" // started; some segments are not verified
	Copied    Stage = "copied"  // all verified; nothing erased
	Erasing   Stage = "erasing"
	Certified Stage = "certified"  // done, the source is empty
	Aborting  Stage = "aborting"   // an abort has begun and not ended
	Aborted   Stage = "aborted"    // what it wrote was taken back; it can be run again
	Remaining Stage = "incomplete" // erased as far as it went; something is left
	Damaged   Stage = "damaged"    // its files in the state cannot be read, so that nothing is known
)

// Status is how a plan stands.
type Status struct {
	Schema   string `json:"schema"`
	Plan     string `json:"plan"`
	Digest   string `json:"plan_sha256"`
	Customer string `json:"customer"`

	// Configuration is the file that was in force.
	Configuration inventory.Configuration `json:"configuration"`

	Destination    string             `json:"destination"`
	Stage          Stage              `json:"stage"`
	Created        time.Time          `json:"created"`
	Certified      time.Time          `json:"certified,omitzero"` // when the last certificate was written
	Aborted        time.Time          `json:"aborted,omitzero"`   // when it was, unless it was started again since
	Entries        int64              `json:"entries"`
	Bytes          int64              `json:"bytes"`
	Passes         int                `json:"passes"` // listings of the source that are carried, with the plan's
	New            int64              `json:"new"`    // entries that later listings showed first
	Gone           int64              `json:"gone"`   // entries that later listings did not show any more
	EraseBegun     bool               `json:"erase_begun"`
	Segments       int                `json:"segments"`
	SegmentsCopied int                `json:"segments_verified"`
	SegmentsErased int                `json:"segments_erased"`
	EntriesCopied  int64              `json:"entries_verified"`
	Verdicts       map[string]int64   `json:"verdicts"`
	Blockers       []plan.Issue       `json:"blockers"`
	Left           []certificate.Left `json:"left"`

	Moves []plan.Totals `json:"-"` // of the last listing that is carried, by move
}

// Status reads how a plan stands from the state alone; it asks no store.
func (r *Runner) Status(ctx context.Context, p *plan.Plan) (*Status, error) {
	w, err := r.open(ctx, p)
	if err != nil {
		return nil, err
	}
	total := w.run.Totals()
	s := &Status{
		Schema: "residency/status/1", Plan: p.ID, Digest: p.Digest, Customer: p.Customer, Destination: p.Destination.String(),
		Stage: Planned, Created: p.Created, Entries: total.Entries, Bytes: total.Bytes, Passes: w.run.Pass.Number,
		Segments:      len(w.run.Pass.Segments),
		Configuration: r.Configuration, Verdicts: map[string]int64{}, Blockers: p.Blockers, Left: []certificate.Left{},
	}
	if err := progressOf(ctx, w.run, s); err != nil {
		return nil, err
	}
	s.Moves = w.run.Pass.Moves
	for _, pass := range w.run.Passes[min(1, len(w.run.Passes)):] {
		if !pass.Undone {
			s.New, s.Gone = s.New+pass.New, s.Gone+pass.Gone
		}
	}
	started, err := w.run.Started(ctx)
	if err != nil {
		return nil, err
	}
	erasing, err := w.run.Erasing(ctx)
	if err != nil {
		return nil, err
	}
	s.EraseBegun = s.EraseBegun || erasing
	var c certificate.Certificate
	certErr := w.run.Certificate(ctx, &c)
	if certErr != nil && !errors.Is(certErr, state.ErrNotFound) {
		return nil, certErr
	}
	if certErr == nil {
		s.Certified = c.Finished
	}
	if started.At.IsZero() {
		s.Aborted = started.Aborted
	}
	switch {
	case certErr == nil && c.SourceEmpty:
		s.Stage = Certified
	case certErr == nil:
		s.Stage, s.Left = Remaining, c.Left
	case erasing:
		s.Stage = Erasing
	case len(p.Blockers) > 0:
		s.Stage = Blocked
	case started.Aborting:
		s.Stage = Aborting
	case !s.Aborted.IsZero():
		s.Stage = Aborted
	case started.At.IsZero():
	case s.SegmentsCopied == s.Segments:
		s.Stage = Copied
	default:
		s.Stage = Copying
	}
	return s, nil
}

// progressOf counts segments by their files' headers.
func progressOf(ctx context.Context, run *phase.Run, s *Status) error {
	for _, seg := range run.Pass.Segments {
		for _, kind := range []struct{ dir, schema string }{{"receipts", receipt.Schema},
			{"erasures", receipt.ErasureSchema}} {
			data, err := run.Home.Get(ctx, run.File(seg, kind.dir))
			if errors.Is(err, state.ErrNotFound) {
				continue
			}
			if err != nil {
				return err
			}
			h, err := state.DecodeHeaderBy(run.Codec, seg.File(kind.dir), kind.schema, data)
			if err != nil {
				return err
			}
			if kind.dir == "erasures" {
				s.EraseBegun = true
				if h.Counts[string(receipt.Erased)]+h.Counts[string(receipt.Gone)] == seg.Entries {
					s.SegmentsErased++
				}
				continue
			}
			for verdict, n := range h.Counts {
				s.Verdicts[verdict] += int64(n)
			}
			verified := h.Counts[string(receipt.Verified)]
			s.EntriesCopied += int64(verified)
			if verified == seg.Entries {
				s.SegmentsCopied++
			}
		}
	}
	return nil
}
