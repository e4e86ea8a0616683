package copier

import (
	"context"
	"fmt"
	"hash/crc32"
	"io"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/verifier"
)

// comparedEach is of about how many whole copies one is compared in full where the
// service is taken at its word that it carries all attributes. Which ones, their names
// decide.
const comparedEach = 1000

func (c *Copier) samples(e manifest.Entry) bool {
	name := crc32.NewIEEE()
	_, _ = io.WriteString(name, string(e.Key)+"\x00"+e.VersionID) // cannot fail
	return e.Key == c.Compared || name.Sum32()%comparedEach == 0
}

// copyWhole lets the service copy an object that it copies in one request. What it
// does not carry is sent along: a lock, grants, the storage class and, where there
// can be some, a website redirect, for which the source is asked first (Amazon S3 API
// Reference, "CopyObject", x-amz-website-redirect-location: not copied). Where the
// service does not vouch for the others, all are sent, and compared; elsewhere now and
// then.
func (c *Copier) copyWhole(ctx context.Context, e manifest.Entry, guard objectstore.Guard) (_ verifier.Evidence, compares bool, err error) {
	ref := e.Ref(c.from, c.Versioning)
	target := objectstore.NewObject{Bucket: c.to, Key: string(e.Key), Guard: guard}
	classed := !c.AnyClass && verifier.Class(e.StorageClass) != verifier.Class("")
	if classed {
		target.StorageClass = e.StorageClass
	}
	if target.Lock, err = c.lock(ctx, e); err != nil {
		return verifier.Evidence{}, false, drifted(err)
	}
	compares = !c.Carries || c.Readback || c.samples(e)
	source, known := objectstore.Info{ETag: e.ETag, Size: e.Size, VersionID: e.VersionID}, false
	if compares || c.Redirects || c.KMSKey != "" {
		if source, err = c.source.Stat(ctx, ref, 0); err != nil {
			return verifier.Evidence{}, false, drifted(err)
		}
		known = true
		if source.Incomplete != "" {
			return verifier.Evidence{}, false, fmt.Errorf("%w: %s", errIncomplete, source.Incomplete)
		}
		if !c.Carries {
			if source.Tags, err = c.tags(ctx, e, source.TagCount); err != nil {
				return verifier.Evidence{}, false, err
			}
			class, lock := target.StorageClass, target.Lock
			target.Attributes, target.Explicit = source.Attributes, true
			target.StorageClass, target.Lock = class, lock
		}
		target.WebsiteRedirect = source.WebsiteRedirect
		compares = compares || source.WebsiteRedirect != ""
		if c.KMSKey != "" && strings.HasPrefix(source.Encrypted, "aws:kms") {
			target.KMSKey = c.KMSKey
		}
	}
	if target.Grants, err = c.grants(ctx, c.source, ref); err != nil {
		return verifier.Evidence{}, false, drifted(err)
	}
	w, err := c.copyLocked(ctx, ref, target)
	if err != nil {
		return verifier.Evidence{}, false, &refusal{err}
	}
	c.Copied(e.Size)
	told := verifier.ETagsComparable(source, w, false) && w.ETag == e.ETag
	asked := !told || classed || target.Lock != (objectstore.Lock{}) || len(target.Grants) > 0
	if asked && !known {
		// What is to be compared with the copy has to be known.
		if source, err = c.source.Stat(ctx, ref, 0); err != nil {
			return verifier.Evidence{}, false, &wrote{w, drifted(err)}
		}
		known = true
	}
	if !told && (source.Checksum != w.Checksum || source.Checksum.Algorithm == "") {
		source.ETag = "" // a differing one may be a matter of encryption; reading decides
	}
	source.Lock, source.Grants = target.Lock, target.Grants
	if !compares && !asked {
		// The service vouches for these; to compare them takes three requests more.
		source.Attributes = objectstore.Attributes{StorageClass: source.StorageClass}
	}
	return verifier.Evidence{Source: source, Written: w, Unasked: !known}, compares, nil
}
