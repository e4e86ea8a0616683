// Package engine works through segments: many histories at once within a
// segment, few segments at once, and every goroutine waited for. It knows
// neither plans nor stores; it is given what to do with a history and with a
// finished segment.
package engine

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/state"
)

// Progress counts what a run has done. Its zero value works; its counters are
// safe for concurrent use.
type Progress struct {
	// Phased, if set, is called as each phase begins and, before its counters
	// are reset, as it ends. Set it before the run.
	Phased func(ended bool)

	Phase        atomic.Value // string: what is being done
	Entries      atomic.Int64 // done
	EntriesTotal atomic.Int64
	Bytes        atomic.Int64 // done
	BytesTotal   atomic.Int64
	Failures     atomic.Int64
	Retries      atomic.Int64
}

// Begin ends the phase before and starts one with its totals; 0 stands for not
// known. Phases follow each other in one goroutine.
func (p *Progress) Begin(phase string, entries, bytes int64) {
	p.End()
	for _, c := range []*atomic.Int64{&p.Entries, &p.Bytes, &p.Failures, &p.Retries} {
		c.Store(0)
	}
	p.EntriesTotal.Store(entries)
	p.BytesTotal.Store(bytes)
	p.Phase.Store(phase)
	if p.Phased != nil {
		p.Phased(false)
	}
}

// End ends the last phase.
func (p *Progress) End() {
	phase, _ := p.Phase.Load().(string)
	if phase == "" {
		return
	}
	if p.Phased != nil {
		p.Phased(true)
	}
	p.Phase.Store("")
}

// inFlight is how many segments are worked on at once: one being finished
// while the next one fills the workers.
const inFlight = 2

// Copy is a copy run over segments.
type Copy struct {
	Segments []manifest.Segment
	Crew     *Crew // who works; required
	Progress *Progress
	// Load returns a segment's entries and, if there are any from before, a
	// receipt for each.
	Load func(ctx context.Context, s manifest.Segment) ([]manifest.Entry, []receipt.Receipt, error)
	// Held yields the destination's histories from a segment's first key on.
	Held func(ctx context.Context, s manifest.Segment) iter.Seq2[[]objectstore.Version, error]
	// History copies one key's entries and gives a receipt for each, in order, as
	// they come. It is not asked where all are proven.
	History func(ctx context.Context, s manifest.Segment, h History, give func(receipt.Receipt) error) error
	// Reached, if set, is told of each receipt that History has given, as it was,
	// with its entry's place in the segment.
	Reached func(ctx context.Context, s manifest.Segment, entry int, r *receipt.Receipt) error
	// Done stores a finished segment's receipts, in order; it must read them all.
	Done func(ctx context.Context, s manifest.Segment, receipts Receipts) error
	// Stopped, if set, stores the receipts of a segment that the run's end has
	// cut short. The context outlives the run's by StopTime.
	Stopped func(ctx context.Context, s manifest.Segment, receipts Receipts) error
	// Codec, if set, keeps what packing receipts takes.
	Codec *state.Codec
}

// Receipts are yielded once, each until the next.
type Receipts = iter.Seq2[*receipt.Receipt, error]

// StopTime bounds what is done after a run was told to stop.
const StopTime = 3 * time.Second

// History is one key's entries, oldest first.
type History struct {
	Entries []manifest.Entry
	Held    []objectstore.Version // what the destination holds of it
	Known   []receipt.Receipt     // receipts of the first entries, which are proven already
}

type task struct {
	History
	segment  manifest.Segment
	at       int // the place of its first entry in the segment
	receipts *receipt.List
	pending  *sync.WaitGroup
}

// Run works through all segments. After an error the segments in flight have
// receipts of what was done; after a kill they have none, and what they copied is
// found again when they are redone.
func (c Copy) Run(ctx context.Context) error {
	tasks := make(chan task)
	workers, workCtx := errgroup.WithContext(ctx)
	c.Crew.start(func() { workers.Go(func() error { return c.work(workCtx, tasks) }) })
	segments, feedCtx := errgroup.WithContext(workCtx)
	segments.SetLimit(inFlight)
	for _, s := range c.Segments {
		if feedCtx.Err() != nil {
			break
		}
		segments.Go(func() error {
			if err := c.segment(feedCtx, s, tasks); err != nil {
				return fmt.Errorf("segment %d: %w", s.Number, err)
			}
			return nil
		})
	}
	feedErr := segments.Wait()
	close(tasks)
	// The workers' error is the cause; the feeder's may be its consequence.
	if err := workers.Wait(); err != nil {
		return err
	}
	if feedErr != nil {
		return feedErr
	}
	return ctx.Err()
}

func (c Copy) work(ctx context.Context, tasks <-chan task) error {
	for t := range tasks {
		c.Crew.begin()
		err := ctx.Err()
		if err == nil {
			err = c.history(ctx, t)
		}
		t.pending.Done()
		if leave := c.Crew.end(); leave && err == nil {
			return nil
		} else if err != nil {
			if !leave {
				c.Crew.left()
			}
			return err
		}
	}
	c.Crew.left()
	return nil
}

func (c Copy) history(ctx context.Context, t task) error {
	err := c.History(ctx, t.segment, t.History, func(r receipt.Receipt) error {
		if t.receipts.Len() == len(t.Entries) {
			return fmt.Errorf("more than %d receipts for as many entries", len(t.Entries))
		}
		if r.Verdict != receipt.Verified {
			c.Progress.Failures.Add(1)
		}
		if r.Held {
			c.Progress.Bytes.Add(r.Size)
		}
		c.Progress.Entries.Add(1)
		n := t.receipts.Len()
		if err := t.receipts.Add(r); err != nil || c.Reached == nil || n < len(t.Known) {
			return err
		}
		return c.Reached(ctx, t.segment, t.at+n, &r)
	})
	if err != nil {
		return err
	}
	if n := t.receipts.Len(); n != len(t.Entries) {
		return fmt.Errorf("%d receipts for %d entries", n, len(t.Entries))
	}
	c.Crew.Arrived(0)
	return nil
}

// segment hands out one segment's histories, each with what the destination
// holds of it, and waits until all are done.
func (c Copy) segment(ctx context.Context, s manifest.Segment, tasks chan<- task) error {
	entries, known, err := c.Load(ctx, s)
	if err != nil {
		return err
	}
	lists := receipt.Lists(c.Codec, func(yield func(int) bool) {
		for history := range manifest.Histories(entries) {
			if !yield(len(history)) {
				return
			}
		}
	})
	next, stop := iter.Pull2(c.Held(ctx, s))
	defer stop()
	held, err, more := next()
	var pending sync.WaitGroup
	at, n := 0, -1
	for history := range manifest.Histories(entries) {
		n++
		key := string(history[0].Key)
		for err == nil && more && held[0].Key < key {
			held, err, more = next()
		}
		if err != nil {
			break
		}
		t := task{segment: s, at: at, History: History{Entries: history}, receipts: &lists[n], pending: &pending}
		if more && held[0].Key == key {
			t.Held = held
		}
		if known != nil {
			t.Known = proven(known[at : at+len(history)])
		}
		at += len(history)
		// Asked first: of two cases that are ready, select takes either.
		if err = ctx.Err(); err != nil {
			break
		}
		if len(t.Known) == len(history) {
			for i := range t.Known {
				if err = t.receipts.Add(t.Known[i]); err != nil {
					break
				}
			}
			if err != nil {
				break
			}
			c.Progress.Entries.Add(int64(len(history)))
			for i := range history {
				c.Progress.Bytes.Add(history[i].Size)
			}
			continue
		}
		pending.Add(1)
		select {
		case tasks <- t:
		case <-ctx.Done():
			pending.Done()
			err = ctx.Err()
		}
		if err != nil {
			break
		}
	}
	pending.Wait()
	if err == nil {
		err = ctx.Err()
	}
	if err != nil {
		return errors.Join(err, c.stopped(ctx, s, entries, known, lists))
	}
	return c.Done(ctx, s, all(lists))
}

// all drains lists.
func all(lists []receipt.List) Receipts {
	return func(yield func(*receipt.Receipt, error) bool) {
		for i := range lists {
			for r, err := range lists[i].Drain() {
				if !yield(r, err) {
					return
				}
			}
		}
	}
}

// stopped has kept what was done of a segment, if anything was.
func (c Copy) stopped(ctx context.Context, s manifest.Segment, entries []manifest.Entry, known []receipt.Receipt, lists []receipt.List) error {
	done := slices.ContainsFunc(lists, func(l receipt.List) bool { return l.Len() > 0 })
	if !done || c.Stopped == nil {
		return nil
	}
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), StopTime)
	defer cancel()
	return c.Stopped(bounded, s, func(yield func(*receipt.Receipt, error) bool) {
		at, n := 0, 0
		for history := range manifest.Histories(entries) {
			for r, err := range lists[n].Drain() {
				if !yield(r, err) {
					return
				}
			}
			for i := at + lists[n].Len(); i < at+len(history); i++ {
				r := receipt.Pending(&entries[i])
				if known != nil {
					r = known[i]
				}
				if !yield(&r, nil) {
					return
				}
			}
			at += len(history)
			n++
		}
	})
}

// proven returns the receipts before the first that is not verified.
func proven(receipts []receipt.Receipt) []receipt.Receipt {
	for i := range receipts {
		if receipts[i].Verdict != receipt.Verified {
			return receipts[:i]
		}
	}
	return receipts
}
