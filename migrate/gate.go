package migrate

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/copier"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/planted"
	"github.com/residency/residency/migrate/receipt"
)

// Drift is how the source differs from the plan, in entries.
type Drift struct {
	New, Gone, Changed, Uploads int64
	Locations                   []string
	Keys                        []manifest.Key // examples
}

func (d Drift) none() bool { return d.entries()+d.Uploads == 0 }

func (d Drift) entries() int64 { return d.New + d.Gone + d.Changed }

func (d Drift) String() string {
	var parts []string
	for _, p := range []struct {
		n    int64
		text string
	}{{d.New, "new"}, {d.Changed, "changed"}, {d.Gone, "gone"}, {d.Uploads, "new unfinished uploads"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.text))
		}
	}
	return strings.Join(parts, ", ") + " in " + strings.Join(d.Locations, ", ")
}

// DriftError wraps ErrDrift and says what differs.
type DriftError struct{ Drift Drift }

func (e *DriftError) Error() string { return ErrDrift.Error() + ": " + e.Drift.String() }

// Unwrap makes it an ErrDrift.
func (e *DriftError) Unwrap() error { return ErrDrift }

func (d *Drift) see(location, key string, counter *int64) {
	*counter++
	if !slices.Contains(d.Locations, location) {
		d.Locations = append(d.Locations, location)
	}
	if len(d.Keys) < examples {
		d.Keys = append(d.Keys, manifest.Key(key))
	}
}

// drift lists the source afresh and holds it against the manifest. With
// erasing, entries that are gone are as they should be.
func (w *work) drift(ctx context.Context, erasing bool) (Drift, error) {
	var d Drift
	uploads, err := w.knownUploads(ctx)
	if err != nil {
		return d, err
	}
	for i, m := range w.plan.Moves {
		at := m.From().String()
		err := w.beside(ctx, i, w.listSource(ctx, m), 0, func(planned history, listed []objectstore.Version) error {
			w.Progress.Entries.Add(compareSource(&d, at, planned, listed, erasing))
			return nil
		})
		if err != nil {
			return d, fmt.Errorf("list %s: %w", at, err)
		}
		for u, err := range w.source(m).Uploads(ctx, m.Bucket, m.Prefix) {
			if err != nil {
				return d, fmt.Errorf("list unfinished uploads of %s: %w", at, err)
			}
			if !uploads[uploadName{i, u.Key, u.UploadID}] {
				d.see(at, u.Key, &d.Uploads)
			}
		}
	}
	return d, nil
}

// compareSource holds one key's history, as planned, against what is there, and
// returns how many entries were planned. As long as the two go side by side none
// is held.
func compareSource(d *Drift, at string, planned history, listed []objectstore.Version, erasing bool) (n int64) {
	var rest []manifest.Entry
	for x := planned.next(); x != nil; x = planned.next() {
		n++
		if rest != nil || len(listed) == 0 || listed[0].VersionID != x.entry.VersionID {
			rest = append(rest, x.entry)
			continue
		}
		if !x.entry.Is(listed[0]) {
			d.see(at, listed[0].Key, &d.Changed)
		}
		listed = listed[1:]
	}
	compareRest(d, at, rest, listed, erasing)
	return n
}

func compareRest(d *Drift, at string, planned []manifest.Entry, listed []objectstore.Version, erasing bool) {
	i := 0
	for _, v := range listed {
		found := slices.IndexFunc(planned[i:], func(e manifest.Entry) bool { return e.VersionID == v.VersionID })
		switch {
		case found < 0:
			d.see(at, v.Key, &d.New)
		case !planned[i+found].Is(v):
			d.see(at, v.Key, &d.Changed)
			i += found + 1
		default:
			if found > 0 && !erasing {
				d.see(at, v.Key, &d.Gone)
			}
			i += found + 1
		}
	}
	if len(planned) > i && !erasing {
		d.see(at, string(planned[i].Key), &d.Gone)
	}
}

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
	for err == nil && more && !planted.On(planted.DropLastPage) {
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
// With doubting, the segments concerned are noted as no longer proven.
func (w *work) spoiled(ctx context.Context, doubting bool) (spoiled, newer int64, err error) {
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
		for x := written.next(); x != nil; x = written.next() {
			w.Progress.Entries.Add(1)
			r := &x.receipt
			at := slices.IndexFunc(listed[next:], func(v objectstore.Version) bool {
				return r.Shows(v) && (!told || copier.Same(x.entry, v))
			})
			if r.VersionID == r.DestinationVersionID && r.VersionID != objectstore.NullVersion {
				if w.twins[i]++; w.twins[i] == 1 {
					w.twin[i] = x.entry
				}
			}
			if at < 0 {
				spoiled++
				if doubting {
					w.doubt(i, string(r.Key))
				}
				w.result.problem(Problem{Location: place, Key: r.Key, VersionID: r.DestinationVersionID, What: "spoiled", Reason: "a fresh listing of the destination does not show what was written"})
				continue
			}
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
	if planted.On(planted.SkipGate) || planted.On(planted.EraseUnverified) {
		return nil
	}
	if _, err := w.unchanged(ctx); err != nil {
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
	if spoiled > 0 && !planted.On(planted.BlindGate) {
		return fmt.Errorf("%w: %d entries; this run erased nothing: %w", ErrSpoiled, spoiled, ErrVerification)
	}
	// What a listing of this run showed that the plan does not know counts, even
	// if the next one should not show it: one of the two is wrong.
	drift := w.unsettled
	if drift.none() {
		if drift, err = w.driftNow(ctx, erasing); err != nil {
			return err
		}
	}
	if !drift.none() && !planted.On(planted.IgnoreDrift) {
		for _, at := range drift.Locations {
			w.result.Left = append(w.result.Left, certificate.Left{Location: at, Reason: "changed since the plan: " + drift.String()})
		}
		return fmt.Errorf("%w: it changed since the plan (%s); nothing was erased", ErrNotEmpty, drift)
	}
	return nil
}

type uploadName struct {
	move    int
	key, id string
}

// knownUploads returns the unfinished uploads that the pass knows.
func (w *work) knownUploads(ctx context.Context) (map[uploadName]bool, error) {
	known := make(map[uploadName]bool)
	if err := w.eachUpload(ctx, func(u Upload) error {
		known[uploadName{u.Move, string(u.Key), u.UploadID}] = true
		return nil
	}); err != nil {
		return nil, err
	}
	return known, nil
}
