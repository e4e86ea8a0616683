package migrate

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/copier"
	"github.com/residency/residency/migrate/receipt"
)

// beside walks one move's manifest, with what is needed beside it, along a
// listing, and calls f once per key that is in either; f reads what is known of
// it to its end.
func (w *work) beside(ctx context.Context, move int, listing histories, n need, f func(known history, listed []objectstore.Version) error) error {
	next, stop := iter.Pull2(listing)
	defer stop()
	listed, err, more := next()
	for _, s := range w.pass.Segments {
		if s.Move != move {
			continue
		}
		t, terr := w.follow(ctx, s, n)
		if terr != nil {
			return terr
		}
		for t.peek() {
			at := string(t.at.entry.Key)
			for err == nil && more && listed[0].Key < at {
				if err = f(history{}, listed); err == nil {
					listed, err, more = next()
				}
			}
			if err != nil {
				break
			}
			if more && listed[0].Key == at {
				if err = f(t.history(), listed); err == nil {
					listed, err, more = next()
				}
			} else {
				err = f(t.history(), nil)
			}
			if err != nil {
				break
			}
		}
		t.close()
		if err = errors.Join(err, t.err); err != nil {
			return err
		}
	}
	for err == nil && more {
		if err = f(history{}, listed); err == nil {
			listed, err, more = next()
		}
	}
	return err
}

// spoiled lists the destination afresh and counts the receipts that it no
// longer bears out. Newer entries, on top of ours or beside them, are somebody's
// work, not a fault, where there are versions: they are counted.
//
// With doubting, what is concerned is noted as no longer proven.
func (w *work) spoiled(ctx context.Context, doubting bool) (spoiled, newer int64, err error) {
	w.unclassed()
	for i := range w.plan.Moves {
		s, n, err := w.spoiledIn(ctx, i, doubting)
		spoiled, newer = spoiled+s, newer+n
		if err != nil {
			return spoiled, newer, err
		}
	}
	return spoiled, newer, nil
}

// spoiledIn is spoiled for one move.
func (w *work) spoiledIn(ctx context.Context, i int, doubting bool) (spoiled, newer int64, err error) {
	m := w.plan.Moves[i]
	w.twins[i] = 0
	place := w.plan.To(m).String()
	// Receipts are our own word; that of the manifest is covered by the
	// approval. Where ETags tell contents apart, they must.
	told := !w.opaque(m)
	err = w.beside(ctx, i, w.listDestination(ctx, m), withReceipts, func(written history, listed []objectstore.Version) error {
		next := 0 // of what is listed; others' entries may lie between
		nth := -1 // of its history
		for x := written.next(); x != nil; x = written.next() {
			nth++
			w.Progress.Entries.Add(1)
			r := &x.receipt
			at := slices.IndexFunc(listed[next:], func(v objectstore.Version) bool {
				return r.Shows(v) && (!told || copier.Same(x.entry, v))
			})
			if twin(m, r) {
				w.twins[i]++
			}
			if at < 0 {
				spoiled++
				if doubting {
					w.doubt(i, r.Key, nth)
				}
				w.result.problem(Problem{Location: place, Key: r.Key, VersionID: r.DestinationVersionID, What: "spoiled", Reason: "a fresh listing of the destination does not show what was written"})
				continue
			}
			w.classed(x.entry, listed[next+at])
			newer += int64(at)
			next += at + 1
		}
		if more := int64(len(listed) - next); more > 0 && objectstore.IsLease(listed[0].Key) {
			w.own += more
		} else {
			newer += more
		}
		return nil
	})
	if err != nil {
		return spoiled, newer, fmt.Errorf("list %s: %w", place, err)
	}
	return spoiled, newer, nil
}

// gate decides whether anything may be erased (law L2).
func (w *work) gate(ctx context.Context, erasing bool) error {
	if err := w.result.verified(); err != nil {
		return err
	}
	if _, err := w.unchanged(ctx); err != nil {
		return err
	}
	if err := w.encrypts(ctx); err != nil {
		return err
	}
	total := w.totals().Entries
	if w.result.Entries != total || w.result.Verdicts[string(receipt.Verified)] != total {
		return fmt.Errorf("%w: %d of %d entries have a verified receipt", ErrVerification, w.result.Verdicts[string(receipt.Verified)], total)
	}
	w.Progress.Begin("checking destination", total, 0)
	spoiled, _, err := w.spoiled(ctx, true)
	if err != nil {
		return err
	}
	if spoiled > 0 && !erasing {
		if err := w.unprove(ctx); err != nil {
			return err
		}
	}
	if spoiled > 0 {
		kind := ErrSpoiled
		if erasing {
			kind = ErrSpoiledLate
		}
		return fmt.Errorf("%w: %d entries; this run erased nothing: %w", kind, spoiled, ErrVerification)
	}
	// What a listing of this run showed that the plan does not know counts, even
	// if the next one should not show it: one of the two is wrong.
	drift := w.unsettled
	if drift.none() {
		if drift, err = w.driftNow(ctx, erasing); err != nil {
			return err
		}
	}
	if !drift.none() {
		for _, at := range drift.Locations {
			w.result.Left = append(w.result.Left, certificate.Left{Location: at, Reason: "changed since the plan: " + drift.String()})
		}
		if drift.Reserved > 0 {
			return fmt.Errorf("%w: it changed since the plan (%s), and %w; nothing was erased", ErrNotEmpty, drift, ErrReserved)
		}
		return fmt.Errorf("%w: it changed since the plan (%s); nothing was erased", ErrNotEmpty, drift)
	}
	for i := range w.plan.Moves {
		if err := w.unreplicated(ctx, i); err != nil {
			return err
		}
	}
	return w.showTags(ctx)
}
