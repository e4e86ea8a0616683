package migrate

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/copier"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/record"
	"github.com/residency/residency/migrate/segment"
	"github.com/residency/residency/migrate/verifier"
)

// depth is what is asked about copies at the destination besides what a listing shows: a null
// version with another date may have been written anew, with other attributes, and tags go
// without any listing showing it.
type depth int

const (
	// beforeErasing: tags are read again, and what has another date is held against the receipt,
	// or, where that does not say enough, proven anew against its original.
	beforeErasing depth = iota
	// keeping is the same, and the dates that the listing shows are kept.
	keeping
	// closing: originals are gone, and only what has another date is asked about.
	closing
	// later: tags are read again too.
	later
)

// inquiry asks about copies of one move, several at a time.
type inquiry struct {
	run    *phase.Run
	move   int
	depth  depth
	copier *copier.Copier // nil until it is needed

	segment manifest.Segment // whose receipts these are
	learned []receipt.Receipt
}

func newInquiry(run *phase.Run, move int, d depth) *inquiry {
	return &inquiry{run: run, move: move, depth: d}
}

// Doubts tells whether a listing is not enough to know of a copy that it is as it was written.
func (q *inquiry) Doubts(x *record.Known, v *objectstore.Version) bool {
	r := &x.Receipt
	if r.Verdict != receipt.Verified {
		return false
	}
	redated, known := r.Redated(*v)
	if redated || !known && q.proves() || r.TagsSHA256 != "" && q.depth != closing {
		return true
	}
	return q.depth == keeping && r.DestinationVersionID == objectstore.NullVersion && !r.Marker &&
		(r.Null == nil || r.Null.Modified.IsZero())
}

// proves tells whether originals are there to prove copies against.
func (q *inquiry) proves() bool { return q.depth == beforeErasing || q.depth == keeping }

// Ask finds out what is wrong with copies.
func (q *inquiry) Ask(ctx context.Context, doubted []*phase.Standing) error {
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(cmp.Or(q.run.Workers, DefaultWorkers))
	if q.copier == nil && q.proves() {
		q.copier = segment.NewCopier(q.run, q.run.Plan.Moves[q.move])
	}
	learned := make([]*receipt.Receipt, len(doubted))
	for i, s := range doubted {
		g.Go(func() error {
			err := q.run.Patient(gctx, func() (err error) {
				s.Wrong, learned[i], err = q.one(gctx, s)
				return err
			})
			switch {
			case errors.Is(err, objectstore.ErrNotFound), errors.Is(err, objectstore.ErrPrecondition):
				s.Wrong = notThere
			case err != nil:
				return fmt.Errorf("look at a copy again: %w", err)
			}
			return nil
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i, s := range doubted {
		if s.Wrong == "" && learned[i] != nil {
			if err := q.learn(ctx, s, learned[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// one finds out what is wrong with one copy, and what its receipt is to say if that is to be
// kept.
func (q *inquiry) one(ctx context.Context, s *phase.Standing) (wrong string, now *receipt.Receipt, err error) {
	r := &s.Receipt
	redated, known := r.Redated(s.Version)
	switch {
	case q.proves() && (!known || redated && (r.Null.AttributesSHA256 == "" || q.run.Plan.Moves[q.move].ACLs)):
		return q.proved(ctx, s)
	case redated:
		wrong, err = q.compared(ctx, s)
		return wrong, r, err
	case r.TagsSHA256 != "" && q.depth != closing:
		if wrong, err = q.tags(ctx, r); wrong != "" || err != nil {
			return wrong, nil, err
		}
	}
	if q.depth == keeping && r.DestinationVersionID == objectstore.NullVersion {
		now = r
	}
	return "", now, nil
}

// proved proves a copy anew against its original. Where that is another by now, or gone, the
// look at the source says so.
func (q *inquiry) proved(ctx context.Context, s *phase.Standing) (wrong string, now *receipt.Receipt, err error) {
	found, err := q.copier.Prove(ctx, s.Entry, s.Receipt)
	switch {
	case errors.Is(err, copier.ErrDrift):
		wrong, err = q.compared(ctx, s)
		return wrong, nil, err
	case err != nil:
		return "", nil, err
	case found.Verdict != receipt.Verified:
		return "it was written again since the copy: " + found.Reason, nil, nil
	}
	return "", &found, nil
}

// compared holds a copy that was written again against what the receipt says of it.
func (q *inquiry) compared(ctx context.Context, s *phase.Standing) (wrong string, err error) {
	const again = "it was written again since the copy"
	r := &s.Receipt
	if redated, known := r.Redated(s.Version); !redated && !known {
		return "", nil // of an earlier release's copy no more is known
	}
	if r.Null.AttributesSHA256 == "" {
		return again + ", and nothing tells whether its attributes are the same", nil
	}
	m := q.run.Plan.Moves[q.move]
	info, err := q.run.Destination().Stat(ctx, q.ref(r), 0)
	if err != nil {
		return "", err
	}
	attributes, _ := verifier.Fingerprint(info.Attributes)
	if attributes != r.Null.AttributesSHA256 || info.Incomplete != "" {
		return again + ", with other attributes", nil
	}
	if wrong, err = q.tags(ctx, r); wrong != "" || err != nil {
		return wrong, err
	}
	if q.run.Opaque(m) { // its ETag says nothing of its content
		wrong, err = rereadOne(ctx, q.run, m, r, summed(r))
	}
	return wrong, err
}

// tags holds a copy's tags against those that were proven.
func (q *inquiry) tags(ctx context.Context, r *receipt.Receipt) (wrong string, err error) {
	tags, err := q.run.Destination().Tags(ctx, q.ref(r))
	if err != nil && (r.TagsSHA256 != "" || !errors.Is(err, objectstore.ErrNotOffered)) {
		return "", err
	}
	if _, now := verifier.Fingerprint(objectstore.Attributes{Tags: tags}); now != r.TagsSHA256 {
		return "its tags were changed since the copy", nil
	}
	return "", nil
}

func (q *inquiry) ref(r *receipt.Receipt) objectstore.Ref {
	m := q.run.Plan.Moves[q.move]
	return manifest.Ref(m.Destination, r.Key, r.DestinationVersionID, r.DestinationETag, m.Versioning)
}

// learn remembers what was found out of a copy that is as it was written. Copies come in the
// manifest's order.
func (q *inquiry) learn(ctx context.Context, s *phase.Standing, now *receipt.Receipt) error {
	if !q.proves() {
		return nil // who only looks changes nothing
	}
	if q.segment.Number != s.Segment.Number {
		if err := q.keep(ctx); err != nil {
			return err
		}
		q.segment = s.Segment
	}
	n := receipt.Null{}
	if now.Null != nil {
		n = *now.Null
	}
	n.Modified, now.Null = s.Version.Modified.UTC(), &n
	q.learned = append(q.learned, *now)
	return nil
}

// keep writes what was found out into the receipts, so that nothing is asked twice.
func (q *inquiry) keep(ctx context.Context) error {
	if len(q.learned) == 0 {
		return nil
	}
	r, err := q.run.Load(ctx, q.segment, record.WithReceipts)
	if err != nil {
		return err
	}
	for i := range r.Receipts {
		x := &r.Receipts[i]
		if len(q.learned) > 0 && x.Key == q.learned[0].Key && x.VersionID == q.learned[0].VersionID {
			now := &q.learned[0]
			x.Null, x.TagsSHA256 = now.Null, now.TagsSHA256
			q.learned = q.learned[1:]
		}
	}
	q.learned = nil
	data, err := receipt.Encode(q.run.Codec, q.segment, r.Receipts)
	if err != nil {
		return err
	}
	return q.run.Home.Put(ctx, q.run.File(q.segment, "receipts"), data)
}
