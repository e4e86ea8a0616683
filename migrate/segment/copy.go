package segment

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"sync"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/copier"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/record"
)

// Copy brings a segment's entries to the destination, proves each, and stores a receipt for
// each. What earlier runs have proven of it is not looked at again; what they have copied
// is found. Histories of one segment, and of all that share the pool, are copied side by
// side, the entries of each in order.
//
// An error means that the run must stop: the context has ended, or every other entry would
// meet the same. Receipts of what was done are stored all the same. Entries that failed by
// themselves are no error; the summary counts them.
func Copy(ctx context.Context, d *Deps, t Task) (Summary, error) {
	s, err := d.segment(ctx, t)
	if err != nil {
		return Summary{}, err
	}
	d.Pool.Serve(Addresses(d.Run, s))
	ctx = objectstore.WithThrottled(ctx, d.Pool.Throttled)
	known, basis, err := Known(ctx, d.Run, t.Started, s)
	if err != nil {
		return Summary{}, fmt.Errorf("segment %d: %w", s.Number, err)
	}
	c := copying{Deps: d, segment: s, basis: basis, known: known, copier: d.copier(s.Move, t.Facts),
		lists: receipt.Lists(d.Run.Codec, func(yield func(int) bool) {
			for h := range manifest.Histories(known.Entries) {
				if !yield(len(h)) {
					return
				}
			}
		})}
	if err := c.all(ctx); err != nil {
		if stopErr := c.stopped(ctx); stopErr != nil {
			err = errors.Join(err, stopErr)
		}
		return Summary{}, err
	}
	summary, err := c.keep(ctx, c.receipts())
	if err != nil {
		return Summary{}, fmt.Errorf("segment %d: %w", s.Number, err)
	}
	return summary, nil
}

// copying is a segment that is being copied.
type copying struct {
	*Deps
	segment manifest.Segment
	basis   string // of what the journal is told
	known   record.Joined
	copier  *copier.Copier
	lists   []receipt.List // by history
}

// keep stores receipts, after a look at what they rely on.
func (c *copying) keep(ctx context.Context, receipts iter.Seq2[*receipt.Receipt, error]) (Summary, error) {
	if c.Watch != nil {
		if err := c.Watch.Look(ctx, c.segment.Move); err != nil {
			return Summary{}, err
		}
	}
	counted, err := keep(ctx, c.Run, c.segment, receipts)
	if err != nil {
		return Summary{}, err
	}
	c.Journal.settled(c.segment)
	return counted, c.lost()
}

func (d *Deps) lost() error {
	if d.Watch == nil {
		return nil
	}
	return d.Watch.Lost()
}

// history is one key's entries, oldest first.
type history struct {
	entries  []manifest.Entry
	held     []objectstore.Version // what the destination holds of it
	known    []receipt.Receipt     // receipts of the first entries, which are proven already
	at       int                   // the place of the first entry in the segment
	receipts *receipt.List
}

// all copies the segment's histories, each by somebody who has a place in the pool. Whoever
// fails ends the others before that place is free, so that nobody begins anything more.
func (c *copying) all(ctx context.Context) error {
	var workers sync.WaitGroup
	var once sync.Once
	var first error
	within, cancel := context.WithCancel(ctx)
	defer cancel()
	fail := func(err error) {
		once.Do(func() { first = err })
		cancel()
	}
	idle := make(chan history)
	feedErr := c.feed(within, func(h history) error {
		if err := c.Pool.Enter(within); err != nil {
			return err
		}
		select {
		case idle <- h:
		default: // nobody is
			workers.Go(func() { c.work(within, h, idle, fail) })
		}
		return nil
	})
	close(idle)
	// The workers' error is the cause; the feeder's may be its consequence.
	workers.Wait()
	if first != nil {
		return first
	}
	if feedErr != nil {
		return fmt.Errorf("segment %d: %w", c.segment.Number, feedErr)
	}
	return ctx.Err()
}

// work copies a history, and others as they come, each in a place of the pool, until one
// fails.
func (c *copying) work(ctx context.Context, h history, more <-chan history, fail func(error)) {
	for ok := true; ok; h, ok = <-more {
		err := ctx.Err()
		if err == nil {
			err = c.history(ctx, h)
		}
		if err != nil {
			fail(err)
		}
		c.Pool.Leave()
		if err != nil {
			return
		}
	}
}

// history copies one key's entries and keeps a receipt of each, as they come.
func (c *copying) history(ctx context.Context, h history) error {
	err := c.copier.History(ctx, h.entries, h.held, h.known, func(r receipt.Receipt) error {
		n := h.receipts.Len()
		if n == len(h.entries) {
			return fmt.Errorf("more than %d receipts for as many entries", n)
		}
		found := r.Held
		r.Held = found && !c.wrote(h.at+n, &r)
		c.recall(h.at+n, &r)
		progress := c.Run.Progress
		if r.Verdict != receipt.Verified {
			progress.Failures.Add(1)
		}
		if found {
			progress.Bytes.Add(r.Size)
		}
		progress.Entries.Add(1)
		if err := h.receipts.Add(r); err != nil || n < len(h.known) {
			return err
		}
		if err := c.Journal.reached(ctx, c.segment, c.basis, h.at+n, &r); err != nil {
			return err
		}
		return c.lost()
	})
	if err != nil {
		return err
	}
	if n := h.receipts.Len(); n != len(h.entries) {
		return fmt.Errorf("%d receipts for %d entries", n, len(h.entries))
	}
	c.Pool.Arrived(0)
	return nil
}

// wrote tells whether a copy that was found is one that an earlier run is on record for
// having written, and could not prove.
func (c *copying) wrote(entry int, found *receipt.Receipt) bool {
	if c.known.Receipts == nil {
		return false
	}
	old := &c.known.Receipts[entry]
	return old.Ours() && old.DestinationVersionID == found.DestinationVersionID &&
		old.DestinationETag == found.DestinationETag
}

// recall keeps, of an entry that was not come to, which copy of it an earlier run is on
// record for: that stays the plan's own.
func (c *copying) recall(entry int, r *receipt.Receipt) {
	if c.known.Receipts == nil || r.Verdict != receipt.Failed || r.DestinationVersionID != "" {
		return
	}
	if old := &c.known.Receipts[entry]; old.Ours() {
		r.DestinationVersionID, r.DestinationETag, r.Checksum = old.DestinationVersionID, old.DestinationETag, old.Checksum
	}
}

// pass counts a history of which all is proven.
func (c *copying) pass(h history) error {
	for i := range h.known {
		if err := h.receipts.Add(h.known[i]); err != nil {
			return err
		}
	}
	c.Run.Progress.Entries.Add(int64(len(h.entries)))
	for i := range h.entries {
		c.Run.Progress.Bytes.Add(h.entries[i].Size)
	}
	return nil
}

// feed hands out the segment's histories that are not all proven, each with what the
// destination holds of it.
func (c *copying) feed(ctx context.Context, hand func(history) error) error {
	m := c.Run.Plan.Moves[c.segment.Move]
	next, stop := iter.Pull2(objectstore.Histories(plan.Listable(
		c.Run.Destination().Versions(ctx, m.Destination, m.Prefix, c.Run.Pass.Before(c.segment)))))
	defer stop()
	held, err, more := next()
	at, n := 0, 0
	for entries := range manifest.Histories(c.known.Entries) {
		key := string(entries[0].Key)
		for err == nil && more && held[0].Key < key {
			held, err, more = next()
		}
		if err != nil {
			return err
		}
		h := history{entries: entries, at: at, receipts: &c.lists[n]}
		if more && held[0].Key == key {
			h.held = held
		}
		if c.known.Receipts != nil {
			h.known = proven(c.known.Receipts[at : at+len(entries)])
		}
		at += len(entries)
		n++
		if err := ctx.Err(); err != nil {
			return err
		}
		do := hand
		if len(h.known) == len(entries) {
			do = c.pass
		}
		if err := do(h); err != nil {
			return err
		}
	}
	return nil
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

// receipts drains the lists.
func (c *copying) receipts() iter.Seq2[*receipt.Receipt, error] {
	return func(yield func(*receipt.Receipt, error) bool) {
		for i := range c.lists {
			for r, err := range c.lists[i].Drain() {
				if !yield(r, err) {
					return
				}
			}
		}
	}
}

// stopped stores what was done of a segment that the run's end has cut short, if anything
// was. What is not done keeps the receipt that it had.
func (c *copying) stopped(ctx context.Context) error {
	if !slices.ContainsFunc(c.lists, func(l receipt.List) bool { return l.Len() > 0 }) {
		return nil
	}
	bounded, cancel := objectstore.Stopping(ctx)
	defer cancel()
	_, err := c.keep(bounded, func(yield func(*receipt.Receipt, error) bool) {
		at, n := 0, 0
		for entries := range manifest.Histories(c.known.Entries) {
			for r, err := range c.lists[n].Drain() {
				if !yield(r, err) {
					return
				}
			}
			for i := at + c.lists[n].Len(); i < at+len(entries); i++ {
				r := receipt.Pending(&entries[i-at])
				if c.known.Receipts != nil {
					r = c.known.Receipts[i]
				}
				if !yield(&r, nil) {
					return
				}
			}
			at += len(entries)
			n++
		}
	})
	return err
}
