package changes

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/copier"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/record"
	"github.com/residency/residency/migrate/segment"
	"github.com/residency/residency/migrate/state"
)

// comparer tells whether what a move's source lists is what is known of it. It
// holds one segment's receipts at a time, and only if they are needed.
type comparer struct {
	run     *phase.Run
	move    int
	segment int // whose records are held; 0: none
	records record.Joined
	copier  *copier.Copier
}

// same tells whether a listing shows this very entry.
func (d *comparer) same(ctx context.Context, h record.History, e *manifest.Entry, v objectstore.Version) (bool, error) {
	if !e.Is(v) || !e.Redated(v) {
		return e.Is(v), nil
	}
	r, err := d.receipt(ctx, h.Reader.Segment, e)
	if err != nil {
		return false, err
	}
	return d.kept(ctx, e, r)
}

// replaced tells whether a null version that a listing shows is another than the
// one that is known, though it has the same bytes.
func (d *comparer) replaced(ctx context.Context, known record.Joined, listed []objectstore.Version) (bool, error) {
	null := func(id string) bool { return id == objectstore.NullVersion }
	i := slices.IndexFunc(known.Entries, func(e manifest.Entry) bool { return null(e.VersionID) })
	j := slices.IndexFunc(listed, func(v objectstore.Version) bool { return null(v.VersionID) })
	if i < 0 || j < 0 || !known.Entries[i].Is(listed[j]) || !known.Entries[i].Redated(listed[j]) {
		return false, nil
	}
	kept, err := d.kept(ctx, &known.Entries[i], known.Receipts[i])
	return !kept, err
}

// Stands tells whether a source that lists an entry anew, with the same bytes, still has it
// as it was copied. A null version with another date may be another, with other attributes:
// if that cannot be told, it does not stand.
func (s *Check) Stands(ctx context.Context, move int, known, now manifest.Entry, r receipt.Receipt) (bool, error) {
	if !known.RedatedTo(now.Modified) {
		return true, nil
	}
	if r.Verdict != receipt.Verified {
		return false, nil
	}
	d := comparer{run: s.run, move: move}
	kept, err := d.kept(ctx, &known, r)
	if errors.Is(err, phase.ErrPartial) {
		return false, nil
	}
	return kept, err
}

// receipt finds an entry's receipt; the zero value if there is none yet.
func (d *comparer) receipt(ctx context.Context, s manifest.Segment, e *manifest.Entry) (r receipt.Receipt, err error) {
	if d.segment != s.Number {
		d.records, err = d.run.Load(ctx, s, record.WithReceipts)
		if errors.Is(err, state.ErrNotFound) {
			d.records, err = record.Joined{}, nil
		}
		if err != nil {
			return r, err
		}
		d.segment = s.Number
	}
	i, _ := slices.BinarySearchFunc(d.records.Receipts, e.Key, func(r receipt.Receipt, key manifest.Key) int {
		return strings.Compare(string(r.Key), string(key))
	})
	for ; i < len(d.records.Receipts) && d.records.Receipts[i].Key == e.Key; i++ {
		if d.records.Receipts[i].VersionID == e.VersionID {
			return d.records.Receipts[i], nil
		}
	}
	return r, nil
}

func (d *comparer) prove(
	ctx context.Context, c *copier.Copier, e *manifest.Entry, r receipt.Receipt,
) (now receipt.Receipt, err error) {
	err = d.run.Patient(ctx, func() (err error) {
		now, err = c.Prove(ctx, *e, r)
		return err
	})
	return now, err
}

// kept asks both ends whether a null version that has another date now, and the
// same bytes, still has all else that was copied of it. Of what was not copied
// yet nothing can be lost: the copy takes what is there.
func (d *comparer) kept(ctx context.Context, e *manifest.Entry, r receipt.Receipt) (bool, error) {
	if r.Verdict != receipt.Verified {
		return true, nil
	}
	m := d.run.Plan.Moves[d.move]
	if d.copier == nil {
		d.copier = segment.NewCopier(d.run, m)
	}
	now, err := d.prove(ctx, d.copier, e, r)
	if errors.Is(err, copier.ErrDrift) && m.Versioning == objectstore.Unversioned {
		// Versioning may have been turned on since: then what is current is another, and the
		// null version has a name.
		m.Versioning = objectstore.Enabled
		if named, namedErr := d.prove(ctx, segment.NewCopier(d.run, m), e, r); namedErr == nil {
			now, err = named, nil
		}
	}
	switch {
	case errors.Is(err, copier.ErrDrift):
		return false, nil
	case errors.Is(err, objectstore.ErrNotFound), errors.Is(err, objectstore.ErrPrecondition):
		return true, nil // it is the copy that is another; the gate finds that
	case err != nil:
		return false, fmt.Errorf("compare a version with its copy: %w", err)
	case now.Verdict == receipt.Unverifiable:
		return false, fmt.Errorf("%w: the date of a null version differs from the plan, and it is not known whether it "+
			"was overwritten: %s", phase.ErrPartial, now.Reason)
	}
	return now.Verdict == receipt.Verified, nil
}
