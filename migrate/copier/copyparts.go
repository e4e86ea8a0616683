package copier

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"strings"
	"sync/atomic"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/verifier"
)

// serverSide lets the service copy, so that no byte passes through this machine.
type serverSide struct {
	*ends
	uploads *uploader
	// uneven tells that parts were seen that are not of one size, or a destination
	// whose ETags do not tell.
	uneven atomic.Bool
}

// copyParts lets the service copy the parts of a multipart object, or of one
// that is too large for a single copy.
func (s *serverSide) copyParts(
	ctx context.Context, e manifest.Entry, guard objectstore.Guard,
) (verifier.Evidence, error) {
	first, err := s.source.Stat(ctx, e.Ref(s.from, s.Versioning), 1)
	if err != nil {
		return verifier.Evidence{}, drifted(err)
	}
	offsets, whole, guessed, err := s.offsets(ctx, e, first)
	if err != nil {
		return verifier.Evidence{}, err
	}
	if first.Checksum, err = s.summed(ctx, e, first, whole); err != nil {
		return verifier.Evidence{}, err
	}
	evidence, err := s.copyPartsAt(ctx, e, first, offsets, guessed, guard)
	if !guessed || !errors.Is(err, errUneven) {
		return evidence, err
	}
	if offsets, err = s.eachOffset(ctx, e, first); err != nil {
		return verifier.Evidence{}, err
	}
	return s.copyPartsAt(ctx, e, first, offsets, false, guard)
}

// sumsParts tells whether the service sums parts that it copies as their upload says.
func (s *serverSide) sumsParts() bool {
	return objectstore.CapabilitiesOf(s.destination).SumsCopiedParts
}

// summed is the checksum that the copy is to keep, which is the source's where the
// service sums the parts that it copies; elsewhere the service chooses. What was told of
// the first part names the part's, but for an object that has no parts.
func (s *serverSide) summed(
	ctx context.Context, e manifest.Entry, first objectstore.Info, whole objectstore.Checksum,
) (objectstore.Checksum, error) {
	switch {
	case !s.sumsParts():
		return objectstore.Checksum{}, nil
	case whole.Algorithm == "" && first.PartCount == 0:
		whole = first.Checksum
	case whole.Algorithm == "" && first.Checksum.Algorithm != "":
		info, err := s.source.Stat(ctx, e.Ref(s.from, s.Versioning), 0)
		if err != nil {
			return whole, drifted(err)
		}
		whole = info.Checksum
	}
	if !whole.Composite && !strings.HasPrefix(whole.Algorithm, "CRC") {
		return objectstore.Checksum{}, nil // of the whole there is none such for what comes in parts
	}
	return whole, nil
}

// offsets says where an object's parts begin: as its service tells at once, which may
// tell the checksum of the whole as well; else, as the size and the number of its parts
// suggest, which what is copied has to bear out; else as each is asked.
func (s *serverSide) offsets(
	ctx context.Context, e manifest.Entry, first objectstore.Info,
) (offsets []int64, whole objectstore.Checksum, guessed bool, err error) {
	size, n := first.Length, int64(first.PartCount)
	if n == 0 {
		step, err := s.partSize(e.Size)
		if err != nil {
			return nil, whole, false, err
		}
		return evenly(step, (e.Size+step-1)/step), whole, false, nil
	}
	if sizer, ok := s.source.(objectstore.PartSizer); ok && (n > 1 || s.sumsParts()) {
		var sizes []int64
		sizes, whole, err = sizer.PartSizes(ctx, e.Ref(s.from, s.Versioning))
		if ctx.Err() != nil {
			return nil, whole, false, ctx.Err()
		}
		if offsets, size := added(sizes); err == nil && len(sizes) == first.PartCount && size == e.Size {
			return offsets, whole, false, nil
		}
	}
	if size*(n-1) < e.Size && size*n >= e.Size && !s.uneven.Load() &&
		first.Sum.Comparable(e.Sum(), true) {
		return evenly(size, n), whole, true, nil
	}
	offsets, err = s.eachOffset(ctx, e, first)
	return offsets, whole, false, err
}

func evenly(size, n int64) []int64 {
	offsets := make([]int64, n)
	for i := range offsets {
		offsets[i] = size * int64(i)
	}
	return offsets
}

func added(sizes []int64) (offsets []int64, whole int64) {
	for _, size := range sizes {
		offsets = append(offsets, whole)
		whole += size
	}
	return offsets, whole
}

// eachOffset asks about each part.
func (s *serverSide) eachOffset(ctx context.Context, e manifest.Entry, first objectstore.Info) ([]int64, error) {
	offsets := []int64{0}
	at := first.Length
	for n := 2; n <= first.PartCount; n++ {
		offsets = append(offsets, at)
		if n == first.PartCount {
			break // the rest is its
		}
		part, err := s.source.Stat(ctx, e.Ref(s.from, s.Versioning), n)
		if err != nil {
			return nil, drifted(err)
		}
		at += part.Length
	}
	return offsets, nil
}

// emptyPart makes a part without a byte, of which there is nothing to be copied.
func (s *serverSide) emptyPart(ctx context.Context, u *upload, number int) (objectstore.Part, error) {
	sum := sha256.Sum256(nil)
	part, err := s.destination.UploadPart(ctx, u.target.Bucket, u.target.Key, u.id, number, objectstore.Body{
		Reader: bytes.NewReader(nil), SHA256: hex.EncodeToString(sum[:]), CustomerKey: u.target.CustomerKey})
	if err != nil {
		return part, &refusal{err}
	}
	return part, nil
}

// copyPartsAt copies parts that begin at these places. If they are guessed, what is
// copied must make the source's ETag before it is put together.
func (s *serverSide) copyPartsAt(
	ctx context.Context, e manifest.Entry, first objectstore.Info, offsets []int64, guessed bool, guard objectstore.Guard,
) (verifier.Evidence, error) {
	first.PartCount = len(offsets)
	var check func([]objectstore.Part) error
	if guessed {
		check = func(parts []objectstore.Part) error {
			if sumOfParts(parts) == e.Sum().Value {
				return nil
			}
			s.uneven.Store(true)
			s.Copied(-e.Size)
			return errUneven
		}
	}
	evidence, err := s.uploads.inParts(ctx, e, first, guard, func(
		ctx context.Context, u *upload, number int,
	) (objectstore.Part, error) {
		last := e.Size - 1
		if number < len(offsets) {
			last = offsets[number] - 1
		}
		ref := e.Ref(s.from, s.Versioning)
		ref.CustomerKey = u.target.CustomerKey
		if part, ok := u.there[number]; ok && part.Size == last-offsets[number-1]+1 {
			// Which bytes it has, the whole will show.
			u.taken.Store(true)
			s.Copied(part.Size)
			return part, nil
		}
		if last < offsets[number-1] {
			return s.emptyPart(ctx, u, number)
		}
		part, err := s.destination.CopyPart(ctx, ref, offsets[number-1], last, u.target.Bucket, u.target.Key, u.id, number)
		if err != nil {
			return part, &refusal{err}
		}
		s.Copied(part.Size)
		return part, nil
	}, check)
	if err == nil && first.Checksum.Algorithm == "" && !evidence.Source.Sum.Comparable(evidence.Written.Sum, true) {
		// What was asked about is a part: only the whole's checksum spares reading back.
		whole, err := s.source.Stat(ctx, e.Ref(s.from, s.Versioning), 0)
		if err != nil {
			return evidence, &wrote{evidence.Written, drifted(err)}
		}
		evidence.Source.Checksum = whole.Checksum
	}
	return evidence, err
}
