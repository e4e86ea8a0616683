package copier

import (
	"context"
	"errors"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/verifier"
)

// copyParts lets the service copy the parts of a multipart object, or of one
// that is too large for a single copy.
func (c *Copier) copyParts(ctx context.Context, e manifest.Entry, guard objectstore.Guard) (verifier.Evidence, error) {
	first, err := c.source.Stat(ctx, e.Ref(c.from, c.Versioning), 1)
	if err != nil {
		return verifier.Evidence{}, drifted(err)
	}
	offsets, guessed, err := c.offsets(ctx, e, first)
	if err != nil {
		return verifier.Evidence{}, err
	}
	evidence, err := c.copyPartsAt(ctx, e, first, offsets, guessed, guard)
	if !guessed || !errors.Is(err, errUneven) {
		return evidence, err
	}
	if offsets, err = c.eachOffset(ctx, e, first); err != nil {
		return verifier.Evidence{}, err
	}
	return c.copyPartsAt(ctx, e, first, offsets, false, guard)
}

// offsets says where an object's parts begin: as its service tells at once; else, as
// the size and the number of its parts suggest, which what is copied has to bear out;
// else as each is asked.
func (c *Copier) offsets(ctx context.Context, e manifest.Entry, first objectstore.Info) (offsets []int64, guessed bool, err error) {
	size, n := first.Length, int64(first.PartCount)
	if n == 0 {
		step, err := c.partSize(e.Size)
		if err != nil {
			return nil, false, err
		}
		return evenly(step, (e.Size+step-1)/step), false, nil
	}
	if sizer, ok := c.source.(objectstore.PartSizer); ok && n > 1 {
		sizes, err := sizer.PartSizes(ctx, e.Ref(c.from, c.Versioning))
		if ctx.Err() != nil {
			return nil, false, ctx.Err()
		}
		if offsets, whole := sums(sizes); err == nil && len(sizes) == first.PartCount && whole == e.Size {
			return offsets, false, nil
		}
	}
	if size*(n-1) < e.Size && size*n >= e.Size && !c.uneven.Load() &&
		verifier.ETagsComparable(first, objectstore.Written{ETag: e.ETag}, true) {
		return evenly(size, n), true, nil
	}
	offsets, err = c.eachOffset(ctx, e, first)
	return offsets, false, err
}

func evenly(size, n int64) []int64 {
	offsets := make([]int64, n)
	for i := range offsets {
		offsets[i] = size * int64(i)
	}
	return offsets
}

func sums(sizes []int64) (offsets []int64, whole int64) {
	for _, size := range sizes {
		offsets = append(offsets, whole)
		whole += size
	}
	return offsets, whole
}

// eachOffset asks about each part.
func (c *Copier) eachOffset(ctx context.Context, e manifest.Entry, first objectstore.Info) ([]int64, error) {
	offsets := []int64{0}
	at := first.Length
	for n := 2; n <= first.PartCount; n++ {
		offsets = append(offsets, at)
		if n == first.PartCount {
			break // the rest is its
		}
		part, err := c.source.Stat(ctx, e.Ref(c.from, c.Versioning), n)
		if err != nil {
			return nil, drifted(err)
		}
		at += part.Length
	}
	return offsets, nil
}

// copyPartsAt copies parts that begin at these places. If they are guessed, what is
// copied must make the source's ETag before it is put together.
func (c *Copier) copyPartsAt(
	ctx context.Context, e manifest.Entry, first objectstore.Info, offsets []int64, guessed bool, guard objectstore.Guard,
) (verifier.Evidence, error) {
	first.PartCount = len(offsets)
	// A service cannot copy parts into an upload with SHA-256 on every server;
	// checksums of copied parts are the service's own choice.
	first.Checksum = objectstore.Checksum{}
	var check func([]objectstore.Part) error
	if guessed {
		check = func(parts []objectstore.Part) error {
			if multipartETag(parts) == e.ETag {
				return nil
			}
			c.uneven.Store(true)
			c.Copied(-e.Size)
			return errUneven
		}
	}
	evidence, err := c.inParts(ctx, e, first, guard, func(ctx context.Context, u *upload, number int) (objectstore.Part, error) {
		last := e.Size - 1
		if number < len(offsets) {
			last = offsets[number] - 1
		}
		ref := e.Ref(c.from, c.Versioning)
		ref.CustomerKey = u.target.CustomerKey
		if part, ok := u.there[number]; ok && part.Size == last-offsets[number-1]+1 {
			// Which bytes it has, the whole will show.
			u.taken.Store(true)
			c.Copied(part.Size)
			return part, nil
		}
		part, err := c.destination.CopyPart(ctx, ref, offsets[number-1], last, u.target.Bucket, u.target.Key, u.id, number)
		if err != nil {
			return part, &refusal{err}
		}
		c.Copied(part.Size)
		return part, nil
	}, check)
	if err == nil && !verifier.ETagsComparable(evidence.Source, evidence.Written, true) {
		// What was asked about is a part: only the whole's checksum spares reading back.
		whole, err := c.source.Stat(ctx, e.Ref(c.from, c.Versioning), 0)
		if err != nil {
			return evidence, &wrote{evidence.Written, drifted(err)}
		}
		evidence.Source.Checksum = whole.Checksum
	}
	return evidence, err
}
