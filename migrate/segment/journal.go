package segment

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/copier"
	"github.com/residency/residency/migrate/journal"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/receipt"
)

// journalDir is where the parts of a pass's journal lie.
func journalDir(run *phase.Run) string { return run.Name(run.Pass.Dir() + "journal/") }

// Journal is a process's own of a pass, as the copy uses it; nil keeps nothing.
type Journal struct {
	writer *journal.Writer
	basis  string // of uploads

	mu    sync.Mutex
	begun map[journal.Name]journal.Upload // and not ended
}

// OpenJournal begins a journal with the uploads of runs before, and removes theirs. It
// must be closed. Before verdicts become durable, watch looks; it may be nil.
func OpenJournal(ctx context.Context, run *phase.Run, started time.Time, l Left, watch Watch) (*Journal, error) {
	after := run.After
	if after == nil {
		after = time.After
	}
	j := &Journal{basis: basisOf(run, started, "", ""), begun: make(map[journal.Name]journal.Upload)}
	j.writer = journal.NewWriter(ctx, journal.Options{
		Home: run.Home, Dir: journalDir(run), Run: run.Now().UTC().Format("20060102T150405.000000000Z-") + run.Token(),
		Of: run.Plan.Digest, Codec: run.Codec, After: after, Note: run.Notef, Before: before(run, watch),
	})
	for i, u := range l.uploads {
		j.begun[u.Name()] = u
		if err := j.writer.Begun(ctx, j.basis, u, i == len(l.uploads)-1); err != nil {
			return nil, errors.Join(err, j.Close(ctx))
		}
	}
	if err := l.Remove(ctx, run); err != nil {
		return nil, errors.Join(err, j.Close(ctx))
	}
	return j, nil
}

// before has the moves of segments looked at.
func before(run *phase.Run, watch Watch) func(context.Context, []int) error {
	if watch == nil {
		return nil
	}
	return func(ctx context.Context, segments []int) error {
		var moves []int
		for _, number := range segments {
			if move := run.Pass.Segments[number-1].Move; !slices.Contains(moves, move) {
				moves = append(moves, move)
			}
		}
		return watch.Look(ctx, moves...)
	}
}

// Remove removes what the journals of earlier runs said, which is void. That it stays
// would cost a look.
func (l Left) Remove(ctx context.Context, run *phase.Run) error {
	if err := run.Home.Remove(ctx, l.parts...); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		run.Notef("the journal of an earlier run stays in the state: %v", err)
	}
	return nil
}

// Close ends the journal, also if the run's context has ended.
func (j *Journal) Close(ctx context.Context) error {
	bounded, cancel := objectstore.Stopping(ctx)
	defer cancel()
	return j.writer.Close(bounded)
}

// reached is told of a receipt as it was given, with its entry's place in the segment.
func (j *Journal) reached(ctx context.Context, s manifest.Segment, basis string, entry int, r *receipt.Receipt) error {
	if j == nil {
		return nil
	}
	j.mu.Lock()
	name := journal.Name{Move: s.Move, Key: r.Key, VersionID: r.VersionID}
	_, uploading := j.begun[name]
	if uploading && r.Verdict != receipt.Failed {
		delete(j.begun, name)
	}
	j.mu.Unlock()
	err := j.writer.Verdict(ctx, s.Number, entry, basis, r)
	if uploading && r.Verdict != receipt.Failed {
		j.writer.Ended(name)
	}
	return err
}

// settled tells that a segment has its receipts.
func (j *Journal) settled(s manifest.Segment) {
	if j != nil {
		j.writer.Settled(s.Number)
	}
}

// uploads is the journal as a move's copier uses it.
type uploads struct {
	*Journal
	move int
}

var _ copier.Uploads = uploads{}

func (u uploads) name(e manifest.Entry) journal.Name {
	return journal.Name{Move: u.move, Key: e.Key, VersionID: e.VersionID}
}

func (u uploads) Unfinished(e manifest.Entry) (copier.Unfinished, bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	x, ok := u.begun[u.name(e)]
	return copier.Unfinished{ID: x.ID, Shape: x.Shape}, ok
}

// Begun writes down an upload. For a large one the first part waits until that is
// durable; of another no more than a second's parts can be lost.
func (u uploads) Begun(ctx context.Context, e manifest.Entry, x copier.Unfinished) error {
	begun := journal.Upload{Move: u.move, Key: e.Key, VersionID: e.VersionID, ID: x.ID, Shape: x.Shape}
	u.mu.Lock()
	u.begun[begun.Name()] = begun
	u.mu.Unlock()
	return u.writer.Begun(ctx, u.basis, begun, e.Size >= journal.MostData)
}

func (u uploads) Ended(e manifest.Entry) {
	u.mu.Lock()
	defer u.mu.Unlock()
	delete(u.begun, u.name(e))
	u.writer.Ended(u.name(e))
}
