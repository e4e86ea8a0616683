package objectstore

import (
	"strconv"
	"strings"
)

// MD5 is the algorithm of a Sum, whose value is hex digits, with "-parts" appended when
// it is of the MD5s of parts.
const MD5 = "MD5"

// Content is what a listing says of a version's bytes. An ETag by itself tells only
// whether a version has changed.
type Content struct {
	// Claimed is what a writer says of the bytes, which nobody need have compared with them: no
	// evidence, and good for a service that refuses to copy other bytes; see [NewObject].
	Claimed Checksum `json:"claimed,omitzero"`
	Sum     Checksum `json:"sum,omitzero"`    // zero if nothing is told
	Parts   int      `json:"parts,omitempty"` // that the object was sent in; 0: in one piece, or not told
}

// Sum is what a listing says of a version's content.
func (v Version) Sum() Checksum { return v.contents().Sum }

// Parts is how many parts a version was sent in, 0 for one piece or where that is not told.
func (v Version) Parts() int { return v.contents().Parts }

func (v Version) contents() Content {
	if v.Content != nil {
		return *v.Content
	}
	return ETagContent(v.ETag)
}

// Same tells whether two pages of a listing show one entry in the same way.
func (v Version) Same(o Version) bool {
	a, b := v.Content, o.Content
	if v.Content, o.Content = nil, nil; a == nil || b == nil {
		return v == o && a == b
	}
	return v == o && *a == *b
}

// ETagContent reads what S3's ETags say: the MD5 of the bytes, or that of the MD5s of parts
// and how many there are. Under KMS and under a customer's key an ETag of the same form says
// nothing, which listings do not tell apart (Amazon S3 API Reference, "Object", ETag).
func ETagContent(etag string) (c Content) {
	md5, parts, multipart := strings.Cut(etag, "-")
	if multipart {
		n, err := strconv.ParseUint(parts, 10, 31)
		if c.Parts = max(int(n), 1); err != nil {
			return c
		}
	}
	if len(md5) == 32 && strings.Trim(md5, "0123456789abcdef") == "" {
		c.Sum = Checksum{Algorithm: MD5, Value: etag, Composite: multipart}
	}
	return c
}

// Encryptions that a service does by itself, as answers name them.
const (
	AES256 = "AES256"
	KMS    = "aws:kms"
)

// UnderKMS tells whether an encryption's key is one of the service's key service: who may
// read an object may be kept from its key.
func UnderKMS(encryption string) bool { return strings.HasPrefix(encryption, "aws:kms") }

// ETagSum reads what the ETag of an S3 object says that is encrypted in this way: nothing
// under KMS, whose key may be named, or under a customer's key.
func ETagSum(etag, encrypted, keyID string) Checksum {
	if keyID != "" || UnderKMS(encrypted) || encrypted == CustomerKey {
		return Checksum{}
	}
	return ETagContent(etag).Sum
}

// Comparable tells whether two checksums of equal bytes are equal, and of others differ.
// Those of parts are if the parts are equal.
func (c Checksum) Comparable(o Checksum, sameParts bool) bool {
	return c.Algorithm != "" && c.Algorithm == o.Algorithm && c.Composite == o.Composite && (!c.Composite || sameParts)
}
