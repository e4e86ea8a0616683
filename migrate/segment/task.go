// Package segment copies and erases one segment of a plan's manifest: the unit of work, of
// resume, of distribution and of evidence.
//
// A [Task] says which segment, and what was found out about its ends; a [Summary] says in
// numbers what became of it. Both serialize to JSON and hold no object key, so that a task
// can be handed to another process. What that needs besides is [Deps]: the stores, the
// record in the state, a clock, somebody to show progress to. What a segment comes to is in
// its receipts and erasures, in the state, before its summary is returned.
package segment

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/eraser"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/reserve"
)

// Task is one segment to be copied or erased.
type Task struct {
	Plan    string    `json:"plan"` // ID
	Digest  string    `json:"plan_sha256"`
	Started time.Time `json:"started"` // of the plan: one that was aborted and begun anew is another
	Pass    int       `json:"pass"`
	Listed  time.Time `json:"pass_at"` // of the pass: one that was undone had the same number
	Segment int       `json:"segment"`
	// Lease is the token of the run that the task is of. Once another run of the plan has
	// begun, the task is void.
	Lease string `json:"lease_token"`
	// Facts are what a copy, and Trial what an erase, must know of the segment's move.
	Facts Facts `json:"facts,omitzero"`
	Trial Trial `json:"trial,omitzero"`
}

// Facts are what experiments have shown of the ends of a segment's move, and what was
// reserved there, as far as it matters to copies.
type Facts struct {
	Enforced bool `json:"refuses_wrong_sha256"` // the destination refuses bytes that have another SHA-256
	Carries  bool `json:"carries_attributes"`   // the service's own copies have all attributes
	TagsTold bool `json:"tells_tags"`           // the source's answers say how many tags there are
	// Mark is the upload ID of the destination's reservation.
	Mark string `json:"reservation,omitempty"`
	// UnversionedUntil is until when what is written to the destination may get no version ID.
	UnversionedUntil time.Time `json:"unversioned_until,omitzero"`
}

// Trial is what experiments and the first deletions have shown of a segment's move.
type Trial struct {
	// Entries is the most that are erased before the destination is listed again.
	Entries    int                    `json:"entries"`
	Versioning objectstore.Versioning `json:"versioning"` // of the source, by now
	Condition  eraser.Condition       `json:"condition"`  // what a deletion's condition comes to
	// Twins tells that copies of the move have their originals' version IDs, as only a
	// replication gives them.
	Twins bool `json:"twins,omitempty"`
	// Stood and TwinStood tell that the destination was listed, and stood, after a deletion,
	// and after that of an entry whose copy is a twin.
	Stood     bool `json:"stood,omitempty"`
	TwinStood bool `json:"twin_stood,omitempty"`
	// Again tells that deletions which an earlier run was told are done are asked for again.
	Again bool `json:"again,omitempty"`
}

// NewTask is the task of a segment of the run's pass, for the run that has the token.
func NewTask(run *phase.Run, started time.Time, token string, s manifest.Segment) Task {
	return Task{Plan: run.Plan.ID, Digest: run.Plan.Digest, Started: started, Pass: run.Pass.Number, Listed: run.Pass.At,
		Segment: s.Number, Lease: token}
}

// ErrTask reports a task that is not of the record it is to be done by.
var ErrTask = errors.New("the task is of another plan, or of another pass")

// segment finds that of a task, whose run must be the last that has begun. Tasks that begin
// at once ask together.
func (d *Deps) segment(ctx context.Context, t Task) (manifest.Segment, error) {
	run := d.Run
	if t.Plan != run.Plan.ID || t.Digest != run.Plan.Digest || t.Pass != run.Pass.Number ||
		!t.Listed.Equal(run.Pass.At) || t.Segment < 1 || t.Segment > len(run.Pass.Segments) {
		return manifest.Segment{}, fmt.Errorf("%w: segment %d of pass %d of %s", ErrTask, t.Segment, t.Pass, t.Plan)
	}
	_, err, _ := d.asks.Do(t.Lease, func() (any, error) { return nil, reserve.Holds(ctx, run, t.Lease) })
	return run.Pass.Segments[t.Segment-1], err
}

// Summary is what became of a segment, or of several, in numbers.
type Summary struct {
	Entries    int64            `json:"entries"`
	Bytes      int64            `json:"bytes"`
	Held       int64            `json:"already_at_destination"`
	Streamed   int64            `json:"streamed"`
	ServerSide int64            `json:"server_side"`
	Verdicts   map[string]int64 `json:"verdicts"`
	Methods    map[string]int64 `json:"methods"`
	Added      map[string]int64 `json:"added_by_destination"`
	Failed     receipt.Failures `json:"failed,omitzero"`
	// Differing is how many entries the destination held already, and not as the source does.
	Differing int64 `json:"differing,omitempty"`

	Erasures map[string]int64 `json:"erasures,omitempty"` // by what became of entries at the source
	Guards   map[string]int64 `json:"deletion_guards,omitempty"`
	Unerased receipt.Failures `json:"unerased,omitzero"`
	Retained Retained         `json:"retained,omitzero"`
	// Left is how many entries of the source are not erased.
	Left int64 `json:"left,omitempty"`
	// Trial is what the segment's deletions have shown besides what was known.
	Trial Trial `json:"trial,omitzero"`
}

// Retained is what locks keep at the source.
type Retained struct {
	Entries int64     `json:"entries"`
	Until   time.Time `json:"until,omitzero"` // the last to end
	// Hold tells that some are under a legal or event hold, or do not say until when.
	Hold bool `json:"hold,omitempty"`
}

// Merge adds what is kept elsewhere.
func (r *Retained) Merge(other Retained) {
	r.Entries += other.Entries
	r.Hold = r.Hold || other.Hold
	if other.Until.After(r.Until) {
		r.Until = other.Until
	}
}

// CountErasure counts what became of one entry at the source.
func (s *Summary) CountErasure(x *receipt.Erasure) {
	count(&s.Erasures, string(x.Outcome), 1)
	count(&s.Guards, x.Guard, 1)
	switch x.Outcome {
	case receipt.Retained:
		r := Retained{Entries: 1, Hold: x.Until == nil}
		if x.Until != nil {
			r.Until = *x.Until
		}
		s.Retained.Merge(r)
	case receipt.Unerased:
		s.Unerased.Add(x.Lasting, x.Cause)
	}
	if !x.Done() {
		s.Left++
	}
}

// Verified tells whether every entry is.
func (s *Summary) Verified() bool { return s.Verdicts[string(receipt.Verified)] == s.Entries }

// Count counts one receipt. streamed tells that its bytes, if any, passed through this
// machine.
func (s *Summary) Count(r *receipt.Receipt, streamed bool) {
	s.Entries++
	s.Bytes += r.Size
	count(&s.Verdicts, string(r.Verdict), 1)
	if r.Method != "" {
		count(&s.Methods, string(r.Method), 1)
	}
	if r.Held {
		s.Held++
		if r.Verdict == receipt.Mismatch {
			s.Differing++
		}
	}
	for _, name := range r.Added {
		count(&s.Added, name, 1)
	}
	if streamed {
		s.Streamed++
	} else {
		s.ServerSide++
	}
	if r.Verdict == receipt.Failed {
		s.Failed.Add(r.Lasting, r.Cause)
	}
}

// Merge adds what became of other segments.
func (s *Summary) Merge(other Summary) {
	s.Entries += other.Entries
	s.Bytes += other.Bytes
	s.Held += other.Held
	s.Streamed += other.Streamed
	s.ServerSide += other.ServerSide
	s.Failed.Merge(other.Failed)
	s.Unerased.Merge(other.Unerased)
	s.Retained.Merge(other.Retained)
	s.Left += other.Left
	s.Differing += other.Differing
	for _, m := range []struct {
		into *map[string]int64
		from map[string]int64
	}{{&s.Verdicts, other.Verdicts}, {&s.Methods, other.Methods}, {&s.Added, other.Added}, {&s.Erasures, other.Erasures},
		{&s.Guards, other.Guards}} {
		for name, n := range m.from {
			count(m.into, name, n)
		}
	}
}

func count(into *map[string]int64, name string, n int64) {
	if *into == nil {
		*into = make(map[string]int64)
	}
	(*into)[name] += n
}
