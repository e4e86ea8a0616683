package copier

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/verifier"
)

// streamParts copies a multipart object by its own part boundaries, so that
// its ETag and composite checksum come out equal.
func (c *Copier) streamParts(ctx context.Context, e manifest.Entry, guard objectstore.Guard) (verifier.Evidence, error) {
	if e.Size <= readAtOnce && !c.Opaque && !c.KMSDefault && !c.uneven.Load() {
		evidence, err := c.streamEven(ctx, e, guard)
		if !errors.Is(err, errUneven) {
			return evidence, err
		}
	}
	first, err := c.source.Open(ctx, e.Ref(c.from, c.Versioning), 1)
	if err != nil {
		return verifier.Evidence{}, drifted(err)
	}
	defer first.Body.Close()
	if first.PartCount == 0 {
		// The source keeps no parts: the bytes go as one object.
		return c.streamWhole(ctx, e, first, guard)
	}
	// What is said of a part names the part's checksum; the object's own takes
	// a request more.
	info, err := c.source.Stat(ctx, e.Ref(c.from, c.Versioning), 0)
	if err != nil {
		return verifier.Evidence{}, drifted(err)
	}
	info.PartCount = first.PartCount
	whole := newOrdered()
	evidence, err := c.inParts(ctx, e, info, guard, func(ctx context.Context, upload string, target objectstore.NewObject, number int) (objectstore.Part, error) {
		if number > 1 {
			return c.onePart(ctx, e, upload, target, number, whole)
		}
		return c.streamPart(ctx, e, first, upload, target, number, whole)
	}, nil)
	return hashed(evidence, whole), err
}

// onePart reads and sends one part.
func (c *Copier) onePart(ctx context.Context, e manifest.Entry, upload string, target objectstore.NewObject, number int, whole *ordered) (objectstore.Part, error) {
	o, err := c.source.Open(ctx, e.Ref(c.from, c.Versioning), number)
	if err != nil {
		return objectstore.Part{}, drifted(err)
	}
	defer o.Body.Close()
	return c.streamPart(ctx, e, o, upload, target, number, whole)
}

// hashed adds the hash of the whole, where its parts' copy says something of how
// the bytes came here.
func hashed(evidence verifier.Evidence, whole *ordered) verifier.Evidence {
	if evidence.Written.ETag != "" && !heldAgainstNothing(evidence.Source, evidence.Written, "", evidence.SameParts) {
		evidence.SHA256 = whole.sum()
	}
	return evidence
}

// streamPart sends one part as it is read, and adds its bytes to the hash of the
// whole.
func (c *Copier) streamPart(ctx context.Context, e manifest.Entry, o *objectstore.Object, upload string, target objectstore.NewObject, number int, whole *ordered) (objectstore.Part, error) {
	if c.Budget.Fits(o.Length) {
		buf, release, err := whole.buffer(ctx, number, c.Budget, o.Length)
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
		return c.sendPart(ctx, buf, upload, target, number)
	}
	// Too large to hold: read once for the hashes, once for the bytes.
	sha, sum := sha256.New(), c.hashes.make(target.Algorithm)
	if err := whole.read(ctx, number, func(w io.Writer) error { return drain(o, w, sha, sum) }); err != nil {
		return objectstore.Part{}, err
	}
	again, err := c.source.Open(ctx, e.Ref(c.from, c.Versioning), number)
	if err != nil {
		return objectstore.Part{}, drifted(err)
	}
	defer again.Body.Close()
	body := objectstore.Body{Reader: again.Body, Size: o.Length, SHA256: hex.EncodeToString(sha.Sum(nil))}
	if sum != nil {
		body.Checksum = objectstore.Checksum{Algorithm: target.Algorithm, Value: base64.StdEncoding.EncodeToString(sum.Sum(nil))}
	}
	return c.putPart(ctx, body, upload, target, number)
}

// sendPart sends a part that is held. What goes to a destination that answers
// with the checksum of what it received needs no signed hash of its own: the
// destination would hash it once more.
func (c *Copier) sendPart(ctx context.Context, data []byte, upload string, target objectstore.NewObject, number int) (objectstore.Part, error) {
	body := objectstore.Body{Reader: bytes.NewReader(data), Size: int64(len(data)), Checksum: c.hashes.checksum(target.Algorithm, data)}
	if body.Checksum.Algorithm == "" || !c.answersSums.Load() {
		sum := sha256.Sum256(data)
		body.SHA256 = hex.EncodeToString(sum[:])
	}
	return c.putPart(ctx, body, upload, target, number)
}

func (c *Copier) putPart(ctx context.Context, body objectstore.Body, upload string, target objectstore.NewObject, number int) (objectstore.Part, error) {
	body.CustomerKey = target.CustomerKey
	part, err := c.destination.UploadPart(ctx, target.Bucket, target.Key, upload, number, body)
	if err != nil {
		return part, &refusal{err}
	}
	if err := c.answered(&part, body.Checksum); err != nil {
		return part, err
	}
	c.Copied(body.Size)
	return part, nil
}

// answered holds the checksum that the destination has of a part against ours.
func (c *Copier) answered(part *objectstore.Part, ours objectstore.Checksum) error {
	switch {
	case part.Checksum.Algorithm == "":
		part.Checksum = ours
	case ours.Algorithm == "" || part.Checksum.Algorithm != ours.Algorithm:
	case part.Checksum.Value != ours.Value:
		return &refusal{fmt.Errorf("%w: the destination has part %d with another checksum", objectstore.ErrCorrupt, part.Number)}
	default:
		c.answersSums.Store(true)
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

// copyParts lets the service copy the parts of a multipart object, or of one
// that is too large for a single copy.
func (c *Copier) copyParts(ctx context.Context, e manifest.Entry, guard objectstore.Guard) (verifier.Evidence, error) {
	first, err := c.source.Stat(ctx, e.Ref(c.from, c.Versioning), 1)
	if err != nil {
		return verifier.Evidence{}, drifted(err)
	}
	offsets := []int64{0}
	for n := 2; n <= first.PartCount; n++ {
		part, err := c.source.Stat(ctx, e.Ref(c.from, c.Versioning), n-1)
		if err != nil {
			return verifier.Evidence{}, drifted(err)
		}
		offsets = append(offsets, offsets[n-2]+part.Length)
	}
	if first.PartCount == 0 {
		step, err := c.partSize(e.Size)
		if err != nil {
			return verifier.Evidence{}, err
		}
		for at := step; at < e.Size; at += step {
			offsets = append(offsets, at)
		}
		first.PartCount = len(offsets)
	}
	// A service cannot copy parts into an upload with SHA-256 on every server;
	// checksums of copied parts are the service's own choice.
	first.Checksum = objectstore.Checksum{}
	return c.inParts(ctx, e, first, guard, func(ctx context.Context, upload string, target objectstore.NewObject, number int) (objectstore.Part, error) {
		last := e.Size - 1
		if number < len(offsets) {
			last = offsets[number] - 1
		}
		ref := e.Ref(c.from, c.Versioning)
		ref.CustomerKey = target.CustomerKey
		part, err := c.destination.CopyPart(ctx, ref, offsets[number-1], last, target.Bucket, target.Key, upload, number)
		if err != nil {
			return part, &refusal{err}
		}
		c.Copied(part.Size)
		return part, nil
	}, nil)
}

const abortTime = 5 * time.Second

type partFunc func(ctx context.Context, upload string, target objectstore.NewObject, number int) (objectstore.Part, error)

// begin starts an upload in place of those of runs that died. With the error
// that it ends in, undo aborts it; with none it does nothing.
func (c *Copier) begin(ctx context.Context, target objectstore.NewObject) (upload string, undo func(error) error, err error) {
	if err := c.abandon(ctx, target.Key); err != nil {
		return "", nil, err
	}
	if upload, err = c.destination.CreateUpload(ctx, target); err != nil {
		return "", nil, err
	}
	return upload, func(err error) error {
		if err == nil || errors.Is(err, objectstore.ErrNotFound) {
			return err
		}
		// The context may have ended; the abort must still be tried, though not
		// for long: the next run abandons what is left of this one.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), abortTime)
		defer cancel()
		return errors.Join(err, c.destination.AbortUpload(ctx, target.Bucket, target.Key, upload))
	}, nil
}

// inParts runs a multipart upload of info.PartCount parts, which it completes
// if check, which may be nil, has nothing against them. The upload is aborted
// if it does not complete, and so are those of a run that died.
func (c *Copier) inParts(ctx context.Context, e manifest.Entry, info objectstore.Info, guard objectstore.Guard, send partFunc, check func([]objectstore.Part) error) (_ verifier.Evidence, err error) {
	target, err := c.describe(ctx, e, &info, guard)
	if err != nil {
		return verifier.Evidence{}, err
	}
	target.Algorithm, target.Composite = info.Checksum.Algorithm, info.Checksum.Composite
	upload, undo, err := c.begin(ctx, target)
	if err != nil {
		return verifier.Evidence{}, err
	}
	defer func() { err = undo(err) }()
	parts := make([]objectstore.Part, info.PartCount)
	var size int64
	err = spread(ctx, info.PartCount, c.Spare, func(ctx context.Context, n int) (err error) {
		parts[n-1], err = send(ctx, upload, target, n)
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
	w, err := c.destination.CompleteUpload(ctx, target, upload, parts, info.Checksum)
	if err != nil {
		return verifier.Evidence{}, &refusal{err}
	}
	if target.CustomerKey != "" && w.Encrypted == "" {
		// A completion does not tell of SSE-C.
		stored, err := c.destination.Stat(ctx, c.at(e.Key, w.VersionID, w.ETag), 0)
		if err != nil {
			return verifier.Evidence{}, err
		}
		w.Encrypted = stored.Encrypted
	}
	return verifier.Evidence{Source: info, Written: w, SameParts: true}, nil
}

// abandon aborts unfinished uploads of this key at the destination: only a run
// of this plan that died can have left them, for its keys are nobody else's.
func (c *Copier) abandon(ctx context.Context, key string) error {
	for u, err := range c.destination.Uploads(ctx, c.to, key) {
		if err != nil {
			return err
		}
		if u.Key != key || u.UploadID == c.Mark {
			continue
		}
		if err := c.destination.AbortUpload(ctx, c.to, key, u.UploadID); err != nil {
			return err
		}
	}
	return nil
}
