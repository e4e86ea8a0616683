package iam

import "sync"

// Kind is what an action is allowed on.
type Kind string

// Kinds of resources.
const (
	Account   Kind = "account" // no resource: policies say "*"
	Bucket    Kind = "bucket"
	Object    Kind = "object"
	Origin    Kind = "origin"     // the object that a copy is made of
	Key       Kind = "key"        // of KMS: the object's, or that of the bucket's default
	OriginKey Kind = "origin key" // of KMS: that of the object that a copy is made of
)

// Case is what a request has that makes it need an action.
type Case string

// Cases that show in a request's query and header.
const (
	Always      Case = ""
	Current     Case = "current version"
	Version     Case = "version by ID"
	FromCurrent Case = "copy of a current version"
	FromVersion Case = "copy of a version by ID"
	CopiesTags  Case = "tags of a current version taken over"
	CopiesTagsV Case = "tags of a version by ID taken over"
	Tags        Case = "tags"
	Retention   Case = "retention"
	Hold        Case = "legal hold"
	Grants      Case = "access control list"
	Unchanged   Case = "on condition of an ETag"
	WithLock    Case = "object lock"
	// UnderKMS does not show: the object, or the bucket by default, is under SSE-KMS.
	UnderKMS Case = "SSE-KMS"
)

// row is one line of the table: such a request needs such an action.
type row struct {
	operation string
	when      Case
	action    string
	on        Kind
}

// table is the one place that says which request needs what. Its sources are the
// Service Authorization Reference, "Actions, resources, and condition keys for
// Amazon S3", whose first table maps operations to actions; of what a parameter
// adds, the operation's page of the Amazon S3 API Reference ("Permissions"), and:
//   - If-Match on a write or a deletion: Amazon S3 User Guide, "Enforce conditional
//     writes on Amazon S3 buckets", "Enforce conditional deletes on Amazon S3 buckets";
//   - a copy's tags: Amazon S3 User Guide, "Managing object tags", on copies;
//   - HeadBucket and the listings: Amazon S3 User Guide, "Required permissions for
//     Amazon S3 API operations".
//
// It is by operation, and made when it is first asked: help alone asks hundreds of times.
var table = sync.OnceValue(func() map[string][]row {
	all := make(map[string][]row)
	for _, r := range append(objects(), buckets()...) {
		all[r.operation] = append(all[r.operation], r)
	}
	return all
})

func objects() []row {
	return []row{
		{"GetObject", Current, "s3:GetObject", Object},
		{"GetObject", Version, "s3:GetObjectVersion", Object},
		{"GetObject", UnderKMS, "kms:Decrypt", Key},
		{"HeadObject", Current, "s3:GetObject", Object},
		{"HeadObject", Version, "s3:GetObjectVersion", Object},
		{"HeadObject", UnderKMS, "kms:Decrypt", Key},
		{"GetObjectAttributes", Current, "s3:GetObject", Object},
		{"GetObjectAttributes", Current, "s3:GetObjectAttributes", Object},
		{"GetObjectAttributes", Version, "s3:GetObjectVersion", Object},
		{"GetObjectAttributes", Version, "s3:GetObjectVersionAttributes", Object},
		{"GetObjectAttributes", UnderKMS, "kms:Decrypt", Key},
		{"GetObjectTagging", Current, "s3:GetObjectTagging", Object},
		{"GetObjectTagging", Version, "s3:GetObjectVersionTagging", Object},
		{"GetObjectAcl", Current, "s3:GetObjectAcl", Object},
		{"GetObjectAcl", Version, "s3:GetObjectVersionAcl", Object},
		{"GetObjectRetention", Always, "s3:GetObjectRetention", Object},
		{"GetObjectLegalHold", Always, "s3:GetObjectLegalHold", Object},
		{"ListObjectAnnotations", Current, "s3:ListObjectAnnotations", Object},
		{"ListObjectAnnotations", Version, "s3:ListObjectVersionAnnotations", Object},
		{"RestoreObject", Always, "s3:RestoreObject", Object},

		{"PutObject", Always, "s3:PutObject", Object},
		{"PutObject", Tags, "s3:PutObjectTagging", Object},
		{"PutObject", Retention, "s3:PutObjectRetention", Object},
		{"PutObject", Hold, "s3:PutObjectLegalHold", Object},
		{"PutObject", Grants, "s3:PutObjectAcl", Object},
		{"PutObject", Unchanged, "s3:GetObject", Object},
		{"PutObject", UnderKMS, "kms:GenerateDataKey", Key},
		{"CreateMultipartUpload", Always, "s3:PutObject", Object},
		{"CreateMultipartUpload", Tags, "s3:PutObjectTagging", Object},
		{"CreateMultipartUpload", Retention, "s3:PutObjectRetention", Object},
		{"CreateMultipartUpload", Hold, "s3:PutObjectLegalHold", Object},
		{"CreateMultipartUpload", Grants, "s3:PutObjectAcl", Object},
		{"CreateMultipartUpload", UnderKMS, "kms:GenerateDataKey", Key},
		{"CreateMultipartUpload", UnderKMS, "kms:Decrypt", Key},
		{"UploadPart", Always, "s3:PutObject", Object},
		{"UploadPart", UnderKMS, "kms:Decrypt", Key},
		{"CompleteMultipartUpload", Always, "s3:PutObject", Object},
		{"CompleteMultipartUpload", Unchanged, "s3:GetObject", Object},
		{"CompleteMultipartUpload", UnderKMS, "kms:Decrypt", Key},
		{"AbortMultipartUpload", Always, "s3:AbortMultipartUpload", Object},
		{"ListParts", Always, "s3:ListMultipartUploadParts", Object},

		{"CopyObject", Always, "s3:PutObject", Object},
		{"CopyObject", FromCurrent, "s3:GetObject", Origin},
		{"CopyObject", FromVersion, "s3:GetObjectVersion", Origin},
		{"CopyObject", CopiesTags, "s3:GetObjectTagging", Origin},
		{"CopyObject", CopiesTagsV, "s3:GetObjectVersionTagging", Origin},
		{"CopyObject", Tags, "s3:PutObjectTagging", Object},
		{"CopyObject", Retention, "s3:PutObjectRetention", Object},
		{"CopyObject", Hold, "s3:PutObjectLegalHold", Object},
		{"CopyObject", Grants, "s3:PutObjectAcl", Object},
		{"CopyObject", Unchanged, "s3:GetObject", Object},
		{"CopyObject", UnderKMS, "kms:GenerateDataKey", Key},
		{"CopyObject", UnderKMS, "kms:Decrypt", OriginKey},
		{"UploadPartCopy", Always, "s3:PutObject", Object},
		{"UploadPartCopy", FromCurrent, "s3:GetObject", Origin},
		{"UploadPartCopy", FromVersion, "s3:GetObjectVersion", Origin},
		{"UploadPartCopy", UnderKMS, "kms:Decrypt", Key},
		{"UploadPartCopy", UnderKMS, "kms:Decrypt", OriginKey},

		{"DeleteObject", Current, "s3:DeleteObject", Object},
		{"DeleteObject", Version, "s3:DeleteObjectVersion", Object},
		{"DeleteObject", Unchanged, "s3:GetObject", Object},
		// What a DeleteObjects is about stands in its body.
		{"DeleteObjects", Current, "s3:DeleteObject", Object},
		{"DeleteObjects", Version, "s3:DeleteObjectVersion", Object},
		{"DeleteObjects", Unchanged, "s3:GetObject", Object},
	}
}

func buckets() []row {
	list := []row{
		{"GetCallerIdentity", Always, "", Account}, // needs no permission (STS API Reference)
		{"ListBuckets", Always, "s3:ListAllMyBuckets", Account},
		{"HeadBucket", Always, "s3:ListBucket", Bucket},
		{"ListObjectsV2", Always, "s3:ListBucket", Bucket},
		{"ListObjectVersions", Always, "s3:ListBucketVersions", Bucket},
		{"ListMultipartUploads", Always, "s3:ListBucketMultipartUploads", Bucket},
		{"CreateBucket", Always, "s3:CreateBucket", Bucket},
		{"CreateBucket", WithLock, "s3:PutBucketObjectLockConfiguration", Bucket},
		{"CreateBucket", WithLock, "s3:PutBucketVersioning", Bucket},
		{"DeleteBucket", Always, "s3:DeleteBucket", Bucket},
		{"GetBucketAcl", Always, "s3:GetBucketAcl", Bucket},
		{"DeleteBucketPolicy", Always, "s3:DeleteBucketPolicy", Bucket},
		// To take one of these away is to write it.
		{"DeletePublicAccessBlock", Always, "s3:PutBucketPublicAccessBlock", Bucket},
		{"DeleteBucketOwnershipControls", Always, "s3:PutBucketOwnershipControls", Bucket},
		{"DeleteBucketEncryption", Always, "s3:PutEncryptionConfiguration", Bucket},
		{"DeleteBucketLifecycle", Always, "s3:PutLifecycleConfiguration", Bucket},
	}
	// Settings, by the names that operations and actions have for them.
	for _, s := range [][2]string{
		{"BucketVersioning", "BucketVersioning"}, {"BucketTagging", "BucketTagging"},
		{"BucketEncryption", "EncryptionConfiguration"}, {"BucketOwnershipControls", "BucketOwnershipControls"},
		{"PublicAccessBlock", "BucketPublicAccessBlock"}, {"ObjectLockConfiguration", "BucketObjectLockConfiguration"},
		{"BucketCors", "BucketCORS"}, {"BucketWebsite", "BucketWebsite"}, {"BucketRequestPayment", "BucketRequestPayment"},
		{"BucketPolicy", "BucketPolicy"}, {"BucketLifecycleConfiguration", "LifecycleConfiguration"},
		{"BucketReplication", "ReplicationConfiguration"}, {"BucketLogging", "BucketLogging"},
		{"BucketNotificationConfiguration", "BucketNotification"},
	} {
		list = append(list,
			row{"Get" + s[0], Always, "s3:Get" + s[1], Bucket}, row{"Put" + s[0], Always, "s3:Put" + s[1], Bucket})
	}
	return list
}

// Need is one action that a request needs, and what on.
type Need struct {
	Action string
	On     Kind
	When   Case
}

// Known tells whether an operation is in the table.
func Known(operation string) bool {
	return len(table()[operation]) > 0
}

// Needs returns what an operation needs always and in these cases.
func Needs(operation string, cases ...Case) []Need {
	var needs []Need
	for _, r := range table()[operation] {
		if r.action == "" {
			continue
		}
		holds := r.when == Always
		for _, c := range cases {
			holds = holds || c == r.when
		}
		if holds {
			needs = append(needs, Need{Action: r.action, On: r.on, When: r.when})
		}
	}
	return needs
}
