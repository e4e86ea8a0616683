package copier

import (
	"context"
	"fmt"
	"io"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/verifier"
)

// single tells whether the destination takes, or copies, so many bytes in one
// request.
func (c *ends) single(size int64) bool { return c.Limits.Single == 0 || size <= c.Limits.Single }

// errTooLarge reports an object that the destination cannot hold.
var errTooLarge = fmt.Errorf("%w: it is larger than the destination accepts, whole or in parts",
	objectstore.ErrRejected)

// partSize is into what an object is cut that has no parts of its own: the
// fewest that the service copies.
func (c *ends) partSize(size int64) (int64, error) {
	wanted := c.Limits.Part
	if wanted == 0 {
		wanted = max(size, 1)
	}
	step := c.Limits.PartSize(size, wanted)
	if step == 0 || c.Limits.Object > 0 && size > c.Limits.Object {
		return 0, errTooLarge
	}
	return step, nil
}

// cutSize is into what a streamed object is cut, so that several parts fit into
// the memory there is.
const cutSize = 16 << 20

// streamCut sends an object that has no parts of its own and cannot go in one PUT,
// part after part as it is read.
func (s *streamer) streamCut(
	ctx context.Context, e manifest.Entry, o *objectstore.Object, guard objectstore.Guard,
) (_ verifier.Evidence, err error) {
	wanted := int64(cutSize)
	if s.Limits.Part > 0 {
		wanted = min(wanted, s.Limits.Part)
	}
	step := s.Limits.PartSize(e.Size, wanted)
	if step == 0 || s.Limits.Object > 0 && e.Size > s.Limits.Object || !s.Budget.Fits(step) {
		return verifier.Evidence{}, errTooLarge
	}
	target, err := s.describe(ctx, e, &o.Info, guard)
	if err != nil {
		return verifier.Evidence{}, err
	}
	if !o.Checksum.Composite {
		target.Algorithm = fullObject(o.Checksum.Algorithm)
	}
	if s.sum != "" {
		target.Algorithm = s.sum
	}
	u, undo, err := s.uploads.begin(ctx, e, target, step)
	if err != nil {
		return verifier.Evidence{}, err
	}
	defer func() { err = undo(err) }()
	var parts []objectstore.Part
	whole := newOrdered(s.claims(o.Info, false))
	for at := int64(0); at < e.Size; at += step {
		piece := &objectstore.Object{Info: objectstore.Info{Length: min(step, e.Size-at)},
			Body: io.NopCloser(io.LimitReader(o.Body, min(step, e.Size-at)))}
		part, err := s.streamPart(ctx, e, piece, u, len(parts)+1, whole)
		if err != nil {
			return verifier.Evidence{}, err
		}
		parts = append(parts, part)
	}
	full := objectstore.Checksum{}
	if target.Algorithm != "" && s.sum == "" {
		full = o.Checksum
	}
	w, err := s.destination.CompleteUpload(ctx, target, u.id, parts, full)
	if err != nil {
		return verifier.Evidence{}, &refusal{err}
	}
	return hashed(verifier.Evidence{Source: o.Info, Written: w}, whole), nil
}

// fullObject is an algorithm whose checksum of a whole object S3 keeps for one
// that was uploaded in parts; none for those that it makes composite.
func fullObject(algorithm string) string {
	switch algorithm {
	case "CRC64NVME", "CRC32C", "CRC32":
		return algorithm
	}
	return ""
}
