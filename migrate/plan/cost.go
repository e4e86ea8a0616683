package plan

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/cost"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/state"
)

// Charges counts what is charged of a plan's entries, by move. What it counts follows from the
// manifest and the time, and is in neither plan nor digest: prices change, and are not what is
// approved.
type Charges struct {
	At    time.Time // when the source would be erased
	moves []cost.Tally
}

// Add counts an entry of a move.
func (c *Charges) Add(move int, e *manifest.Entry) {
	for len(c.moves) <= move {
		c.moves = append(c.moves, cost.Tally{Classes: []cost.Class{}})
	}
	c.moves[move].Add(cost.Entry{Marker: e.Marker, Class: e.StorageClass, Size: e.Size, Parts: e.Parts(),
		Modified: e.Modified}, c.At)
}

// of is the tally of a move, which may have no entries.
func (c *Charges) of(move int) cost.Tally {
	if move < len(c.moves) {
		return c.moves[move]
	}
	return cost.Tally{Classes: []cost.Class{}}
}

// Count reads the manifest of a plan that is stored.
func (c *Charges) Count(ctx context.Context, home state.Home, p *Plan) error {
	codec := new(state.Codec)
	for at := 0; at < len(p.Segments); at += storedAtOnce {
		some := p.Segments[at:min(at+storedAtOnce, len(p.Segments))]
		files := make([][]byte, len(some))
		group, groupCtx := errgroup.WithContext(ctx)
		for i, s := range some {
			group.Go(func() (err error) {
				files[i], err = home.Get(groupCtx, p.ID+"/"+s.File("manifest"))
				return err
			})
		}
		if err := group.Wait(); errors.Is(err, state.ErrNotFound) {
			return fmt.Errorf("%w: %w", state.ErrDamaged, err) // the plan says that it is there
		} else if err != nil {
			return err
		}
		for i, s := range some {
			if err := c.segment(codec, s, files[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *Charges) segment(codec *state.Codec, s manifest.Segment, data []byte) error {
	r, err := s.Open(codec, data)
	if err != nil {
		return err
	}
	defer r.Close()
	for r.Next() {
		c.Add(s.Move, &r.Entry)
	}
	return r.Err()
}

// Work is what carrying out the plan is charged for. The bandwidth is how many bytes a second
// may be read and written, 0 if nobody bounds that.
func (p *Plan) Work(c *Charges, bandwidth int64) cost.Work {
	w := cost.Work{Rules: cost.Rules, At: c.At.UTC(), Readback: p.Verify == "readback", Bandwidth: bandwidth,
		Moves: []cost.Move{}}
	if p.Restore != nil {
		w.Restore = p.Restore.Tier
	}
	for i, m := range p.Moves {
		kms := p.KMSKey != "" || objectstore.UnderKMS(p.Encryption) || p.KMSDefault(m)
		within := m.Way == ServerSide
		w.Moves = append(w.Moves, cost.Move{Source: priced(m.Source), Destination: priced(p.Destination),
			ServerSide: within, Some: m.Way == Mixed, Versioned: m.Versioning == objectstore.Enabled, KMS: kms,
			Reread: within && (kms || p.CustomerKeys), Looks: p.UnguardedWrites, Redirects: within && p.asksRedirects(m),
			AnyClass: p.AnyClass, Tally: c.of(i)})
	}
	return w
}

// priced is an end as prices are found for it. Whose the prices are that are built in follows
// from the address that answers.
func priced(r Region) cost.End {
	end := cost.End{Provider: r.Provider, Region: r.Code}
	if at, ok := objectstore.AmazonS3(r.Endpoint); ok && at.Partition == "aws" {
		end.Service = "aws"
	}
	return end
}
