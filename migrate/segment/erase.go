package segment

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/eraser"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/record"
	"github.com/residency/residency/migrate/reserve"
)

// chunkEntries is how many entries are erased at a time: as many as the requests
// that an Eraser has under way can name.
const chunkEntries = eraser.BatchesAtOnce * eraser.Batch

// TrialEntries is the most that are erased of a move before its destination is listed
// again, where a probe has shown that its ends are two; without one the first entry goes
// alone.
const TrialEntries = 10

// Replication takes seconds. Where copies have their originals' version IDs, as
// only a replication gives them, what it does with a removal is waited for.
const (
	ReplicaLooks = 6
	ReplicaPause = 2 * time.Second
)

// SpoiledError reports a destination that, after deletions at the source, does not show any
// more all that was proven.
type SpoiledError struct {
	Entries int64
	At      objectstore.Location
}

func (e *SpoiledError) Error() string {
	return fmt.Sprintf("%s of %s are gone", phase.Entries(e.Entries), e.At)
}

// Erase deletes a segment's entries at the source, the very versions that were proven, and
// stores what became of each. It is for whoever has passed the gate: entries are taken to
// be proven. Before any is asked for, that is written down, and the destination's
// reservation is renewed; after the first deletions of a move, and the first of what a
// replication has copied, the destination is listed, and must still show all copies.
//
// The trial of the task is for its move; that of the summary is for the next segment of the
// move. Entries that could not be erased are no error; the summary counts them. With an
// error, a SpoiledError or one that means that the run must stop, it counts what was done.
func Erase(ctx context.Context, d *Deps, t Task) (Summary, error) {
	s, err := d.segment(ctx, t)
	if err != nil {
		return Summary{}, err
	}
	e := erasing{Deps: d, task: t, segment: s, move: d.Run.Plan.Moves[s.Move], eraser: d.eraser(s.Move, t.Trial),
		summary: Summary{Trial: t.Trial}}
	err = e.all(objectstore.WithThrottled(ctx, d.slow))
	return e.summary, err
}

// Unerased counts a segment's entries that are to be erased: with again all, else those
// that are not known to be gone. What there is of erasures is read to its end: nothing is
// deleted beside a damaged file.
func Unerased(ctx context.Context, run *phase.Run, s manifest.Segment, again bool) (left int, err error) {
	t, err := run.Open(ctx, s, record.WithErasures)
	if err != nil {
		return 0, err
	}
	defer t.Close()
	if t.Erasures == nil {
		return s.Entries, nil
	}
	for x := t.Next(); x != nil; x = t.Next() {
		if again || !x.Erasure.Done() {
			left++
		}
	}
	return left, t.Err
}

// EachLeft calls f for what became of entries that are not erased, in order, until it says
// that this is enough.
func EachLeft(ctx context.Context, run *phase.Run, s manifest.Segment, f func(*receipt.Erasure) bool) error {
	t, err := run.Open(ctx, s, record.WithErasures)
	if err != nil {
		return err
	}
	defer t.Close()
	for x := t.Next(); x != nil; x = t.Next() {
		if !x.Erasure.Done() && !f(&x.Erasure) {
			return nil
		}
	}
	return t.Err
}

// erasing is a segment that is being erased, a chunk at a time.
type erasing struct {
	*Deps
	task    Task
	segment manifest.Segment
	move    plan.Move
	eraser  *eraser.Eraser
	summary Summary

	read    int // of its entries, with the chunk
	chunk   []record.Known
	entries []manifest.Entry // of the chunk, to be erased
	places  []int            // of them, in the chunk
}

func (e *erasing) all(ctx context.Context) error {
	left, err := Unerased(ctx, e.Run, e.segment, e.task.Trial.Again)
	if err != nil {
		return err
	}
	files := record.WithErasures | record.WithIntents
	if e.twinsMatter() {
		files |= record.WithReceipts // which tell twins apart
	}
	t, err := e.Run.Open(ctx, e.segment, files)
	if err != nil {
		return err
	}
	defer t.Close()
	e.Run.Progress.Entries.Add(int64(e.segment.Entries - left))
	var file *receipt.Writer[receipt.Erasure, *receipt.Erasure] // nil: what is stored stays
	if left > 0 {
		if file, err = receipt.WriteErasures(e.Run.Codec, e.segment); err != nil {
			return err
		}
	}
	for more := true; more; {
		if more = e.fill(t); t.Err != nil {
			return t.Err
		}
		if err := e.flush(ctx, file); err != nil {
			return err
		}
	}
	if file == nil {
		return nil
	}
	data, err := file.Close()
	if err != nil {
		return err
	}
	return e.Run.Home.Put(ctx, e.Run.File(e.segment, "erasures"), data)
}

// twinsMatter tells whether it was not yet seen what becomes of the destination when an
// entry is deleted whose copy is a twin.
func (e *erasing) twinsMatter() bool { return e.summary.Trial.Twins && !e.summary.Trial.TwinStood }

// fill reads the next chunk and reports whether there may be more.
func (e *erasing) fill(t *record.Reader) bool {
	size := chunkEntries
	if e.read == 0 && !e.summary.Trial.Stood {
		size = TrialEntries
	}
	e.chunk = slices.Grow(e.chunk[:0], min(size, e.segment.Entries-e.read)) // large: none is moved as they gather
	for len(e.chunk) < size {
		x := t.Next()
		if x == nil {
			return false
		}
		e.chunk = append(e.chunk, *x)
		e.read++
	}
	return true
}

// flush erases a chunk, counts what became of it and, with a file, writes it down.
func (e *erasing) flush(ctx context.Context, file *receipt.Writer[receipt.Erasure, *receipt.Erasure]) error {
	if err := e.erase(ctx); err != nil {
		return err
	}
	for i := range e.chunk {
		e.summary.CountErasure(&e.chunk[i].Erasure)
		if file == nil {
			continue
		}
		if err := file.Add(&e.chunk[i].Erasure); err != nil {
			return err
		}
	}
	return nil
}

// erase erases those of a chunk's entries that are to be, and notes what became
// of them. One that was erased earlier and is found gone stays erased.
func (e *erasing) erase(ctx context.Context) error {
	e.entries, e.places = slices.Grow(e.entries[:0], len(e.chunk)), slices.Grow(e.places[:0], len(e.chunk))
	begun := true
	for i := range e.chunk {
		if e.task.Trial.Again || !e.chunk[i].Erasure.Done() {
			e.entries, e.places = append(e.entries, e.chunk[i].Entry), append(e.places, i)
			begun = begun && e.chunk[i].Begun
		}
	}
	if len(e.entries) == 0 {
		return nil
	}
	if !begun {
		if err := e.Run.Intend(ctx, e.segment, e.read, e.Run.Now()); err != nil {
			return err
		}
		if err := reserve.Renew(ctx, e.Run, e.task.Lease, e.move.Destination); err != nil {
			return err
		}
	} else if !e.summary.Trial.Stood { // the run that intended it may have come no further
		if err := reserve.Renew(ctx, e.Run, e.task.Lease, e.move.Destination); err != nil {
			return err
		}
	}
	for from := 0; from < len(e.entries); {
		to, twins := e.next(from)
		erasures, err := e.eraser.Segment(ctx, e.entries[from:to])
		if err != nil {
			return err
		}
		for j, x := range erasures {
			if old := &e.chunk[e.places[from+j]].Erasure; x.Outcome != receipt.Gone || old.Outcome != receipt.Erased {
				*old = x
			}
		}
		if err := e.stand(ctx, e.places[from:to], twins); err != nil {
			return err
		}
		from = to
	}
	return nil
}

// next returns the end of the batch that begins at an entry, and which of it are
// twins where that matters yet. Until the destination has stood, no more is
// deleted than the trial allows, of twins as of anything.
func (e *erasing) next(from int) (to int, twins []bool) {
	trial := e.summary.Trial
	if trial.Stood && !e.twinsMatter() {
		return len(e.entries), nil
	}
	n := 0
	for to = from; to < len(e.entries); to++ {
		is := e.twinsMatter() && phase.Twin(e.move, &e.chunk[e.places[to]].Receipt)
		if is || !trial.Stood {
			if n == max(trial.Entries, 1) {
				break
			}
			n++
		}
		twins = append(twins, is)
	}
	return to, twins
}

// stand lists the destination after deletions that are the first of their sort.
// An entry that an earlier run has erased and that is gone is one of them. What could not
// be deleted, as under a lock, shows nothing.
func (e *erasing) stand(ctx context.Context, places []int, twins []bool) error {
	var stood, twinStood bool
	for i := range twins {
		if e.chunk[places[i]].Erasure.Outcome == receipt.Erased {
			stood, twinStood = true, twinStood || twins[i]
		}
	}
	trial := &e.summary.Trial
	if !twinStood && (!stood || trial.Stood) {
		return nil
	}
	if err := e.look(ctx, twinStood); err != nil {
		return err
	}
	trial.Stood, trial.TwinStood = true, trial.TwinStood || twinStood
	return nil
}

// anew takes a null version that was written again since the gate for one that is not as it was
// written: the next run asks about it.
type anew struct{}

// Doubts implements phase.Inquiry.
func (anew) Doubts(x *record.Known, v *objectstore.Version) bool {
	redated, _ := x.Receipt.Redated(*v)
	return redated
}

// Ask implements phase.Inquiry.
func (anew) Ask(_ context.Context, doubted []*phase.Standing) error {
	for _, s := range doubted {
		s.Wrong = "it was written again since the gate"
	}
	return nil
}

// look lists the destination after the move's first deletions: what was proven must still
// be there. With twins among what was deleted, a replication is given the time to pass that
// on.
func (e *erasing) look(ctx context.Context, twins bool) error {
	for n := 1; twins && n < ReplicaLooks; n++ {
		if err := e.Run.Wait(ctx, ReplicaPause); err != nil {
			return err
		}
	}
	// Not counted: what a phase of erasing shows is how much is erased.
	shown, err := phase.ListDestination(ctx, e.Run, e.segment.Move, phase.Look{Looked: new(atomic.Int64),
		Lost: func(*receipt.Receipt, int, string) {}, Inquiry: anew{}})
	if err != nil {
		return err
	}
	if shown.Spoiled > 0 {
		return &SpoiledError{Entries: shown.Spoiled, At: e.Run.Plan.To(e.move)}
	}
	return nil
}
