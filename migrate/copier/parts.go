package copier

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"net/http"
	"sync/atomic"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/verifier"
)

// streamer copies objects whose bytes pass through this machine.
type streamer struct {
	*ends
	uploads *uploader
	// answersSums tells that the destination answers a part with the checksum that
	// it was asked for.
	answersSums atomic.Bool
	// uneven tells that parts were seen that are not of one size, or a destination
	// whose ETags do not tell.
	uneven atomic.Bool
}

// streamParts copies a multipart object by its own part boundaries, so that
// its ETag and composite checksum come out equal.
func (s *streamer) streamParts(
	ctx context.Context, e manifest.Entry, guard objectstore.Guard,
) (verifier.Evidence, error) {
	if e.Size <= readAtOnce && !s.Opaque && !s.KMSDefault && s.sum == "" && !s.uneven.Load() {
		evidence, err := s.streamEven(ctx, e, guard)
		if !errors.Is(err, errUneven) {
			return evidence, err
		}
	}
	first, err := s.source.Open(ctx, e.Ref(s.from, s.Versioning), 1)
	if err != nil {
		return verifier.Evidence{}, drifted(err)
	}
	defer first.Body.Close()
	if first.PartCount == 0 {
		return s.streamUnparted(ctx, e, first, guard)
	}
	// What is said of a part names the part's checksum; the object's own takes
	// a request more.
	info, err := s.source.Stat(ctx, e.Ref(s.from, s.Versioning), 0)
	if err != nil {
		return verifier.Evidence{}, drifted(err)
	}
	info.PartCount = first.PartCount
	whole := newOrdered(s.claims(info, true))
	evidence, err := s.uploads.inParts(ctx, e, info, guard, func(
		ctx context.Context, u *upload, number int,
	) (objectstore.Part, error) {
		if number > 1 {
			return s.onePart(ctx, e, u, number, whole)
		}
		return s.streamPart(ctx, e, first, u, number, whole)
	}, nil)
	return hashed(evidence, whole), err
}

// streamUnparted copies an object whose source tells of no parts: the bytes go as one object,
// if the destination takes as many in one request.
func (s *streamer) streamUnparted(
	ctx context.Context, e manifest.Entry, o *objectstore.Object, guard objectstore.Guard,
) (verifier.Evidence, error) {
	if !s.single(e.Size) {
		return s.streamCut(ctx, e, o, guard)
	}
	return s.streamWhole(ctx, e, o, guard)
}

// onePart reads and sends one part.
func (s *streamer) onePart(
	ctx context.Context, e manifest.Entry, u *upload, number int, whole *ordered,
) (objectstore.Part, error) {
	o, err := s.source.Open(ctx, e.Ref(s.from, s.Versioning), number)
	if err == nil && number > 1 && e.Size > 0 && o.Length == e.Size {
		err = errors.Join(objectstore.ErrRange, o.Body.Close()) // no later part has all bytes
	}
	if errors.Is(err, objectstore.ErrRange) {
		// A part without a byte, as the last one can be: MinIO has no such range, or gives the
		// whole. That nothing is missing, the size and the ETag of the whole show.
		o, err = &objectstore.Object{Body: http.NoBody}, nil
	}
	if err != nil {
		return objectstore.Part{}, drifted(err)
	}
	defer o.Body.Close()
	return s.streamPart(ctx, e, o, u, number, whole)
}

// hashed adds the hash of the whole, where its parts' copy says something of how
// the bytes came here.
func hashed(evidence verifier.Evidence, whole *ordered) verifier.Evidence {
	switch {
	case evidence.Written.ETag == "":
	case whole.also != nil:
		evidence.SHA256 = whole.sum()
		whole.also.prove(&evidence)
	case !uncompared(evidence.Source, evidence.Written, "", evidence.SameParts):
		evidence.SHA256 = whole.sum()
	}
	return evidence
}

// streamPart sends one part as it is read, and adds its bytes to the hash of the
// whole.
func (s *streamer) streamPart(
	ctx context.Context, e manifest.Entry, o *objectstore.Object, u *upload, number int, whole *ordered,
) (objectstore.Part, error) {
	if s.Budget.Fits(o.Length) {
		buf, release, err := whole.buffer(ctx, number, s.Budget, o.Length)
		if err != nil {
			return objectstore.Part{}, err
		}
		defer release()
		if err := fill(buf, o.Body); err != nil {
			return objectstore.Part{}, err
		}
		if err := whole.add(ctx, number, buf); err != nil {
			return objectstore.Part{}, err
		}
		return s.sendPart(ctx, buf, u, number)
	}
	// Too large to hold: read once for the hashes, once for the bytes.
	sha, sum, old := sha256.New(), verifier.NewHash(u.target.Algorithm), md5.New()
	if err := whole.read(ctx, number, func(w io.Writer) error {
		if _, ok := u.there[number]; ok || s.Summed {
			w = io.MultiWriter(w, old)
		}
		return drain(o, w, sha, sum)
	}); err != nil {
		return objectstore.Part{}, err
	}
	checksum := objectstore.Checksum{}
	if sum != nil {
		checksum = objectstore.Checksum{Algorithm: u.target.Algorithm, Value: base64.StdEncoding.EncodeToString(sum.Sum(nil))}
	}
	if part, ok := s.uploads.arrived(u, number, o.Length, checksum,
		func() string { return hex.EncodeToString(old.Sum(nil)) }); ok {
		return part, nil
	}
	again, err := s.source.Open(ctx, e.Ref(s.from, s.Versioning), number)
	if err != nil {
		return objectstore.Part{}, drifted(err)
	}
	defer again.Body.Close()
	body := objectstore.Body{Reader: again.Body, Size: o.Length, SHA256: hex.EncodeToString(sha.Sum(nil)),
		Checksum: checksum}
	if s.Summed && checksum.Algorithm == "" {
		body.MD5 = hex.EncodeToString(old.Sum(nil))
	}
	return s.putPart(ctx, body, u, number)
}

// sendPart sends a part that is held. What goes to a destination that answers
// with the checksum of what it received needs no signed hash of its own: the
// destination would hash it once more.
func (s *streamer) sendPart(ctx context.Context, data []byte, u *upload, number int) (objectstore.Part, error) {
	body := objectstore.Body{Reader: bytes.NewReader(data), Size: int64(len(data)),
		Checksum: checksum(u.target.Algorithm, data)}
	if part, ok := s.uploads.arrived(u, number, body.Size, body.Checksum, md5Of(data)); ok {
		return part, nil
	}
	if body.Checksum.Algorithm == "" || !s.answersSums.Load() {
		sum := sha256.Sum256(data)
		body.SHA256 = hex.EncodeToString(sum[:])
	}
	if s.Summed && body.Checksum.Algorithm == "" {
		body.MD5 = md5Of(data)()
	}
	return s.putPart(ctx, body, u, number)
}

func (s *streamer) putPart(
	ctx context.Context, body objectstore.Body, u *upload, number int,
) (objectstore.Part, error) {
	body.CustomerKey = u.target.CustomerKey
	part, err := s.destination.UploadPart(ctx, u.target.Bucket, u.target.Key, u.id, number, body)
	if err != nil {
		return part, &refusal{err}
	}
	if part.Checksum.Algorithm != "" {
		u.told.Store(true)
	}
	if err := s.answered(&part, body.Checksum); err != nil {
		return part, err
	}
	s.Copied(body.Size)
	return part, nil
}

// answered holds the checksum that the destination has of a part against ours.
func (s *streamer) answered(part *objectstore.Part, ours objectstore.Checksum) error {
	switch {
	case part.Checksum.Algorithm == "":
		part.Checksum = ours
	case ours.Algorithm == "" || part.Checksum.Algorithm != ours.Algorithm:
	case part.Checksum.Value != ours.Value:
		return &refusal{fmt.Errorf("%w: the destination has part %d with another checksum", objectstore.ErrCorrupt,
			part.Number)}
	default:
		s.answersSums.Store(true)
	}
	return nil
}

func drain(o *objectstore.Object, whole io.Writer, sha, sum hash.Hash) error {
	w := io.MultiWriter(whole, sha)
	if sum != nil {
		w = io.MultiWriter(w, sum)
	}
	n, err := io.Copy(w, o.Body)
	if err == nil && n != o.Length {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return fmt.Errorf("read the source's body: %w", err)
	}
	return nil
}

type partFunc func(ctx context.Context, u *upload, number int) (objectstore.Part, error)

// inParts runs a multipart upload of info.PartCount parts, which it completes
// if check, which may be nil, has nothing against them.
func (c *uploader) inParts(
	ctx context.Context, e manifest.Entry, info objectstore.Info, guard objectstore.Guard, send partFunc,
	check func([]objectstore.Part) error,
) (_ verifier.Evidence, err error) {
	target, err := c.describe(ctx, e, &info, guard)
	if err != nil {
		return verifier.Evidence{}, err
	}
	target.Algorithm, target.Composite = info.Checksum.Algorithm, info.Checksum.Composite
	full := info.Checksum
	if c.sum != "" {
		target.Algorithm, target.Composite, full = c.sum, false, objectstore.Checksum{}
	}
	u, undo, err := c.begin(ctx, e, target, int64(info.PartCount))
	if err != nil {
		return verifier.Evidence{}, err
	}
	defer func() { err = undo(err) }()
	parts := make([]objectstore.Part, info.PartCount)
	var size int64
	err = spread(ctx, info.PartCount, c.Spare, func(ctx context.Context, n int) (err error) {
		parts[n-1], err = send(ctx, u, n)
		return err
	})
	if err != nil {
		return verifier.Evidence{}, err
	}
	for _, p := range parts {
		size += p.Size
	}
	if size != e.Size {
		return verifier.Evidence{}, fmt.Errorf("%w: its parts have %d bytes, the object %d", ErrDrift, size, e.Size)
	}
	if check != nil {
		if err := check(parts); err != nil {
			return verifier.Evidence{}, err
		}
	}
	if whole := sumOfParts(parts); u.taken.Load() && whole != "" && whole != e.Sum().Value &&
		info.Sum.Algorithm == objectstore.MD5 && info.Sum.Composite {
		return verifier.Evidence{}, errUnfit
	}
	w, err := c.destination.CompleteUpload(ctx, target, u.id, parts, full)
	if errors.Is(err, objectstore.ErrRejected) && target.Algorithm != "" && !u.told.Load() {
		// It kept no checksum of any part, and takes none at the end.
		target.Algorithm, target.Composite = "", false
		w, err = c.destination.CompleteUpload(ctx, target, u.id, parts, objectstore.Checksum{})
	}
	if errors.Is(err, objectstore.ErrCorrupt) && e.Size == 0 {
		// MinIO takes no checksum of a whole without a byte, of which nothing can be corrupt.
		w, err = c.destination.CompleteUpload(ctx, target, u.id, parts, objectstore.Checksum{})
	}
	if err != nil {
		return verifier.Evidence{}, &refusal{err}
	}
	if target.CustomerKey != "" && w.Encrypted == "" {
		// A completion does not tell of SSE-C.
		stored, err := c.destination.Stat(ctx, c.at(e.Key, w.VersionID, w.ETag), 0)
		if err != nil {
			return verifier.Evidence{}, err
		}
		w.Encrypted, w.Sum = stored.Encrypted, stored.Sum
	}
	return verifier.Evidence{Source: info, Written: w, SameParts: true}, nil
}
