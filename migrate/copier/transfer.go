package copier

import (
	"bytes"
	"cmp"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/verifier"
)

// transfer copies one version and proves it.
func (c *Copier) transfer(ctx context.Context, e manifest.Entry, guard objectstore.Guard) (receipt.Receipt, error) {
	evidence, compares, err := c.copyUntilVersioned(ctx, e, guard)
	if err != nil {
		return receipt.Receipt{}, err
	}
	at := c.at(e.Key, evidence.Written.VersionID, evidence.Written.ETag)
	finding, within := verifier.Verify(evidence), evidence.Within
	if finding.Verdict == receipt.Unverifiable || finding.Verdict == receipt.Verified && c.Readback {
		var sha string
		if finding, sha, err = verifier.Readback(ctx, c.source, e.Ref(c.from, c.Versioning), c.destination, at); err != nil {
			return receipt.Receipt{}, &wrote{evidence.Written, err}
		}
		evidence.SHA256, within = sha, false
	}
	if !evidence.Unasked {
		finding = c.proof.encrypted(evidence.Source.Encrypted, evidence.Written.Encrypted, finding)
	}
	if finding.Verdict == receipt.Verified {
		switch source := evidence.Source; {
		case !verifier.Plain(source.Attributes) || source.Incomplete != "" || compares:
			finding, err = c.proof.attributes(ctx, e, source, nil, at, finding)
		case !c.AnyClass && objectstore.ClassName(source.StorageClass) != objectstore.ClassName(""):
			finding, err = c.proof.description(ctx, source, at, finding)
		}
		if err != nil {
			return receipt.Receipt{}, &wrote{evidence.Written, err}
		}
	}
	r := c.newReceipt(e, finding)
	if evidence.Written.VersionID == objectstore.NullVersion {
		if finding.Attributes == "" && c.streams != nil {
			finding.Attributes, _ = verifier.Fingerprint(evidence.Source.Attributes) // which were sent
		}
		r.Null = &receipt.Null{Answered: evidence.Written.Answered.UTC(), AttributesSHA256: finding.Attributes}
	}
	r.SHA256, r.Within = evidence.SHA256, within
	record(&r, evidence.Written)
	return r, nil
}

// copyVersion copies one version. compares tells that its attributes are to be compared
// even if it has none.
func (c *Copier) copyVersion(
	ctx context.Context, e manifest.Entry, guard objectstore.Guard,
) (_ verifier.Evidence, compares bool, err error) {
	if c.some {
		evidence, err := c.copySome(ctx, e, guard)
		return evidence, false, err
	}
	if c.service != nil && e.Parts() == 0 && c.single(e.Size) {
		return c.service.copyWhole(ctx, e, guard)
	}
	evidence, err := c.pieces(ctx, e, guard)
	return evidence, false, err
}

func (c *Copier) pieces(ctx context.Context, e manifest.Entry, guard objectstore.Guard) (verifier.Evidence, error) {
	switch {
	case c.service != nil && !c.some:
		return c.service.copyParts(ctx, e, guard)
	case e.Parts() > 0:
		return c.streams.streamParts(ctx, e, guard)
	}
	o, err := c.source.Open(ctx, e.Ref(c.from, c.Versioning), 0)
	if err != nil {
		return verifier.Evidence{}, drifted(err)
	}
	defer o.Body.Close()
	if !c.single(e.Size) {
		return c.streams.streamCut(ctx, e, o, guard)
	}
	return c.streams.streamWhole(ctx, e, o, guard)
}

// describe turns what the source answered into what is to be written.
func (c *ends) describe(
	ctx context.Context, e manifest.Entry, info *objectstore.Info, guard objectstore.Guard,
) (_ objectstore.NewObject, err error) {
	if info.Size != e.Size || info.ETag != e.ETag {
		return objectstore.NewObject{}, fmt.Errorf("%w: its size or ETag differs", ErrDrift)
	}
	if info.Incomplete != "" {
		return objectstore.NewObject{}, fmt.Errorf("%w: %s", errIncomplete, info.Incomplete)
	}
	if info.Tags, err = c.tags(ctx, e, info.TagCount); err != nil {
		return objectstore.NewObject{}, err
	}
	if !c.Locked && info.Lock.At(c.Now()) != (objectstore.Lock{}) {
		return objectstore.NewObject{}, errLockLost
	}
	if info.Lock, err = c.lock(ctx, e); err != nil {
		return objectstore.NewObject{}, drifted(err)
	}
	if info.Grants, err = c.grants(ctx, c.source, e.Ref(c.from, c.Versioning)); err != nil {
		return objectstore.NewObject{}, drifted(err)
	}
	o := objectstore.NewObject{Bucket: c.to, Key: string(e.Key), Attributes: info.Attributes, Guard: guard,
		CustomerKey: info.CustomerKey}
	if o.StorageClass = objectstore.ClassFor(c.destination, o.StorageClass); c.AnyClass {
		o.StorageClass = ""
	}
	if objectstore.UnderKMS(info.Encrypted) {
		if o.KMSKey = c.KMSKey; o.KMSKey == "" && !c.KMSDefault {
			return o, receipt.ErrNoKey
		}
	}
	return o, nil
}

// lock returns what is in force at the source, where its bucket has locks at all.
func (c *ends) lock(ctx context.Context, e manifest.Entry) (objectstore.Lock, error) {
	if !c.Locked {
		return objectstore.Lock{}, nil
	}
	l, err := c.source.Lock(ctx, withoutETag(e.Ref(c.from, c.Versioning)))
	return l.At(c.Now()), err
}

// streamWhole sends an object in one PUT. What fits is held whole, hashed, and
// sent under its SHA-256; what does not is hashed on its way, while the
// source's own checksum or MD5 goes ahead of it for the destination to check.
func (s *streamer) streamWhole(
	ctx context.Context, e manifest.Entry, o *objectstore.Object, guard objectstore.Guard,
) (verifier.Evidence, error) {
	target, err := s.describe(ctx, e, &o.Info, guard)
	if err != nil {
		return verifier.Evidence{}, err
	}
	body := objectstore.Body{Size: o.Size, Checksum: o.Checksum}
	if o.Checksum.Composite || o.Checksum.Algorithm == "" {
		body.Checksum = objectstore.Checksum{}
		if o.Sum.Algorithm == objectstore.MD5 && !o.Sum.Composite {
			body.MD5 = o.Sum.Value
		}
	}
	evidence := verifier.Evidence{Source: o.Info}
	if o.Size <= s.Buffered && s.Budget.Fits(o.Size) {
		buf, release, err := s.Budget.Get(ctx, o.Size)
		if err != nil {
			return evidence, err
		}
		defer release()
		if err := fill(buf, o.Body); err != nil {
			return evidence, err
		}
		sum := sha256.Sum256(buf)
		body.Reader, body.SHA256 = bytes.NewReader(buf), hex.EncodeToString(sum[:])
		also := s.claims(o.Info, false)
		if also != nil {
			_, _ = also.Write(buf) // a hash's Write never fails
			if err := also.check(); err != nil {
				return evidence, err
			}
			body.Checksum = also.checksum()
			also.prove(&evidence)
			if body.MD5 == "" && objectstore.CapabilitiesOf(s.destination).TellsMD5 {
				if body.MD5 = o.Sum.Value; o.Sum.Algorithm != objectstore.MD5 || o.Sum.Composite {
					body.MD5 = md5Of(buf)()
				}
			}
		}
		if body.Checksum.Algorithm == "" {
			body.Checksum = objectstore.Checksum{Algorithm: "SHA256", Value: base64.StdEncoding.EncodeToString(sum[:])}
		}
		evidence.SHA256, evidence.Enforced = body.SHA256, s.Enforced
		evidence.Written, err = s.destination.Put(ctx, target, body)
		if err != nil {
			return evidence, &refusal{err}
		}
		if also != nil && onlyMD5(evidence.Written) && !o.Sum.Comparable(evidence.Written.Sum, false) {
			if body.MD5 == "" {
				body.MD5 = md5Of(buf)()
			}
			evidence.Sent = objectstore.Checksum{Algorithm: objectstore.MD5, Value: body.MD5}
		}
	} else if s.Summed && body.Checksum.Algorithm == "" && body.MD5 == "" {
		var again io.ReadCloser
		if again, err = s.readTwice(ctx, e, o, &body); err != nil {
			return evidence, err
		}
		defer again.Close()
		evidence.SHA256, evidence.Enforced = body.SHA256, s.Enforced
		if evidence.Written, err = s.destination.Put(ctx, target, body); err != nil {
			return evidence, &refusal{err}
		}
	} else {
		hash := sha256.New()
		var into io.Writer = hash
		also := s.claims(o.Info, false)
		if also != nil {
			into, body.Checksum = io.MultiWriter(hash, also), objectstore.Checksum{}
		}
		body.Reader = io.TeeReader(io.LimitReader(o.Body, o.Size), into)
		evidence.Written, err = s.destination.Put(ctx, target, body)
		if err != nil {
			return evidence, &refusal{err}
		}
		if evidence.SHA256 = hex.EncodeToString(hash.Sum(nil)); also != nil {
			also.prove(&evidence)
		}
	}
	if evidence.Sent.Algorithm == "" && uncompared(o.Info, evidence.Written, body.MD5, false) {
		evidence.SHA256 = "" // it says nothing of how the bytes came here: reading decides
	}
	s.Copied(o.Size)
	return evidence, nil
}

// onlyMD5 tells whether a destination has told the MD5 of what it received, and nothing else.
func onlyMD5(w objectstore.Written) bool {
	return w.Checksum.Algorithm == "" && w.Sum.Algorithm == objectstore.MD5 && !w.Sum.Composite
}

// readTwice reads an object for its hashes, and opens it again for its bytes: where
// none is known ahead of them, and they are too many to be held.
func (s *streamer) readTwice(
	ctx context.Context, e manifest.Entry, o *objectstore.Object, body *objectstore.Body,
) (io.ReadCloser, error) {
	sha, sum := sha256.New(), md5.New()
	if n, err := io.Copy(io.MultiWriter(sha, sum), o.Body); err != nil || n != o.Size {
		return nil, cutShort(cmp.Or(err, io.EOF))
	}
	again, err := s.source.Open(ctx, e.Ref(s.from, s.Versioning), 0)
	if err != nil {
		return nil, drifted(err)
	}
	body.Reader = io.LimitReader(again.Body, o.Size)
	body.SHA256, body.MD5 = hex.EncodeToString(sha.Sum(nil)), hex.EncodeToString(sum.Sum(nil))
	return again.Body, nil
}

// uncompared tells whether the source has said something of its bytes
// that the destination, to judge by its answer, has not compared: then bytes that
// changed on their way from the source went unnoticed.
func uncompared(source objectstore.Info, written objectstore.Written, md5 string, sameParts bool) bool {
	return source.Checksum.Algorithm != "" && !source.Checksum.Composite &&
		written.Checksum.Algorithm != source.Checksum.Algorithm &&
		md5 == "" && !source.Sum.Comparable(written.Sum, sameParts)
}

// fill reads exactly len(buf) bytes; nothing must follow.
func fill(buf []byte, r io.Reader) error {
	if _, err := io.ReadFull(r, buf); err != nil {
		return cutShort(err)
	}
	var more [1]byte
	if n, err := r.Read(more[:]); n > 0 {
		return errors.New("read the source's body: longer than its size")
	} else if err != nil && !errors.Is(err, io.EOF) {
		return fmt.Errorf("read the source's body: %w", err)
	}
	return nil
}

// cutShort names an error of reading a body to its end.
func cutShort(err error) error {
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return fmt.Errorf("read the source's body: %w", err)
}
