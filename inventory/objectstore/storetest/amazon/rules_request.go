package amazon

import (
	"net/http"
	"strings"
)

// requestRules are about requests of any kind.
func requestRules() []rule {
	return []rule{
		{id: "host", demand: "a host is of a service, a region and a partition that exist; there is no other way out",
			source: "AWS General Reference, \"Amazon S3 endpoints and quotas\"; SDK, \"partitions.json\""},
		{id: "partition", demand: "who has keys in one partition is nobody in another",
			source: "AWS General Reference, \"ARNs\"; IAM User Guide, \"IAM identifiers\""},
		{id: "signature-scope", demand: "the signature's region and service are those of the host: 400 " +
			"AuthorizationHeaderMalformed, with the region; STS 403",
			source: "S3 API Reference, \"Error responses\", AuthorizationHeaderMalformed"},
		{id: "clock", demand: "a signature's time is within 15 minutes of the service's: 403 RequestTimeTooSkewed",
			source: "S3 API Reference, \"Error responses\", RequestTimeTooSkewed"},
		{id: "signed-headers", demand: "each `x-amz-` header is signed: 403 AccessDenied",
			source: "S3 API Reference, \"Authenticating Requests\", CanonicalHeaders"},
		{id: "unknown", demand: "parameters and headers are those of the operation's model; others are refused " +
			"here, where Amazon ignores some",
			source: "SDK's API model (`shapes.txt`); S3 API Reference, \"Error responses\", NotImplemented"},
		{id: "region", demand: "a bucket is spoken to at its own region's endpoint: 301 PermanentRedirect with " +
			"`x-amz-bucket-region`; on HEAD without a body",
			source: "S3 User Guide, \"Making requests\", redirects; S3 API Reference, \"HeadBucket\"",
			check:  elsewhere},
		{id: "owner", demand: "`x-amz-expected-bucket-owner` is the bucket's account: 403 AccessDenied",
			source: "S3 User Guide, \"Verifying bucket ownership with bucket owner condition\"", check: owned},
		{id: "source-owner", demand: "`x-amz-source-expected-bucket-owner` is the source bucket's account: 403 " +
			"AccessDenied",
			source: "S3 API Reference, \"CopyObject\""},
		{id: "checksum-demanded", demand: "operations whose model demands a checksum have Content-MD5 or " +
			"`x-amz-checksum-*`: 400 InvalidRequest",
			source: "SDK's API model, httpChecksum requestChecksumRequired", check: summed},
		{id: "permissions", demand: "each action is allowed by the caller's or the bucket's policy and denied " +
			"by none: 403 AccessDenied; on HEAD without a body",
			source: "IAM User Guide, \"Policy evaluation logic\"; Service Authorization Reference, \"Amazon " +
				"S3\"; S3 User Guide, \"Required permissions for Amazon S3 API operations\""},
		{id: "404-is-403", demand: "what is not there is 403 AccessDenied to who may not list the bucket",
			source: "S3 API Reference, \"GetObject\", \"HeadObject\", Permissions"},
	}
}

// elsewhere redirects to a bucket's own region.
func elsewhere(c *call) *refusal {
	if c.bucket == nil || c.bucket.region == c.host.region {
		return nil
	}
	p, _ := partitionOf(c.bucket.region)
	r := refuse(http.StatusMovedPermanently, "PermanentRedirect",
		"The bucket you are attempting to access must be addressed using the specified endpoint.").
		with("Endpoint", c.name+".s3."+c.bucket.region+"."+p.suffix).with("Bucket", c.name)
	r.header = http.Header{"X-Amz-Bucket-Region": {c.bucket.region}}
	return r
}

func owned(c *call) *refusal {
	expected := c.r.Header.Get("X-Amz-Expected-Bucket-Owner")
	if c.bucket == nil || expected == "" || expected == c.bucket.account {
		return nil
	}
	return denied("Access Denied")
}

func summed(c *call) *refusal {
	if c.server.shapes[c.operation].checksum && !guarded(c.r.Header) {
		return invalidRequest("Missing required header for this request: Content-MD5 OR x-amz-checksum-*")
	}
	return nil
}

func hasPrefixFold(text, prefix string) bool {
	return len(text) >= len(prefix) && strings.EqualFold(text[:len(prefix)], prefix)
}
