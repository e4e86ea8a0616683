package plan

import (
	"context"
	"errors"

	"github.com/residency/residency/inventory/objectstore"
)

// nothingKey is no object's.
const nothingKey = objectstore.ProbePrefix + "nothing"

// oneRegion finds out whether the way to a destination that is there copies nothing
// from another region, as a VPC endpoint does: a copy is asked for of what is not
// there. Every other answer says nothing, and the first copy does.
func (p *destinationReader) oneRegion(ctx context.Context, m *Move) error {
	store := p.Stores(p.Destination.Provider, p.Destination.Code)
	if !objectstore.CapabilitiesOf(store).AcrossRegions || !m.Exists || m.Way != ServerSide ||
		m.Source.Code == p.Destination.Code {
		return nil
	}
	_, err := store.Copy(ctx,
		objectstore.Ref{Bucket: m.Bucket, Key: m.Prefix + nothingKey, ETag: objectstore.ImpossibleETag},
		objectstore.NewObject{Bucket: m.Destination, Key: nothingKey})
	if errors.Is(err, objectstore.ErrOneRegion) {
		p.block(Issue{Rule: "one-region", Location: p.plan.To(*m).String(), Region: p.plan.Destination.Code,
			Text: "a VPC endpoint is on the way there, by which nothing is copied from another region, such as " + m.Source.Code,
			Remedy: "run this where no VPC endpoint is on the way, or give the destination a provider of its own in the " +
				"configuration, of the same type, so that bytes are streamed through this machine"})
	}
	return ctx.Err()
}
