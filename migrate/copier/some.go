package copier

import (
	"context"
	"errors"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/verifier"
)

// copySome lets the service copy a version if it is one that it copies by itself, and streams it if it
// is not, or turns out not to be. Any other refusal is one of the entry: bytes do not take another
// way than the plan says because of a permission, or of a network's rules.
func (c *Copier) copySome(
	ctx context.Context, e manifest.Entry, guard objectstore.Guard,
) (verifier.Evidence, error) {
	if e.Content == nil || !c.single(e.Size) || !objectstore.CopiesVersion(c.destination, c.from, e.Version()) {
		return c.pieces(ctx, e, guard)
	}
	evidence, err := c.service.copyClaimed(ctx, e, guard)
	if errors.Is(err, objectstore.ErrNotByItself) {
		return c.pieces(ctx, e, guard)
	}
	return evidence, err
}

// copyClaimed lets the service copy a version with all that it carries, and refuse bytes that do not have
// the checksum that the source's listing has. What a writer says of them is no evidence; that they
// have arrived with it is, by the word of the service that has summed them: its answer says it, or
// both ends are read.
func (s *serverSide) copyClaimed(
	ctx context.Context, e manifest.Entry, guard objectstore.Guard,
) (verifier.Evidence, error) {
	ref := e.Ref(s.from, s.Versioning)
	source, err := s.source.Stat(ctx, ref, 0)
	if err != nil {
		return verifier.Evidence{}, drifted(err)
	}
	target, err := s.describe(ctx, e, &source, guard)
	if err != nil {
		return verifier.Evidence{}, err
	}
	target.Explicit, target.Claimed, target.Size = true, e.Content.Claimed, e.Size
	evidence := verifier.Evidence{Source: source, Within: true}
	if evidence.Written, err = s.destination.Copy(ctx, ref, target); err != nil {
		return evidence, &refusal{err}
	}
	evidence.Source.Sum = target.Claimed
	s.Copied(e.Size)
	return evidence, nil
}
