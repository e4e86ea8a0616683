// Package verifier decides what is known of a copy. It judges evidence that a
// transfer gathered, compares attributes, and re-reads both ends where the
// evidence is not enough. Size alone never verifies.
package verifier

import (
	"fmt"
	"maps"
	"mime"
	"slices"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/receipt"
)

// Evidence is what one transfer showed about one entry.
type Evidence struct {
	Source  objectstore.Info
	Written objectstore.Written
	// SHA256 is our hash of the bytes that the source gave, hex; empty if they
	// did not pass through us.
	SHA256 string
	// Sent is the checksum of the same bytes by the algorithm that the destination compares, where
	// that is another, or by the one that it tells; zero if it takes any.
	Sent objectstore.Checksum
	// Read is the checksum of the same bytes by the algorithm of what the source says of them, in the
	// form in which it says it; empty if the destination compares that, or the source says nothing.
	Read string
	// Enforced tells that every byte went to the destination under a signed
	// SHA-256 that this destination was seen to refuse when it is wrong.
	Enforced bool
	// SameParts tells that a multipart copy has the source's part boundaries.
	SameParts bool
	// Unasked tells that the source was not asked what it is, so that what Source
	// does not say may be there all the same.
	Unasked bool
	// Within tells that no byte of it passed through this machine.
	Within bool
}

// Said is what the source says of its bytes: of the whole, or else of its parts.
func (e Evidence) Said() objectstore.Checksum {
	if sum := e.Source.Checksum; sum.Algorithm != "" && !sum.Composite || e.Source.Sum.Algorithm == "" {
		return sum
	}
	return e.Source.Sum
}

// Finding is a verdict with its method, or with its reason.
type Finding struct {
	Verdict receipt.Verdict
	Method  receipt.Method
	Reason  string
	// Added names what the copy has, from its destination, and its source has not.
	Added []string
	// Attributes and Tags are the Fingerprint of what both ends carry, where that was compared.
	Attributes, Tags string
}

func mismatch(format string, args ...any) Finding {
	return Finding{Verdict: receipt.Mismatch, Reason: fmt.Sprintf(format, args...)}
}

// Verify weighs the evidence. One contradiction makes a mismatch, whatever else
// agrees.
func Verify(e Evidence) Finding {
	if objectstore.UnderKMS(e.Source.Encrypted) && !objectstore.UnderKMS(e.Written.Encrypted) {
		return mismatch("it is encrypted under %s at the source, and not at the destination", e.Source.Encrypted)
	}
	if e.Source.Encrypted == objectstore.CustomerKey && e.Written.Encrypted != objectstore.CustomerKey {
		return mismatch("it is encrypted under a customer-provided key at the source, and not at the destination")
	}
	source, kept := e.Source.Checksum, e.Written.Checksum
	comparable := source.Comparable(kept, e.SameParts)
	if comparable && source.Value != kept.Value {
		return mismatch("%s is %s at the source and %s at the destination", source.Algorithm, source.Value, kept.Value)
	}
	ours := base64SHA256(e.SHA256)
	if ours != "" && kept.Algorithm == "SHA256" && !kept.Composite && kept.Value != ours {
		return mismatch("SHA-256 of the source's bytes is %s, the destination computed %s", ours, kept.Value)
	}
	if ours != "" && source.Algorithm == "SHA256" && !source.Composite && source.Value != ours {
		return mismatch("the source's bytes have SHA-256 %s, the source stores %s", ours, source.Value)
	}
	received := kept
	if kept.Algorithm == "" {
		received = e.Written.Sum
	}
	sent := e.Sent.Comparable(received, false) && !e.Sent.Composite
	if sent && e.Sent.Value != received.Value {
		return mismatch("%s of the source's bytes is %s, the destination computed %s", e.Sent.Algorithm, e.Sent.Value,
			received.Value)
	}
	if said := e.Said(); e.Read != "" && said.Value != e.Read {
		return mismatch("the source's bytes have %s %s, the source stores %s", said.Algorithm, e.Read, said.Value)
	}
	there, here := e.Source.Sum, e.Written.Sum
	sums := there.Comparable(here, e.SameParts)
	if sums && there.Value != here.Value {
		return mismatch("%s is %s at the source and %s at the destination", there.Algorithm, there.Value, here.Value)
	}
	switch {
	case ours != "" && (e.Enforced || kept.Algorithm == "SHA256" && !kept.Composite):
		return Finding{Verdict: receipt.Verified, Method: receipt.SHA256}
	case comparable:
		return Finding{Verdict: receipt.Verified, Method: receipt.Checksum}
	case sent:
		return Finding{Verdict: receipt.Verified, Method: receipt.SentChecksum}
	case sums:
		return Finding{Verdict: receipt.Verified, Method: receipt.ETagMD5}
	}
	return Finding{Verdict: receipt.Unverifiable, Reason: "the two services share no checksum"}
}

// Plain tells whether an object carries nothing that an answer to its PUT
// could not show: no metadata, no tags, no header but its content type.
func Plain(a objectstore.Attributes) bool {
	return len(a.Metadata) == 0 && len(a.Tags) == 0 && a.CacheControl == "" && a.ContentDisposition == "" &&
		a.ContentEncoding == "" && a.ContentLanguage == "" && a.Expires == "" && a.WebsiteRedirect == "" &&
		len(a.Grants) == 0 && a.Lock == objectstore.Lock{}
}

// Differences names the attributes that differ, in a fixed order; never their
// values, but for the storage class, which tells nothing of a customer.
func Differences(source, destination objectstore.Attributes) []string {
	var names []string
	add := func(name string, same bool) {
		if !same {
			names = append(names, name)
		}
	}
	add("Content-Type", source.ContentType == destination.ContentType)
	add("Cache-Control", source.CacheControl == destination.CacheControl)
	add("Content-Disposition", sameText(source.ContentDisposition, destination.ContentDisposition))
	add("Content-Encoding", source.ContentEncoding == destination.ContentEncoding)
	add("Content-Language", source.ContentLanguage == destination.ContentLanguage)
	add("Expires", source.Expires == destination.Expires)
	add("website redirect", source.WebsiteRedirect == destination.WebsiteRedirect)
	add("metadata", maps.EqualFunc(source.Metadata, destination.Metadata, sameText))
	add("retention and legal hold", source.Lock.Same(destination.Lock))
	add("tags", slices.Equal(source.Tags, destination.Tags))
	add("ACL grants", slices.Equal(source.Grants, destination.Grants))
	from, to := objectstore.ClassName(source.StorageClass), objectstore.ClassName(destination.StorageClass)
	add(fmt.Sprintf("storage class (%s at the source, %s at the destination; destination.storage_class: any would "+
		"accept that)", from, to), from == to)
	return names
}

// sameText compares two values of headers. Some services answer text beyond ASCII as it
// was sent, others as encoded words (RFC 2047; Amazon S3 User Guide, "User-defined object
// metadata").
func sameText(a, b string) bool {
	if a == b {
		return true
	}
	var words mime.WordDecoder
	a, errA := words.DecodeHeader(a)
	b, errB := words.DecodeHeader(b)
	return errA == nil && errB == nil && a == b
}
