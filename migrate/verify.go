package migrate

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"golang.org/x/sync/errgroup"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/verifier"
)

// Verification is what a later look at the destination found.
type Verification struct {
	Schema   string `json:"schema"`
	Plan     string `json:"plan"`
	Entries  int64  `json:"entries"`
	Shown    int64  `json:"shown"`    // a fresh listing shows version ID, size and ETag as written
	Reread   int64  `json:"reread"`   // read again, SHA-256 as the receipt says
	Compared int64  `json:"compared"` // the store's own checksum is what the receipt says
	Spoiled  int64  `json:"spoiled"`
	Newer    int64  `json:"newer"`         // entries that are there besides what was written, whoever wrote them
	Own      int64  `json:"residency_own"` // leases that are there too
	// Callers tell as whom the destination was looked at.
	Callers  []certificate.Caller `json:"callers"`
	Problems []Problem            `json:"problems"`
}

// Verify lists the destination and holds it against the receipts. With
// readback it also reads every version again and compares its SHA-256, or,
// where no receipt has one, the checksum that the store keeps. The error is
// ErrVerification if anything differs.
func (r *Runner) Verify(ctx context.Context, p *Plan, readback bool) (*Verification, error) {
	w, err := r.open(ctx, p)
	if err != nil {
		return nil, err
	}
	if err := w.sameEnds(ctx); err != nil {
		return nil, err
	}
	missing, err := w.missing(ctx)
	if err != nil {
		return nil, err
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("%w: %d of %d segments have no verified receipts", ErrNotCopied, len(missing), len(w.pass.Segments))
	}
	total := w.totals()
	r.Progress.Begin("listing destination", total.Entries, 0)
	v := &Verification{Schema: "residency/verification/1", Plan: p.ID, Entries: total.Entries}
	v.Callers = append([]certificate.Caller{}, w.Stores.callers(ctx, stageVerify, []Region{p.Destination})...)
	if v.Spoiled, v.Newer, err = w.spoiled(ctx, false); err != nil {
		return nil, err
	}
	v.Shown, v.Own = v.Entries-v.Spoiled, w.own
	if readback {
		r.Progress.Begin("reading", total.Entries, total.Bytes)
		for _, s := range w.pass.Segments {
			if err := w.reread(ctx, s, v); err != nil {
				return nil, err
			}
		}
	}
	v.Problems = w.result.Problems
	if v.Spoiled > 0 {
		return v, fmt.Errorf("%w: %d of %d entries are not at the destination as they were written", ErrVerification, v.Spoiled, v.Entries)
	}
	return v, nil
}

func (w *work) reread(ctx context.Context, s manifest.Segment, v *Verification) error {
	r, err := w.load(ctx, s, withReceipts)
	if err != nil {
		return err
	}
	receipts := r.receipts
	at := w.plan.Moves[s.Move].Destination
	results := make([]string, len(receipts)) // what is wrong, by receipt
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(cmp.Or(w.Workers, DefaultWorkers))
	for i := range receipts {
		g.Go(func() (err error) {
			results[i], err = w.rereadOne(gctx, at, &receipts[i])
			w.Progress.Entries.Add(1)
			w.Progress.Bytes.Add(receipts[i].Size)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for i, wrong := range results {
		r := &receipts[i]
		switch {
		case wrong != "":
			v.Spoiled++
			w.result.problem(Problem{Location: w.plan.To(w.plan.Moves[s.Move]).String(), Key: r.Key, VersionID: r.DestinationVersionID, What: "spoiled", Reason: wrong})
		case r.Marker:
		case r.SHA256 != "":
			v.Reread++
		default:
			v.Compared++
		}
	}
	return nil
}

// rereadOne returns what is wrong with one version, or nothing.
func (w *work) rereadOne(ctx context.Context, bucket string, r *receipt.Receipt) (string, error) {
	if r.Marker {
		return "", nil
	}
	ref := objectstore.Ref{Bucket: bucket, Key: string(r.Key), VersionID: r.DestinationVersionID}
	if ref.VersionID == objectstore.NullVersion {
		ref.VersionID = ""
	}
	if r.SHA256 == "" {
		info, err := w.destination().Stat(ctx, ref, 0)
		if errors.Is(err, objectstore.ErrNotFound) {
			return "it is no longer there", nil
		}
		if err != nil {
			return "", err
		}
		if info.ETag != r.DestinationETag || r.Checksum != nil && info.Checksum != *r.Checksum {
			return "its ETag or checksum is another", nil
		}
		return "", nil
	}
	sum, _, err := verifier.Hash(ctx, w.destination(), ref)
	if errors.Is(err, objectstore.ErrNotFound) {
		return "it is no longer there", nil
	}
	if err != nil {
		return "", err
	}
	if sum != r.SHA256 {
		return fmt.Sprintf("its SHA-256 is %s, the receipt says %s", sum, r.SHA256), nil
	}
	return "", nil
}
