package copier

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/receipt"
	"github.com/residency/residency/migrate/verifier"
)

// prover proves copies: their content by what both services say, else by reading both, and
// all that they carry besides by comparison.
type prover struct{ *ends }

// prove verifies an entry that the destination holds already, without copying:
// by what both services say of it, else by reading both.
func (p *prover) prove(ctx context.Context, e manifest.Entry, v objectstore.Version) (receipt.Receipt, error) {
	if e.Marker {
		r := p.newReceipt(e, verifier.Finding{Verdict: receipt.Verified, Method: receipt.Marker})
		r.DestinationVersionID, r.Held = v.VersionID, true
		return r, nil
	}
	source, err := p.source.Stat(ctx, e.Ref(p.from, p.Versioning), 0)
	if err != nil {
		return receipt.Receipt{}, drifted(err)
	}
	at := p.at(e.Key, v.VersionID, v.ETag)
	destination, err := p.destination.Stat(ctx, at, 0)
	if err != nil {
		return receipt.Receipt{}, err
	}
	written := objectstore.Written{VersionID: v.VersionID, ETag: destination.ETag, Checksum: destination.Checksum,
		Sum: destination.Sum, Encrypted: destination.Encrypted}
	finding := verifier.Verify(verifier.Evidence{Source: source, Written: written})
	sha := ""
	if finding.Verdict == receipt.Unverifiable || finding.Verdict == receipt.Verified && p.Readback {
		if finding, sha, err = verifier.Readback(ctx, p.source, e.Ref(p.from, p.Versioning), p.destination, at); err != nil {
			return receipt.Receipt{}, err
		}
	}
	if finding = p.encrypted(source.Encrypted, destination.Encrypted, finding); finding.Verdict == receipt.Verified {
		if finding, err = p.attributes(ctx, e, source, &destination, at, finding); err != nil {
			return receipt.Receipt{}, err
		}
	}
	r := p.newReceipt(e, finding)
	r.SHA256, r.Held = sha, true
	record(&r, written)
	if r.DestinationVersionID == objectstore.NullVersion {
		date := v.Modified
		if date.IsZero() {
			date = destination.Modified
		}
		r.Null = &receipt.Null{Modified: date.UTC(), AttributesSHA256: finding.Attributes}
	}
	return r, nil
}

// Prove holds an entry against its copy, as a receipt says that it was written:
// content and attributes. ErrDrift if the source has it no longer.
func (c *Copier) Prove(ctx context.Context, e manifest.Entry, r receipt.Receipt) (receipt.Receipt, error) {
	return c.proof.prove(ctx, e, objectstore.Version{VersionID: r.DestinationVersionID, ETag: r.DestinationETag})
}

// attributes compares everything that an object carries besides its bytes.
// destination may be nil: then it is asked for.
func (p *prover) attributes(
	ctx context.Context, e manifest.Entry, source objectstore.Info, destination *objectstore.Info, at objectstore.Ref,
	found verifier.Finding,
) (verifier.Finding, error) {
	if destination == nil {
		info, err := p.destination.Stat(ctx, at, 0)
		if err != nil {
			return found, err
		}
		destination = &info
	}
	var err error
	if source.Lock, destination.Lock, err = p.locks(ctx, e, at, destination.Lock); err != nil {
		return found, err
	}
	if source.Grants == nil {
		if source.Grants, err = p.grants(ctx, p.source, e.Ref(p.from, p.Versioning)); err != nil {
			return found, drifted(err)
		}
	}
	if destination.Grants, err = p.grants(ctx, p.destination, at); err != nil {
		return found, err
	}
	if source.Tags == nil {
		source.Tags, err = p.source.Tags(ctx, e.Ref(p.from, p.Versioning))
		if err != nil && !unoffered(err, source.TagCount) {
			return found, drifted(err)
		}
	}
	if destination.Tags, err = p.destination.Tags(ctx, at); err != nil && !unoffered(err, destination.TagCount) {
		return found, err
	}
	return p.compare(source, *destination, found), nil
}

// description compares what one request tells of a copy whose source has
// nothing that takes more of them.
func (p *prover) description(
	ctx context.Context, source objectstore.Info, at objectstore.Ref, found verifier.Finding,
) (verifier.Finding, error) {
	destination, err := p.destination.Stat(ctx, at, 0)
	if err != nil {
		return found, err
	}
	if destination.Tags = source.Tags; destination.TagCount > 0 {
		destination.Tags = make([]objectstore.Tag, destination.TagCount) // which the source has none of
	}
	destination.Lock, destination.Grants = destination.Lock.At(p.Now()), source.Grants
	return p.compare(source, destination, found), nil
}

func (p *prover) compare(source, destination objectstore.Info, found verifier.Finding) verifier.Finding {
	switch {
	case source.Incomplete != "":
		return verifier.Finding{Verdict: receipt.Unverifiable, Reason: errIncomplete.Error() + ": " + source.Incomplete}
	case destination.Incomplete != "":
		return verifier.Finding{Verdict: receipt.Unverifiable, Reason: "the destination's answer is incomplete or altered: " +
			destination.Incomplete}
	}
	if source.StorageClass = objectstore.ClassFor(p.destination, source.StorageClass); p.AnyClass {
		destination.StorageClass = source.StorageClass
	}
	p.locked(source.Lock, &destination.Lock, &found)
	source.Metadata = p.lowered(source.Metadata, &found)
	if names := verifier.Differences(source.Attributes, destination.Attributes); len(names) > 0 {
		return verifier.Finding{Verdict: receipt.Mismatch, Reason: strings.Join(names, ", ") + " differ at the destination"}
	}
	found.Attributes, found.Tags = verifier.Fingerprint(destination.Attributes)
	return found
}

// locks returns what is in force at both ends at one time. told is what the
// destination has said of its lock already, which is all that is asked where the
// source's bucket has none.
func (p *prover) locks(
	ctx context.Context, e manifest.Entry, at objectstore.Ref, told objectstore.Lock,
) (source, destination objectstore.Lock, err error) {
	if !p.Locked {
		return source, told.At(p.Now()), nil
	}
	if source, err = p.source.Lock(ctx, withoutETag(e.Ref(p.from, p.Versioning))); err != nil {
		return source, destination, drifted(err)
	}
	if destination, err = p.destination.Lock(ctx, withoutETag(at)); err != nil {
		return source, destination, err
	}
	now := p.Now()
	return source.At(now), destination.At(now), nil
}

func withoutETag(ref objectstore.Ref) objectstore.Ref {
	ref.ETag = ""
	return ref
}

func record(r *receipt.Receipt, w objectstore.Written) {
	r.DestinationVersionID, r.DestinationETag = w.VersionID, w.ETag
	if w.Checksum.Algorithm != "" {
		r.Checksum = &w.Checksum
	}
}

// drifted names what a source's "not found" and "precondition" mean here.
func drifted(err error) error {
	if errors.Is(err, objectstore.ErrNotFound) || errors.Is(err, objectstore.ErrPrecondition) {
		return fmt.Errorf("%w: %w", ErrDrift, err)
	}
	return err
}
