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

func (d Drift) none() bool { return d.New+d.Gone+d.Changed+d.Uploads == 0 }

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
	uploads, err := w.uploads(ctx)
	if err != nil {
		return d, err
	}
	for i, m := range w.plan.Moves {
		at := m.From().String()
		err := w.beside(ctx, i, objectstore.Histories(w.source(m).Versions(ctx, m.Bucket, m.Prefix, "")), func(planned []manifest.Entry, _ []receipt.Receipt, listed []objectstore.Version) error {
			compareSource(&d, at, planned, listed, erasing)
			w.Progress.Entries.Add(int64(len(planned)))
			return nil
		}, false)
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

// compareSource holds one key's history, as planned, against what is there.
func compareSource(d *Drift, at string, planned []manifest.Entry, listed []objectstore.Version, erasing bool) {
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

// beside walks one move's manifest, with its receipts if asked for, beside a
// listing, and calls f once per key that is in either.
func (w *work) beside(ctx context.Context, move int, listing iter.Seq2[[]objectstore.Version, error], f func([]manifest.Entry, []receipt.Receipt, []objectstore.Version) error, receipts bool) error {
	next, stop := iter.Pull2(listing)
	defer stop()
	listed, err, more := next()
	for _, s := range w.plan.Segments {
		if s.Move != move {
			continue
		}
		entries, rs, loadErr := w.load(ctx, s, receipts)
		if loadErr != nil {
			return loadErr
		}
		at := 0
		for planned := range manifest.Histories(entries) {
			key := string(planned[0].Key)
			for err == nil && more && listed[0].Key < key {
				if ferr := f(nil, nil, listed); ferr != nil {
					return ferr
				}
				listed, err, more = next()
			}
			if err != nil {
				return err
			}
			var here []objectstore.Version
			if more && listed[0].Key == key {
				here = listed
				listed, err, more = next()
			}
			var r []receipt.Receipt
			if receipts {
				r = rs[at : at+len(planned)]
			}
			at += len(planned)
			if ferr := f(planned, r, here); ferr != nil {
				return ferr
			}
		}
	}
	for err == nil && more && !planted.On(planted.DropLastPage) {
		if ferr := f(nil, nil, listed); ferr != nil {
			return ferr
		}
		listed, err, more = next()
	}
	return err
}

func (w *work) load(ctx context.Context, s manifest.Segment, receipts bool) ([]manifest.Entry, []receipt.Receipt, error) {
	if receipts {
		return w.receipts(ctx, s)
	}
	entries, err := w.entries(ctx, s)
	return entries, nil, err
}

// spoiled lists the destination afresh and counts the receipts that it no
// longer bears out. Newer entries, on top of ours or beside them, are somebody's
// work, not a fault, where there are versions: they are counted.
func (w *work) spoiled(ctx context.Context) (spoiled, newer int64, err error) {
	for i, m := range w.plan.Moves {
		at := w.plan.To(m).String()
		err := w.beside(ctx, i, objectstore.Histories(w.destination().Versions(ctx, m.Destination, m.Prefix, "")), func(_ []manifest.Entry, receipts []receipt.Receipt, listed []objectstore.Version) error {
			newer += int64(max(len(listed)-len(receipts), 0))
			for j, r := range receipts {
				if j >= len(listed) || !r.Shows(listed[j]) {
					spoiled++
					w.result.problem(Problem{Location: at, Key: r.Key, VersionID: r.DestinationVersionID, What: "spoiled", Reason: "a fresh listing of the destination does not show what was written"})
				}
			}
			w.Progress.Entries.Add(int64(len(receipts)))
			return nil
		}, true)
		if err != nil {
			return spoiled, newer, fmt.Errorf("list %s: %w", at, err)
		}
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
	if w.result.Entries != w.plan.Totals.Entries || w.result.Verdicts[string(receipt.Verified)] != w.plan.Totals.Entries {
		return fmt.Errorf("%w: %d of %d entries have a verified receipt", ErrVerification, w.result.Verdicts[string(receipt.Verified)], w.plan.Totals.Entries)
	}
	w.Progress.Begin("checking destination", w.plan.Totals.Entries, 0)
	spoiled, _, err := w.spoiled(ctx)
	if err != nil {
		return err
	}
	if spoiled > 0 && !planted.On(planted.BlindGate) {
		return fmt.Errorf("%w: %d entries; nothing was erased: %w", ErrSpoiled, spoiled, ErrVerification)
	}
	w.Progress.Begin("checking source", w.plan.Totals.Entries, 0)
	drift, err := w.drift(ctx, erasing)
	if err != nil {
		return err
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

// uploads returns the unfinished uploads that the plan knows.
func (w *work) uploads(ctx context.Context) (map[uploadName]bool, error) {
	known := make(map[uploadName]bool)
	if err := w.eachUpload(ctx, func(u Upload) error {
		known[uploadName{u.Move, string(u.Key), u.UploadID}] = true
		return nil
	}); err != nil {
		return nil, err
	}
	return known, nil
}

func (w *work) eachUpload(ctx context.Context, f func(Upload) error) error {
	if w.plan.Uploads == nil {
		return nil
	}
	data, err := w.Home.Get(ctx, w.name(uploadsFile))
	if err != nil {
		return err
	}
	return decodeUploads(w.plan, data, f)
}

var errNoMove = errors.New("names no move of the plan")
