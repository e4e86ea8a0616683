package changes

import (
	"cmp"
	"context"
	"errors"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/copier"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/phase"
)

// bare finds keys that would look deleted at a destination with trailing markers (objectstore.Capabilities) when
// outdated copies are removed: nothing becomes current there by itself. It holds one segment's histories.
type bare struct {
	run       *phase.Run
	segment   int // whose histories are held, of the pass; 0: none
	histories map[manifest.Key][]manifest.Entry
}

// hides are those keys of outdated copies of one move, by their listings: where the source shows a version, an outdated
// copy is current, and what is beneath all of them would stay the newest, for the copier writes nothing above it.
func (b *bare) hides(ctx context.Context, move int, stale []manifest.Entry) (map[manifest.Key]bool, error) {
	m := b.run.Plan.Moves[move]
	if !objectstore.CapabilitiesOf(b.run.Destination()).TrailingMarkers {
		return nil, nil
	}
	type question struct {
		history, stale []manifest.Entry
		hidden         bool
	}
	asked := make(map[manifest.Key]*question)
	for _, e := range stale {
		if q := asked[e.Key]; q != nil {
			q.stale = append(q.stale, e)
			continue
		}
		history, err := b.history(ctx, move, e.Key)
		if err != nil {
			return nil, err
		}
		if len(history) > 0 && !history[len(history)-1].Marker {
			asked[e.Key] = &question{history: history, stale: []manifest.Entry{e}}
		}
	}
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(cmp.Or(b.run.Workers, phase.DefaultWorkers))
	for key, q := range asked {
		g.Go(func() error {
			return b.run.Patient(gctx, func() error {
				held, err := objectstore.History(gctx, b.run.Destination(), m.Destination, string(key))
				if errors.Is(err, objectstore.ErrNotFound) {
					err = nil // with the bucket
				}
				q.hidden = isBare(q.history, held, q.stale, b.run.Opaque(m))
				return err
			})
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	hidden := make(map[manifest.Key]bool)
	for key, q := range asked {
		hidden[key] = q.hidden
	}
	return hidden, nil
}

// isBare tells whether a key would look deleted without its outdated copies, of which history is what the source has,
// and held what the destination has, both oldest first.
func isBare(history []manifest.Entry, held []objectstore.Version, stale []manifest.Entry, opaque bool) bool {
	outdated := func(v objectstore.Version) bool {
		return slices.ContainsFunc(stale, func(e manifest.Entry) bool { return e.VersionID == v.VersionID })
	}
	if len(held) == 0 || held[len(held)-1].Marker || !outdated(held[len(held)-1]) {
		return false // it looks deleted, or something else is current
	}
	left := slices.DeleteFunc(slices.Clone(held), outdated)
	if len(left) == 0 {
		return false // nothing is hidden
	}
	written, _ := copier.Written(history, true)
	there, _ := copier.Align(written, left)
	goesOn := len(there) < len(written)
	for i := 0; goesOn && i < len(there); i++ {
		goesOn = copier.Like(written[i], there[i], opaque)
	}
	return !goesOn
}

// history is a key's in the pass; none if the source has nothing of it.
func (b *bare) history(ctx context.Context, move int, key manifest.Key) ([]manifest.Entry, error) {
	i := b.run.Pass.SegmentOf(move, string(key))
	if i < 0 {
		return nil, nil
	}
	if s := b.run.Pass.Segments[i]; b.segment != s.Number {
		entries, err := b.run.Entries(ctx, s)
		if err != nil {
			return nil, err
		}
		b.segment, b.histories = s.Number, make(map[manifest.Key][]manifest.Entry)
		for h := range manifest.Histories(entries) {
			b.histories[h[0].Key] = h
		}
	}
	return b.histories[key], nil
}
