package copier

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/verifier"
)

// comparedEach is of about how many whole copies one is compared in full where the
// service is taken at its word that it carries all attributes.
const comparedEach = 1000

// Sampled tells whether an entry is one of about a thousand whose copy is compared in
// full where the service is taken at its word: its key and version ID decide, the same
// in every run.
func Sampled(e manifest.Entry) bool {
	name := crc32.NewIEEE()
	_, _ = io.WriteString(name, string(e.Key)+"\x00"+e.VersionID) // cannot fail
	return name.Sum32()%comparedEach == 0
}

// ErrRedirect reports a version with a website redirect, where others were copied without
// being asked for theirs.
var ErrRedirect = errors.New("a version has a website redirect, which the service's own copies lose, and others " +
	"were not asked for theirs")

// asksRedirects tells whether each version that the service copies whole is asked about.
func (s *serverSide) asksRedirects() bool {
	return s.Redirects || s.Readback || s.KMSKey != "" || !s.Carries
}

// copyWhole lets the service copy an object that it copies in one request. What it
// does not carry is sent along: a lock, grants, the storage class and, where there
// can be some, a website redirect, for which the source is asked first (Amazon S3 API
// Reference, "CopyObject", x-amz-website-redirect-location: not copied; neither its
// answer nor a listing tells). Where the service does not vouch for the others, all are
// sent, and compared; elsewhere now and then.
func (s *serverSide) copyWhole(
	ctx context.Context, e manifest.Entry, guard objectstore.Guard,
) (_ verifier.Evidence, compares bool, err error) {
	ref := e.Ref(s.from, s.Versioning)
	target := objectstore.NewObject{Bucket: s.to, Key: string(e.Key), Guard: guard}
	classed := !s.AnyClass && objectstore.ClassName(e.StorageClass) != objectstore.ClassName("")
	if classed {
		target.StorageClass = e.StorageClass
	}
	if target.Lock, err = s.lock(ctx, e); err != nil {
		return verifier.Evidence{}, false, drifted(err)
	}
	compares = !s.Carries || s.Readback || e.Key == s.Compared || Sampled(e)
	source, known := objectstore.Info{ETag: e.ETag, Sum: e.Sum(), Size: e.Size, VersionID: e.VersionID}, false
	if compares || s.Redirects || s.KMSKey != "" {
		if source, err = s.source.Stat(ctx, ref, 0); err != nil {
			return verifier.Evidence{}, false, drifted(err)
		}
		known = true
		if source.Incomplete != "" {
			return verifier.Evidence{}, false, fmt.Errorf("%w: %s", errIncomplete, source.Incomplete)
		}
		if source.WebsiteRedirect != "" && !s.asksRedirects() {
			return verifier.Evidence{}, false, ErrRedirect
		}
		if !s.Carries {
			if source.Tags, err = s.tags(ctx, e, source.TagCount); err != nil {
				return verifier.Evidence{}, false, err
			}
			class, lock := target.StorageClass, target.Lock
			target.Attributes, target.Explicit = source.Attributes, true
			target.StorageClass, target.Lock = class, lock
		}
		target.WebsiteRedirect = source.WebsiteRedirect
		compares = compares || source.WebsiteRedirect != ""
		if s.KMSKey != "" && objectstore.UnderKMS(source.Encrypted) {
			target.KMSKey = s.KMSKey
		}
	}
	if target.Grants, err = s.grants(ctx, s.source, ref); err != nil {
		return verifier.Evidence{}, false, drifted(err)
	}
	w, err := s.copyLocked(ctx, ref, target)
	if err != nil {
		return verifier.Evidence{}, false, &refusal{err}
	}
	s.Copied(e.Size)
	told := source.Sum.Comparable(w.Sum, false) && w.Sum.Value == e.Sum().Value
	asked := !told || classed || target.Lock != (objectstore.Lock{}) || len(target.Grants) > 0
	if asked && !known {
		// What is to be compared with the copy has to be known.
		if source, err = s.source.Stat(ctx, ref, 0); err != nil {
			return verifier.Evidence{}, false, &wrote{w, drifted(err)}
		}
		known = true
	}
	if !told && (source.Checksum != w.Checksum || source.Checksum.Algorithm == "") {
		source.Sum = objectstore.Checksum{} // a differing one may be a matter of encryption; reading decides
	}
	source.Lock, source.Grants = target.Lock, target.Grants
	if !compares && !asked {
		// The service vouches for these; to compare them takes three requests more.
		source.Attributes = objectstore.Attributes{StorageClass: source.StorageClass}
	}
	return verifier.Evidence{Source: source, Written: w, Unasked: !known}, compares, nil
}
