package phase

import (
	"context"
	"errors"
	"iter"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/record"
)

// SourceHistories yields the histories of one move's source. Leases are no customer's
// data: another run's may come and go.
func (r *Run) SourceHistories(ctx context.Context, m plan.Move) Histories {
	return objectstore.Histories(plan.WithoutLeases(r.SourceVersions(ctx, m, ""), func(objectstore.Version) {}))
}

// DestinationHistories yields the histories of one move's destination.
func (r *Run) DestinationHistories(ctx context.Context, m plan.Move) Histories {
	return objectstore.Histories(plan.Listable(r.Destination().Versions(ctx, m.Destination, m.Prefix, "")))
}

// SourceVersions lists one move's source. What the plan leaves out is not part of it;
// where it leaves nothing out, there must be nothing of the kind.
func (r *Run) SourceVersions(ctx context.Context, m plan.Move, after string) iter.Seq2[objectstore.Version, error] {
	listing := r.Source(m).Versions(ctx, m.Bucket, m.Prefix, after)
	if !r.Plan.ExcludeUnlistable {
		return listing
	}
	return plan.Listable(listing)
}

// SourceUploads lists one move's unfinished uploads, as versions does.
func (r *Run) SourceUploads(ctx context.Context, m plan.Move) iter.Seq2[objectstore.Upload, error] {
	listing := r.Source(m).Uploads(ctx, m.Bucket, m.Prefix)
	if !r.Plan.ExcludeUnlistable {
		return listing
	}
	return plan.Listable(listing)
}

// Histories is a listing cut by key, oldest entry first.
type Histories = iter.Seq2[[]objectstore.Version, error]

// Alongside walks one move's manifest, with what is needed beside it, along a
// listing, and calls f once per key that is in either; f reads what is known of
// it to its end.
func (r *Run) Alongside(
	ctx context.Context, move int, listing Histories, n record.Need, f func(known record.History,
		listed []objectstore.Version) error,
) error {
	next, stop := iter.Pull2(listing)
	defer stop()
	listed, err, more := next()
	for _, s := range r.Pass.Segments {
		if s.Move != move {
			continue
		}
		t, terr := r.Open(ctx, s, n)
		if terr != nil {
			return terr
		}
		for t.Peek() {
			at := string(t.At.Entry.Key)
			for err == nil && more && listed[0].Key < at {
				if err = f(record.History{}, listed); err == nil {
					listed, err, more = next()
				}
			}
			if err != nil {
				break
			}
			if more && listed[0].Key == at {
				if err = f(t.History(), listed); err == nil {
					listed, err, more = next()
				}
			} else {
				err = f(t.History(), nil)
			}
			if err != nil {
				break
			}
		}
		t.Close()
		if err = errors.Join(err, t.Err); err != nil {
			return err
		}
	}
	for err == nil && more {
		if err = f(record.History{}, listed); err == nil {
			listed, err, more = next()
		}
	}
	return err
}
