package amazon

import (
	"encoding/xml"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// bucketRules are about buckets and their settings.
func bucketRules() []rule {
	return []rule{
		{id: "location-constraint", demand: "CreateBucket names the endpoint's region, and nothing in " +
			"us-east-1: 400 IllegalLocationConstraintException",
			source: "S3 API Reference, \"CreateBucket\", LocationConstraint"},
		{id: "recreate", demand: "making a bucket that is one's own is 409 BucketAlreadyOwnedByYou, and 200 in " +
			"us-east-1; " +
			"somebody else's is 409 BucketAlreadyExists",
			source: "S3 API Reference, \"CreateBucket\", Errors"},
		{id: "list-buckets-paged", demand: "above 10,000 buckets ListBuckets without max-buckets is refused (400 " +
			"InvalidRequest here; which error it is is not documented); BucketRegion is told if there is a parameter",
			source: "S3 API Reference, \"ListBuckets\""},
		{id: "new-buckets", demand: "new buckets block public access, have ACLs off, are encrypted with SSE-S3, " +
			"and refuse SSE-C",
			source: "S3 User Guide, \"Default settings for new S3 buckets FAQ\"; \"Blocking or unblocking SSE-C " +
				"for a general purpose bucket\" (April 2026)"},
		{id: "acl-off", demand: "with BucketOwnerEnforced a request with an ACL, other than the owner's full " +
			"control, is 400 AccessControlListNotSupported",
			source: "S3 User Guide, \"Controlling ownership of objects and disabling ACLs\"", check: aclOff,
			after: true},
		{id: "public-policy", demand: "BlockPublicPolicy refuses a public policy: 403 AccessDenied",
			source: "S3 User Guide, \"Blocking public access to your Amazon S3 storage\"", check: publicPolicy,
			after: true},
		{id: "public-acl", demand: "BlockPublicAcls refuses ACLs that let everybody in: 403 AccessDenied",
			source: "S3 User Guide, \"Blocking public access to your Amazon S3 storage\"", check: publicACL,
			after: true},
		{id: "policy-valid", demand: "a bucket's policy has known actions, a principal of its partition, and " +
			"resources in the bucket: 400 MalformedPolicy",
			source: "S3 API Reference, \"PutBucketPolicy\"; IAM User Guide, \"IAM JSON policy elements reference\", " +
				"Principal; \"IAM identifiers\", partition",
			check: validPolicy, after: true},
		{id: "aws-tags", demand: "tags whose keys begin with `aws:` can be neither set nor removed: 400 InvalidTag; " +
			"a new set of a bucket that has some has them too",
			source: "AWS General Reference, \"Tagging AWS resources\"; recordings: " +
				"github.com/hashicorp/terraform-provider-aws/issues/7323, cloud-custodian/cloud-custodian/pull/2861",
			check: systemTags, after: true},
		{id: "replication-versioned", demand: "replication needs versioning: 400 InvalidRequest",
			source: "S3 User Guide, \"Requirements and considerations for replication\"",
			check:  replicationVersioned, after: true},
		{id: "lock-keeps-versioning", demand: "versioning of a bucket with object lock cannot be suspended: 409 " +
			"InvalidBucketState",
			source: "S3 User Guide, \"Locking objects with Object Lock\"", check: lockVersioned, after: true},
		{id: "versioning-lag", demand: "versioning that was just turned on may make null versions for a while " +
			"(here as many writes as the test says)",
			source: "S3 User Guide, \"Enabling versioning on buckets\": up to 15 minutes"},
		{id: "policy-lag", demand: "a policy that was just changed is not in force everywhere for a while (here " +
			"as often as " +
			"the test says, each second time)",
			source: "IAM User Guide, \"Troubleshoot IAM\", changes that are not always immediately visible"},
		{id: "mfa-delete", demand: "with MFA delete a version is deleted, and versioning changed, with " +
			"`x-amz-mfa` alone: 403 AccessDenied",
			source: "S3 User Guide, \"Configuring MFA delete\"", check: mfaDelete, after: true},
		{id: "kms-region", demand: "a KMS key is of the bucket's region: 400 KMS.NotFoundException",
			source: "S3 User Guide, \"Specifying server-side encryption with AWS KMS (SSE-KMS)\"; recordings: " +
				"github.com/aws/aws-cli/issues/1517, localstack/localstack/pull/7448",
			check: foreignKey, after: true},
		{id: "kms-permissions", demand: "under a customer's KMS key a write takes kms:GenerateDataKey (an " +
			"upload in parts kms:Decrypt too) and a read, or checksums on HEAD, kms:Decrypt",
			source: "S3 User Guide, \"Using server-side encryption with AWS KMS keys (SSE-KMS)\", Permissions; " +
				"S3 API Reference, \"HeadObject\", x-amz-checksum-mode"},
	}
}

func aclOff(c *call) *refusal {
	if c.bucket == nil || c.bucket.ownership() != "BucketOwnerEnforced" {
		return nil
	}
	acl := c.r.Header.Get("X-Amz-Acl")
	if strings.HasSuffix(c.operation, "Acl") && strings.HasPrefix(c.operation, "Put") ||
		hasACL(c.r.Header) && acl != "bucket-owner-full-control" {
		return refuse(http.StatusBadRequest, "AccessControlListNotSupported", "The bucket does not allow ACLs")
	}
	return nil
}

func publicPolicy(c *call) *refusal {
	if c.operation == "PutBucketPolicy" && c.bucket.blocks("BlockPublicPolicy") && public(string(c.body)) {
		return denied("User: %s is not authorized to perform: s3:PutBucketPolicy on resource: %q because public "+
			"policies are "+
			"prevented by the BlockPublicPolicy setting in S3 Block Public Access.",
			c.user.arn(), c.bucket.arn())
	}
	return nil
}

func publicACL(c *call) *refusal {
	if c.bucket == nil || !c.bucket.blocks("BlockPublicAcls") {
		return nil
	}
	open := strings.HasPrefix(c.r.Header.Get("X-Amz-Acl"), "public-") || strings.HasSuffix(c.operation, "Acl") &&
		strings.Contains(string(c.body), everybody)
	for name, values := range c.r.Header {
		open = open || strings.HasPrefix(name, "X-Amz-Grant-") && strings.Contains(strings.Join(values, " "), everybody)
	}
	if open {
		return denied("public access control lists are prevented by the BlockPublicAcls setting in S3 Block " +
			"Public Access")
	}
	return nil
}

func validPolicy(c *call) *refusal {
	if c.operation != "PutBucketPolicy" {
		return nil
	}
	malformed := func(what string) *refusal { return refuse(http.StatusBadRequest, "MalformedPolicy", "%s", what) }
	p, err := parsePolicy(string(c.body))
	if err != nil {
		return malformed(err.Error())
	}
	for _, s := range p.Statement {
		if len(s.Principal) == 0 && len(s.NotPrincipal) == 0 {
			return malformed("Missing required field Principal")
		}
		for _, r := range slices.Concat(s.Resource, s.NotResource) {
			here := c.bucket.arn()
			if r != here && !strings.HasPrefix(r, here+"/") && (!strings.Contains(r, "*") || !matches(r, here)) {
				return malformed("Policy has invalid resource")
			}
		}
		if len(s.Resource)+len(s.NotResource) == 0 {
			return malformed("Missing required field Resource")
		}
		for _, who := range slices.Concat(s.Principal["AWS"], s.NotPrincipal["AWS"]) {
			if strings.HasPrefix(who, "arn:") && !strings.HasPrefix(who, "arn:"+c.partition()+":") {
				return malformed("Invalid principal in policy")
			}
		}
	}
	return nil
}

func systemTags(c *call) *refusal {
	var set tagSet
	switch c.operation {
	case "PutBucketTagging", "PutObjectTagging":
		if xml.Unmarshal(c.body, &set) != nil {
			return malformedXML()
		}
	case "PutObject", "CopyObject", "CreateMultipartUpload":
		tags, err := url.ParseQuery(c.r.Header.Get("X-Amz-Tagging"))
		if err != nil {
			return invalidArgument("x-amz-tagging", c.r.Header.Get("X-Amz-Tagging"),
				"The header x-amz-tagging is not encoded")
		}
		for key := range tags {
			set.Tags = append(set.Tags, tag{Key: key})
		}
	case "DeleteBucketTagging":
	default:
		return nil
	}
	var system []tag
	if strings.HasSuffix(c.operation, "BucketTagging") {
		c.bucket.mu.Lock()
		system = slices.Clone(c.bucket.system)
		c.bucket.mu.Unlock()
	}
	for _, t := range set.Tags {
		if hasPrefixFold(t.Key, "aws:") && !slices.Contains(system, t) {
			return refuse(http.StatusBadRequest, "InvalidTag",
				"System tags cannot be added/updated by requester").with("TagKey", t.Key)
		}
	}
	for _, t := range system {
		if !slices.Contains(set.Tags, t) {
			return refuse(http.StatusBadRequest, "InvalidTag",
				"System tags cannot be removed by requester").with("TagKey", t.Key)
		}
	}
	return nil
}

func replicationVersioned(c *call) *refusal {
	if c.operation != "PutBucketReplication" {
		return nil
	}
	resp, err := c.server.send(c.r.Context(), c.bucket.region, behind{method: http.MethodGet, bucket: c.name,
		query: map[string][]string{"versioning": {""}}})
	if err != nil {
		return broken(err)
	}
	if !strings.Contains(string(resp.body), "Enabled") {
		return invalidRequest("Versioning must be 'Enabled' on the bucket to apply a replication configuration")
	}
	return nil
}

func lockVersioned(c *call) *refusal {
	if c.operation == "PutBucketVersioning" && c.bucket.lock && strings.Contains(string(c.body), "Suspended") {
		return refuse(http.StatusConflict, "InvalidBucketState",
			"An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.")
	}
	return nil
}

func mfaDelete(c *call) *refusal {
	if c.bucket == nil || c.r.Header.Get("X-Amz-Mfa") != "" {
		return nil
	}
	c.bucket.mu.Lock()
	on := c.bucket.mfa
	c.bucket.mu.Unlock()
	version := c.operation == "DeleteObject" && c.query.Get("versionId") != "" ||
		c.operation == "DeleteObjects" && strings.Contains(string(c.body), "<VersionId>")
	if on && (version || c.operation == "PutBucketVersioning") {
		return denied("Mfa Authentication must be used for this request")
	}
	return nil
}
