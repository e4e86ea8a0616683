package permission

import (
	"slices"

	"github.com/residency/residency/inventory/objectstore/iam"
)

// settings are the operations' names for what buckets are configured by, besides
// versioning and tags.
func settings() []string {
	return append(carried(), "BucketReplication", "BucketLogging", "BucketNotificationConfiguration")
}

// carried are those that are written at the destination too.
func carried() []string {
	return []string{"BucketEncryption", "BucketOwnershipControls", "PublicAccessBlock", "ObjectLockConfiguration",
		"BucketCors", "BucketWebsite", "BucketRequestPayment", "BucketPolicy", "BucketLifecycleConfiguration"}
}

func verbs(verb string, nouns []string) []string {
	names := make([]string, len(nouns))
	for i, n := range nouns {
		names[i] = verb + n
	}
	return names
}

// Uses returns the requests of a stage. This is the one place that says so; a test
// runs each stage under what follows from it, and fails for what is denied and for
// what is never used.
func (s Stage) Uses() []Use {
	switch s {
	case Inventory:
		return slices.Concat(search(), listings(Source, "count what is there"), listings(Destination, "count what is there"))
	case Plan:
		return plan()
	case Copy:
		return copies()
	case Verify:
		return verify()
	case Erase:
		return erase()
	case Fence:
		return fence()
	case Restore:
		return place{end: Source, place: Data, why: "request archived versions"}.each("RestoreObject")
	case Abort:
		return abort()
	}
	return nil
}

// search are the requests by which customers' buckets are found.
func search() []Use {
	return place{end: Anywhere, place: AllBuckets, why: "find the buckets and their customers"}.
		each("ListBuckets", "GetBucketTagging") // the list tells of each where it is
}

// listings are the requests by which all that a bucket holds is found.
func listings(end End, why string) []Use {
	return place{end: end, place: TheBucket, why: why}.
		each("ListObjectVersions", "ListObjectsV2", "ListMultipartUploads", "GetBucketVersioning")
}

// readState are the requests by which a state in a bucket is read.
func readState() []Use {
	find := place{end: State, place: TheBucket, why: "find the state"}
	read := place{end: State, place: Data, why: "read the state"}
	return append(find.each("HeadBucket", "GetBucketVersioning", "ListObjectVersions", "ListObjectsV2"),
		read.send("GetObject", iam.Current, iam.UnderKMS))
}

// writeState are those by which it is kept, the lease included.
func writeState() []Use {
	write := place{end: State, place: Data, why: "keep the state"}
	return append(readState(), write.send("PutObject", iam.UnderKMS),
		place{end: State, place: Data, why: "renew the lease"}.send("PutObject", iam.Unchanged))
}

func plan() []Use {
	source := place{end: Source, place: TheBucket, why: "read the bucket's settings"}
	sample := place{end: Source, place: Data, why: "sample a few versions"}
	destination := place{end: Destination, place: TheBucket, why: "examine an existing destination"}
	return slices.Concat(search(), listings(Source, "list what is to move"),
		source.each(verbs("Get", settings())...), source.each("GetBucketAcl"),
		[]Use{
			sample.send("HeadObject", iam.Current, iam.Version, iam.UnderKMS),
			sample.send("GetObjectTagging", iam.Current, iam.Version),
			sample.send("GetObjectAcl", iam.Current, iam.Version),
			sample.send("ListObjectAnnotations", iam.Current, iam.Version),
		},
		listings(Destination, "see what an existing destination holds"),
		destination.each(verbs("Get", settings())...),
		[]Use{
			place{end: Destination, place: Leases, why: "see which plan created it"}.send("GetObject", iam.Current),
			place{end: Destination, place: Probes, why: "see whether anything is copied there from another region; nothing is",
				optional: "that a VPC endpoint keeps copies off shows at the first one"}.send("CopyObject", iam.FromCurrent),
		},
		writeState())
}

// lease are those by which a run keeps others out while it goes on.
func lease() []Use {
	lease := place{end: Destination, place: Leases, why: "reserve it for the run"}
	return []Use{
		lease.send("GetObject", iam.Current, iam.UnderKMS), lease.send("PutObject", iam.Unchanged, iam.UnderKMS),
		lease.send("DeleteObject", iam.Version), lease.send("DeleteObjects", iam.Version),
		place{end: Destination, place: Leases, why: "find renewals whose answer was lost",
			optional: "such a renewal may stay beneath the bucket's versions"}.send("GetObject", iam.Version, iam.UnderKMS),
	}
}

// reserve are the requests by which a run tells others at the destination that it
// is at work there, and finds out that the two ends are two.
func reserve() []Use {
	mark := place{end: Destination, place: Mark, why: "reserve the destination for the plan"}
	probe := place{end: Destination, place: Probes, why: "prove that the two ends are independent"}
	rival := place{end: Source, place: Leases, why: "see that no other migration writes there"}
	mirrored := place{end: Source, place: Probes, why: "see that what is written to the destination does not show there"}
	return append(slices.Concat(lease(), rival.each("ListObjectVersions", "ListObjectsV2"),
		mirrored.each("ListObjectVersions", "ListObjectsV2", "ListMultipartUploads")),
		mark.send("CreateMultipartUpload", iam.UnderKMS), mark.send("AbortMultipartUpload"),
		probe.send("PutObject", iam.UnderKMS), probe.send("DeleteObjects", iam.Version),
		probe.send("CreateMultipartUpload", iam.UnderKMS), probe.send("AbortMultipartUpload"), // under object lock
		rival.send("GetObject", iam.Current, iam.UnderKMS))
}

// look are the requests by which a destination is looked at before it is relied on.
func look() []Use {
	return slices.Concat(listings(Destination, "list what is there"),
		place{end: Destination, place: TheBucket, why: "see that the bucket is as it was planned"}.
			each(append(verbs("Get", settings()), "HeadBucket", "GetBucketTagging")...))
}

// stillTheirs is the request by which a run sees that a source that is known by its tag has
// it still.
func stillTheirs() Use {
	u := place{end: Source, place: TheBucket, why: "see that the bucket is still the customer's"}.send("GetBucketTagging")
	u.ByTag = true
	return u
}

func copies() []Use {
	read := place{end: Source, place: Data, why: "read what is copied"}
	write := place{end: Destination, place: Data, why: "write the copies"}
	check := place{end: Destination, place: Data, why: "compare the copies"}
	outdated := place{end: Destination, place: Data, why: "remove copies of what has since changed at the source"}
	bucket := place{end: Destination, place: TheBucket, why: "create the bucket like the source's"}
	ended := place{end: Source, place: Leases, why: "remove expired leases of earlier migrations"}
	return slices.Concat(
		listings(Source, "see that the source is as it was planned"),
		place{end: Source, place: TheBucket, why: "see whether its policy can hide tags"}.each("GetBucketPolicy"),
		[]Use{
			read.send("GetObject", iam.Current, iam.Version, iam.UnderKMS),
			read.send("HeadObject", iam.Current, iam.Version),
			read.send("GetObjectTagging", iam.Current, iam.Version),
			read.send("GetObjectAttributes", iam.Current, iam.Version),
			read.send("GetObjectAcl", iam.Current, iam.Version),
			read.send("GetObjectRetention"), read.send("GetObjectLegalHold"),
		},
		[]Use{stillTheirs()}, look(), reserve(),
		bucket.each(append(verbs("Put", carried()), "CreateBucket", "PutBucketVersioning", "PutBucketTagging")...),
		[]Use{
			bucket.send("CreateBucket", iam.WithLock),
			write.send("PutObject", iam.Tags, iam.Retention, iam.Hold, iam.Grants, iam.Unchanged, iam.UnderKMS),
			write.send("CreateMultipartUpload", iam.Tags, iam.Retention, iam.Hold, iam.Grants, iam.UnderKMS),
			write.send("UploadPart", iam.UnderKMS), write.send("CompleteMultipartUpload", iam.Unchanged, iam.UnderKMS),
			write.send("AbortMultipartUpload"), write.send("ListParts"),
			write.send("CopyObject", iam.FromCurrent, iam.FromVersion, iam.CopiesTags, iam.CopiesTagsV, iam.Tags,
				iam.Retention, iam.Hold, iam.Grants, iam.UnderKMS),
			write.send("UploadPartCopy", iam.FromCurrent, iam.FromVersion, iam.UnderKMS),
			place{end: Destination, place: Data, why: "create delete markers"}.send("DeleteObject", iam.Current),
			check.send("HeadObject", iam.Current, iam.Version, iam.UnderKMS),
			check.send("GetObject", iam.Current, iam.Version, iam.UnderKMS),
			check.send("GetObjectTagging", iam.Current, iam.Version),
			check.send("GetObjectAcl", iam.Current, iam.Version),
			check.send("GetObjectRetention"), check.send("GetObjectLegalHold"),
			outdated.send("DeleteObjects", iam.Version), outdated.send("DeleteObject", iam.Current, iam.Unchanged),
			ended.send("GetObject", iam.Version), ended.send("DeleteObject", iam.Version),
			ended.send("DeleteObjects", iam.Version),
			place{end: State, place: Data, why: "remove parts of the journal",
				optional: "they stay, without effect"}.send("DeleteObjects", iam.Version),
		},
		writeState())
}

func verify() []Use {
	list := place{end: Destination, place: TheBucket, why: "list the copies"}
	again := place{end: Destination, place: Data, why: "read the copies again (--verify readback)"}
	return slices.Concat(list.each("ListObjectVersions", "ListObjectsV2", "GetBucketVersioning"),
		[]Use{again.send("GetObject", iam.Current, iam.Version, iam.UnderKMS), tagged()}, readState())
}

// tagged is the request by which the tags of copies are read again.
func tagged() Use {
	return place{end: Destination, place: Data, why: "see that copies still have their tags"}.
		send("GetObjectTagging", iam.Current, iam.Version)
}

func erase() []Use {
	gone := place{end: Source, place: Data, why: "delete what is proven"}
	probe := place{end: Source, place: Probes, why: "prove that a write at the source does not appear at the destination",
		optional: "the first entry is erased alone, and the destination listed after it"}
	return slices.Concat(
		listings(Source, "check that the source is as verified, and empty in the end"),
		place{end: Source, place: TheBucket, why: "see what prevents its erasure, and what replicates it"}.
			each("GetBucketPolicy", "GetBucketReplication"),
		[]Use{
			place{end: Source, place: Data, why: "report until when locked versions stay"}.send("GetObjectRetention"),
			place{end: Source, place: Data, why: "report legal holds"}.send("GetObjectLegalHold"),
			place{end: Source, place: Data, why: "check a null version right before deleting it"}.
				send("HeadObject", iam.Version, iam.UnderKMS),
			gone.send("DeleteObjects", iam.Version), gone.send("DeleteObject", iam.Current, iam.Version, iam.Unchanged),
			place{end: Source, place: Data, why: "abort unfinished uploads"}.send("AbortMultipartUpload"),
			probe.send("PutObject", iam.UnderKMS),
			tagged(),
			place{end: Destination, place: Data, why: "compare copies that were written again since",
				optional: "they cannot be told from what was copied, and nothing is erased"}.
				send("HeadObject", iam.Current, iam.UnderKMS),
		},
		[]Use{stillTheirs()}, look(), reserve(), writeState())
}

func fence() []Use {
	policy := place{end: Source, place: TheBucket, why: "deny writes through the bucket's policy, and lift that again"}
	try := place{end: Source, place: Probes, why: "test that writes are denied"}
	return append(policy.each("GetBucketPolicy", "PutBucketPolicy", "DeleteBucketPolicy"),
		try.send("CreateMultipartUpload", iam.UnderKMS), try.send("AbortMultipartUpload"))
}

func abort() []Use {
	written := place{end: Destination, place: Data, why: "remove what the plan wrote"}
	return slices.Concat(
		listings(Source, "see that nothing was erased"), listings(Destination, "list what is there"), lease(),
		place{end: Destination, place: TheBucket, why: "see that the bucket is as it was planned"}.
			each("HeadBucket", "GetObjectLockConfiguration"),
		[]Use{
			place{end: Destination, place: Mark, why: "release the reservation"}.send("AbortMultipartUpload"),
			place{end: Destination, place: Probes, why: "remove what a killed run left"}.
				send("DeleteObjects", iam.Version),
			written.send("DeleteObjects", iam.Version), written.send("DeleteObject", iam.Current, iam.Unchanged),
			written.send("HeadObject", iam.Current, iam.UnderKMS),
			place{end: Source, place: TheBucket, why: "look for a fence that the state does not know",
				optional: "it is not looked for"}.send("GetBucketPolicy"),
		},
		writeState())
}
