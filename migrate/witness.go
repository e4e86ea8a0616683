package migrate

import (
	"context"
	"errors"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/plan"
)

// mostWitnesses is how many versions of a segment are asked about until one is there.
const mostWitnesses = 20

// witness asks for tags of versions of a segment until one is there, which is then
// known, and returns how many it has. Of one that is gone nothing is learned.
func (g *tagging) witness(ctx context.Context, s manifest.Segment, t *tagged) (n int, err error) {
	entries, err := g.run.Entries(ctx, s)
	if err != nil {
		return 0, err
	}
	asked := 0
	for _, e := range entries {
		if e.Marker {
			continue
		}
		n, there, err := g.askTags(ctx, g.run.Plan.Moves[s.Move], e)
		if err != nil || there {
			t.known, t.gone = e, false
			return n, err
		}
		t.gone = true
		if asked++; asked == mostWitnesses {
			break
		}
	}
	return 0, nil
}

// askTags asks for one version's tags, and tells whether there was a version to
// answer for.
func (g *tagging) askTags(ctx context.Context, m plan.Move, e manifest.Entry) (n int, there bool, err error) {
	source, ref := g.run.Source(m), e.Ref(m.Bucket, m.Versioning)
	none := func(err error) bool {
		return errors.Is(err, objectstore.ErrNotFound) || errors.Is(err, objectstore.ErrNotOffered)
	}
	err = g.run.Patient(ctx, func() error {
		tags, err := source.Tags(ctx, ref)
		n = len(tags)
		return err
	})
	if !none(err) {
		return n, err == nil, err
	}
	// A service that has no tags says so of what is there too.
	err = g.run.Patient(ctx, func() error {
		_, err := source.Stat(ctx, ref, 0)
		return err
	})
	if none(err) || errors.Is(err, objectstore.ErrPrecondition) {
		return 0, false, nil
	}
	return 0, err == nil, err
}

var errNobodyTold = errors.New("nothing is there to ask for tags of")

// stillTold asks whether a move's tags may be read, of the version that was asked about
// before or, where that is gone, of another. errNobodyTold if none is there.
func (g *tagging) stillTold(ctx context.Context, move int, known manifest.Entry) error {
	_, there, err := g.askTags(ctx, g.run.Plan.Moves[move], known)
	if err != nil || there {
		return err
	}
	for _, s := range g.run.Pass.Segments {
		if s.Move != move {
			continue
		}
		var t tagged
		if _, err := g.witness(ctx, s, &t); err != nil || t.known.Key != "" {
			return err
		}
	}
	return errNobodyTold
}
