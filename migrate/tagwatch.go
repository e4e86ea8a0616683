package migrate

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/copier"
)

// tagWatch looks, before verdicts become durable, whether tags may still be read at
// the sources that tell of them. So no run goes by a verdict that nothing was seen
// after, whenever the run that gave it was killed.
type tagWatch struct {
	tagging *tagging
	moves   []tagged

	losing chan struct{} // holds one while a loss is written down

	mu     sync.Mutex
	seen   []time.Time // of each move: just before the last look that found its tags readable
	denied error       // what the run is to end with, once its verdicts are durable
}

// watch begins when tags were found out about, which began at the time given.
func (g *tagging) watch(moves []tagged, begun time.Time) *tagWatch {
	w := &tagWatch{tagging: g, moves: moves, losing: make(chan struct{}, 1), seen: make([]time.Time, len(moves))}
	for i := range w.seen {
		w.seen[i] = begun
	}
	return w
}

// Look asks for tags of one version of each move given. If they may not be read any
// more it is written down since when, so that what was verified since then is proven
// anew, and Lost returns why. An error keeps verdicts from becoming durable.
func (w *tagWatch) Look(ctx context.Context, moves ...int) error {
	for _, move := range moves {
		if !w.moves[move].told {
			continue
		}
		begun := w.tagging.run.Now().UTC()
		err := w.tagging.stillTold(ctx, move, w.moves[move].known)
		switch {
		case err == nil:
			w.saw(move, begun)
			continue
		case errors.Is(err, objectstore.ErrDenied):
			err = w.lose(ctx, move, tagsDenied(w.tagging.run.Plan.Moves[move], err))
		case errors.Is(err, errNobodyTold):
			err = w.lose(ctx, move, nil) // what was copied is proven anew before anything is erased
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (w *tagWatch) saw(move int, begun time.Time) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if begun.After(w.seen[move]) {
		w.seen[move] = begun
	}
}

func (w *tagWatch) lose(ctx context.Context, move int, why error) error {
	w.losing <- struct{}{} // of two losses, neither forgets the other
	defer func() { <-w.losing }()
	w.mu.Lock()
	since := w.seen[move]
	w.mu.Unlock()
	if err := w.tagging.loseTags(ctx, since); err != nil {
		return err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.denied == nil {
		w.denied = why
	}
	return nil
}

// Lost returns why the run has to end, with ErrTags; nil if it has not.
func (w *tagWatch) Lost() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.denied
}

// since is when all tags could be read.
func (w *tagWatch) since() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	first := time.Time{}
	for i, t := range w.moves {
		if t.told && (first.IsZero() || w.seen[i].Before(first)) {
			first = w.seen[i]
		}
	}
	return first
}

// keepSeen keeps, after the copy, how it ended for tags: since when what was verified
// is to be proven anew, or until when all could be read.
func (w *tagWatch) keepSeen(ctx context.Context, copied error) error {
	if errors.Is(copied, copier.ErrTagsHidden) {
		err := fmt.Errorf("%w: %w; the next run verifies again what was copied meanwhile", ErrTags, copied)
		return errors.Join(err, w.tagging.loseTags(ctx, w.since()))
	}
	if copied != nil {
		return copied
	}
	r, err := w.tagging.tagRecord(ctx)
	if err != nil || r.Lost {
		return err // and to be proven anew
	}
	r.Seen = w.since()
	return w.tagging.saveTags(ctx, r)
}
