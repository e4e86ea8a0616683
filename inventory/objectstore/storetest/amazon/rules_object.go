package amazon

import (
	"net/http"
	"slices"
	"strings"
)

// objectRules are about writing, copying and reading objects.
func objectRules() []rule {
	return []rule{
		{id: "tagging-count", demand: "`x-amz-tagging-count` is told to those alone who may read the tags",
			source: "S3 API Reference, \"GetObject\": the number of tags, when you have the relevant permission " +
				"to read them"},
		{id: "metadata-size", demand: "user metadata has at most 2 KiB: 400 MetadataTooLarge",
			source: "S3 User Guide, \"Working with object metadata\"", check: metadataSize, after: true},
		{id: "key-length", demand: "a key has at most 1,024 bytes: 400 KeyTooLongError",
			source: "S3 User Guide, \"Naming Amazon S3 objects\"", check: keyLength},
		{id: "tags-of-object", demand: "an object has at most 10 tags: 400 BadRequest",
			source: "S3 User Guide, \"Categorizing your objects using tags\"", check: tagLimit, after: true},
		{id: "lock-checksum", demand: "in a bucket with object lock each PutObject and UploadPart has " +
			"Content-MD5 or `x-amz-checksum-*`: 400 InvalidRequest",
			source: "S3 API Reference, \"PutObject\", \"UploadPart\"; S3 User Guide, \"Object Lock " +
				"considerations\"", check: lockSummed, after: true},
		{id: "lock-only-locked", demand: "retention and legal hold take a bucket with object lock: 400 InvalidRequest",
			source: "S3 API Reference, \"PutObject\", x-amz-object-lock-mode", check: lockOnly, after: true},
		{id: "lock-default", demand: "a bucket's default retention is given to an object when it is made, and " +
			"is its own from then on",
			source: "S3 User Guide, \"Locking objects with Object Lock\", Default retention"},
		{id: "lock-denies", demand: "a version under retention or legal hold is deleted by nobody: 403 " +
			"AccessDenied, \"… because object protected by object lock\"; an error of the key in DeleteObjects",
			source: "S3 User Guide, \"Locking objects with Object Lock\"; recordings: " +
				"github.com/versity/versitygw/issues/1330, 1741"},
		{id: "event-hold", demand: "a version under an event hold is deleted by nobody (403 AccessDenied); that it is is " +
			"told, by headers and with its retention, to who may read that; a copy is under one if its request says so",
			source: "SDK's API model, \"PutObjectRequest\", \"CopyObjectRequest\", \"HeadObjectOutput\", ObjectLockEventHold; " +
				"\"ObjectLockRetention\", EventHold"},
		{id: "sse-c-blocked", demand: "SSE-C is refused where the bucket's encryption does not permit it: 403 " +
			"AccessDenied",
			source: "S3 User Guide, \"Blocking or unblocking SSE-C for a general purpose bucket\"",
			check:  customerKeyBlocked, after: true},
		{id: "etag-no-md5", demand: "the ETag of an object under SSE-KMS or SSE-C is no MD5",
			source: "S3 API Reference, \"Object\", ETag"},
		{id: "copy-result", demand: "CopyObject and UploadPartCopy tell checksums in the result's document, not " +
			"in headers",
			source: "S3 API Reference, \"CopyObject\", \"UploadPartCopy\", Response Elements"},
		{id: "copy-size", demand: "a copy takes a source, or a part of one, of at most 5 GiB: 400 InvalidRequest",
			source: "S3 API Reference, \"CopyObject\", \"UploadPartCopy\""},
		{id: "redirect-not-copied", demand: "CopyObject does not carry a website redirect",
			source: "S3 API Reference, \"CopyObject\", x-amz-website-redirect-location: \"not copied\""},
		{id: "vpc-endpoint", demand: "by a VPC endpoint nothing is copied from another region (403 AccessDenied " +
			"here; " +
			"which error it is is not documented)",
			source: "S3 API Reference, \"CopyObject\": VPC endpoints don't support cross-Region requests"},
		{id: "default-checksum", demand: "an object has the checksum that was asked for, else a CRC-64/NVME of the " +
			"whole; one uploaded in parts under SHA-256 has a composite one; `x-amz-checksum-type` tells which",
			source: "S3 User Guide, \"Checking object integrity in Amazon S3\""},
		{id: "part-size", demand: "a part has 5 MiB or more, unless it is the last: 400 EntityTooSmall on completion",
			source: "S3 User Guide, \"Amazon S3 multipart upload limits\""},
		{id: "delete-marker", demand: "a marker is read by nobody: 404 NoSuchKey with `x-amz-delete-marker` " +
			"where it is " +
			"the current version, 405 MethodNotAllowed by its ID",
			source: "S3 User Guide, \"Working with delete markers\""},
		{id: "copied-tags", demand: "copying an object with tags takes s3:GetObjectTagging (or …VersionTagging) " +
			"on it and s3:PutObjectTagging on the copy",
			source: "S3 User Guide, \"Categorizing your objects using tags\", tagging and access control; " +
				"\"Copying objects\""},
		{id: "parts-without-checksum", demand: "GetObjectAttributes tells parts, by pages of 1,000, of objects alone " +
			"whose checksum is composite; of others their number",
			source: "S3 API Reference, \"GetObjectAttributesParts\"; recording: " +
				"github.com/localstack/localstack/pull/12764"},
		{id: "archived", demand: "an archived object is read and copied once it is restored: 403 InvalidObjectState",
			source: "S3 User Guide, \"Working with archived objects\""},
		{id: "restore-days", demand: "a restore out of an archive access tier of INTELLIGENT_TIERING names no days: " +
			"400 InvalidArgument; one out of GLACIER or DEEP_ARCHIVE names some: 400 MalformedXML",
			source: "S3 User Guide, \"Working with archived objects\"; recordings: " +
				"github.com/s3tools/s3cmd/issues/1377, aws/aws-sdk-ruby/issues/2380"},
	}
}

func writes(c *call) bool {
	return slices.Contains([]string{"PutObject", "CopyObject", "CreateMultipartUpload"}, c.operation)
}

func metadataSize(c *call) *refusal {
	n := 0
	for name, values := range c.r.Header {
		if rest, ok := strings.CutPrefix(name, "X-Amz-Meta-"); ok {
			n += len(rest) + len(strings.Join(values, ","))
		}
	}
	if n > 2<<10 {
		return refuse(http.StatusBadRequest, "MetadataTooLarge",
			"Your metadata headers exceed the maximum allowed metadata size").
			with("MaxSizeAllowed", "2048")
	}
	return nil
}

func keyLength(c *call) *refusal {
	if len(c.key) > 1024 {
		return refuse(http.StatusBadRequest, "KeyTooLongError", "Your key is too long").with("MaxSizeAllowed", "1024")
	}
	return nil
}

func tagLimit(c *call) *refusal {
	n := 0
	switch {
	case writes(c) && c.r.Header.Get("X-Amz-Tagging") != "":
		n = strings.Count(c.r.Header.Get("X-Amz-Tagging"), "&") + 1
	case c.operation == "PutObjectTagging":
		n = strings.Count(string(c.body), "<Tag>")
	}
	if n > 10 {
		return refuse(http.StatusBadRequest, "BadRequest", "Object tags cannot be greater than 10")
	}
	return nil
}

func lockSummed(c *call) *refusal {
	if (c.operation == "PutObject" || c.operation == "UploadPart") && c.bucket.lock && !guarded(c.r.Header) {
		return invalidRequest("Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests " +
			"with Object Lock parameters")
	}
	return nil
}

func lockOnly(c *call) *refusal {
	if !writes(c) || c.bucket.lock {
		return nil
	}
	for name := range c.r.Header {
		if strings.HasPrefix(name, "X-Amz-Object-Lock-") {
			return invalidRequest("Bucket is missing Object Lock Configuration")
		}
	}
	return nil
}

func customerKeyBlocked(c *call) *refusal {
	if writes(c) && c.r.Header.Get(customerHeader+"Algorithm") != "" && c.bucket.encryption().blocked {
		return denied("SSE-C is blocked for this bucket")
	}
	return nil
}
