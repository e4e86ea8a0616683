package objectstore

import "strings"

// Capabilities is what a service does by its own word. The zero value promises nothing:
// whoever depends on something looks for himself.
type Capabilities struct {
	// CountsTags tells with every answer about a version how many tags it has, to whoever
	// may read them. Of others that has to be seen: what is not told there may be.
	CountsTags bool
	// CarriesAttributes copies everything that an object has besides its bytes, but for a
	// website redirect, a lock and grants. Of others copies are compared with what they
	// are of.
	CarriesAttributes bool
	// CopiesSome is of a service that copies some versions by itself and not others, as a SomeCopier
	// says: whole, with Explicit attributes, and refusing bytes that do not have what is Claimed of
	// them. What it does not copy after all is ErrNotByItself.
	CopiesSome bool
	// SumsCopiedParts sums parts that it copies by the algorithm of the upload that they
	// go to. Others fail there, or at the end.
	SumsCopiedParts bool
	// AcrossRegions copies from region to region, unless the network path to the
	// destination does not let it, which is ErrOneRegion. With others there is no such path.
	AcrossRegions bool
	// KeepsOwner gives a bucket's owner access whatever its policy leaves unsaid. With
	// others the first policy of a bucket may lock its owner out.
	KeepsOwner bool
	// ConditionsWrites compares the conditions of writes, be they of objects, uploads or
	// copies. Of others a probe shows it.
	ConditionsWrites bool
	// LocatesBuckets tells of each bucket in which of its regions it is, whatever address is
	// asked. Where others answer at one address, they are at one place.
	LocatesBuckets bool
	// NewBuckets is what it gives each new bucket by itself.
	NewBuckets NewBucket
	// Sum is the one algorithm by which the service compares what it is sent, of objects and of
	// parts, and tells what it has; empty for services that take any of S3's.
	Sum string
	// TellsMD5 is of a server in the service's place that was seen to tell the MD5 of an object that it
	// received in one piece, and not that sum.
	TellsMD5 bool
	// ForgetsEmptyUploads is of a service that knows nothing of an upload before its first part has come, so that no
	// mark can be left by one.
	ForgetsEmptyUploads bool
	// NoMarkers tells that the service has versions, but no delete markers: histories with
	// some cannot be written there, and PutMarker is not offered.
	NoMarkers bool
	// TrailingMarkers is of such a service whose keys can have versions and none that is
	// current. Its listings show a delete marker on top of those (see MarkerOf), and PutMarker
	// makes it so of a key whose newest entry is a version. No other marker can be written.
	TrailingMarkers bool
	// DeletesInSteps is of such a service that deletes what is current by making it a previous
	// version first: after the first step alone, a marker is shown above it.
	DeletesInSteps bool
	// OrdersByUTF16 is of a service that lists keys by their UTF-16 code units. That is the order of
	// their bytes unless both a character beyond U+FFFF and one from U+E000 on are among them.
	OrdersByUTF16 bool
	// NoRedirects is of a service whose objects are no website redirects.
	NoRedirects bool
	// LowersNames is of a service that keeps names of metadata in lower case.
	LowersNames bool
	// AnyOrder is of a service that lists in an order of its own. Its listings are sorted on the way, and that each is
	// complete rests on a second one that tells the same.
	AnyOrder bool
}

// NewBucket is what a service gives each new bucket by itself.
type NewBucket struct {
	BlocksPublic        bool // neither a policy nor a list may open it
	RefusesCustomerKeys bool // it takes no objects under SSE-C
	// AccountVersioning tells that it has the versioning of its whole account, which is not to be
	// changed for one bucket's sake.
	AccountVersioning bool
}

// Capable is a store that says what its service does.
type Capable interface{ Capabilities() Capabilities }

// CapabilitiesOf returns what a store says, or nothing.
func CapabilitiesOf(store any) Capabilities {
	if c, ok := store.(Capable); ok {
		return c.Capabilities()
	}
	return Capabilities{}
}

// End is one end of a copy; see Store.
type End interface{ Endpoint() string }

// CopySource is a destination that knows from where else its service copies by itself.
type CopySource interface{ CanCopyFrom(source End) bool }

// CanCopy tells whether the destination's service can copy from the source by itself:
// where the destination does not say, if one answers for both.
func CanCopy(source, destination End) bool {
	if d, ok := destination.(CopySource); ok {
		return d.CanCopyFrom(source)
	}
	return source.Endpoint() == destination.Endpoint()
}

// SomeCopier is a destination that CopiesSome versions of a source.
type SomeCopier interface {
	// CopiesVersion tells whether the service copies a version by itself, as a listing of the
	// source's bucket shows it.
	CopiesVersion(bucket string, v Version) bool
}

// CopiesVersion tells whether the service of a destination that CanCopy copies a version by itself.
func CopiesVersion(destination any, bucket string, v Version) bool {
	if !CapabilitiesOf(destination).CopiesSome {
		return true
	}
	some, ok := destination.(SomeCopier)
	return ok && some.CopiesVersion(bucket, v)
}

const markerOf = "deleted:"

// MarkerOf is the ID of the delete marker that is shown above the newest version of a key of
// which none is current; see TrailingMarkers. It goes with that version, and deleting it does
// nothing.
func MarkerOf(versionID string) string { return markerOf + versionID }

// IsMarkerOf tells whether an ID is that of such a marker.
func IsMarkerOf(id string) bool { return strings.HasPrefix(id, markerOf) }

// Marked is the ID of the version that such a marker is shown above.
func Marked(markerID string) string { return strings.TrimPrefix(markerID, markerOf) }
