package amazon

import "strings"

// actions are those of the services that stand behind the server (Service
// Authorization Reference, "Actions, resources, and condition keys for Amazon S3",
// "… for AWS Key Management Service", "… for AWS Security Token Service").
func actions() []string {
	return strings.Fields(`
		s3:AbortMultipartUpload s3:BypassGovernanceRetention s3:CreateBucket s3:DeleteBucket s3:DeleteBucketPolicy
		s3:DeleteBucketWebsite s3:DeleteObject s3:DeleteObjectAnnotation s3:DeleteObjectTagging s3:DeleteObjectVersion
		s3:DeleteObjectVersionAnnotation s3:DeleteObjectVersionTagging s3:GetAccelerateConfiguration
		s3:GetAnalyticsConfiguration s3:GetBucketAbac s3:GetBucketAcl s3:GetBucketCORS s3:GetBucketLocation
		s3:GetBucketLogging s3:GetBucketMetadataTableConfiguration s3:GetBucketNotification
		s3:GetBucketObjectLockConfiguration s3:GetBucketOwnershipControls s3:GetBucketPolicy s3:GetBucketPolicyStatus
		s3:GetBucketPublicAccessBlock s3:GetBucketRequestPayment s3:GetBucketTagging s3:GetBucketVersioning
		s3:GetBucketWebsite s3:GetEncryptionConfiguration s3:GetIntelligentTieringConfiguration
		s3:GetInventoryConfiguration s3:GetLifecycleConfiguration s3:GetMetricsConfiguration s3:GetObject
		s3:GetObjectAcl s3:GetObjectAnnotation s3:GetObjectAttributes s3:GetObjectLegalHold s3:GetObjectRetention
		s3:GetObjectTagging s3:GetObjectTorrent s3:GetObjectVersion s3:GetObjectVersionAcl
		s3:GetObjectVersionAnnotation s3:GetObjectVersionAttributes s3:GetObjectVersionForReplication
		s3:GetObjectVersionTagging s3:GetObjectVersionTorrent s3:GetReplicationConfiguration s3:InitiateReplication
		s3:ListAllMyBuckets s3:ListBucket s3:ListBucketMultipartUploads s3:ListBucketVersions
		s3:ListMultipartUploadParts s3:ListObjectAnnotations s3:ListObjectVersionAnnotations s3:ListTagsForResource
		s3:ObjectOwnerOverrideToBucketOwner
		s3:PutAccelerateConfiguration s3:PutAnalyticsConfiguration s3:PutBucketAbac s3:PutBucketAcl s3:PutBucketCORS
		s3:PutBucketLogging s3:PutBucketNotification s3:PutBucketObjectLockConfiguration
		s3:PutBucketOwnershipControls s3:PutBucketPolicy s3:PutBucketPublicAccessBlock s3:PutBucketRequestPayment
		s3:PutBucketTagging s3:PutBucketVersioning s3:PutBucketWebsite s3:PutEncryptionConfiguration
		s3:PutIntelligentTieringConfiguration s3:PutInventoryConfiguration s3:PutLifecycleConfiguration
		s3:PutMetricsConfiguration s3:PutObject s3:PutObjectAcl s3:PutObjectAnnotation s3:PutObjectLegalHold
		s3:PutObjectRetention s3:PutObjectTagging s3:PutObjectVersionAcl s3:PutObjectVersionAnnotation
		s3:PutObjectVersionTagging s3:PutReplicationConfiguration s3:ReplicateDelete s3:ReplicateObject
		s3:ReplicateTags s3:RestoreObject s3:TagResource s3:UntagResource s3:UpdateObjectEncryption
		kms:Decrypt kms:DescribeKey kms:Encrypt kms:GenerateDataKey kms:GetPublicKey kms:ReEncryptFrom
		kms:ReEncryptTo kms:Sign
		sts:AssumeRole sts:GetCallerIdentity`)
}

// knownAction tells whether a name, or a pattern, is of any action.
func knownAction(pattern string) bool {
	for _, a := range actions() {
		if matches(strings.ToLower(pattern), strings.ToLower(a)) {
			return true
		}
	}
	return false
}

// bucketActions are the actions of operations on a bucket; objectActions those on
// an object, which may have another name for a version that is named (Amazon S3 User
// Guide, "Required permissions for Amazon S3 API operations").
func bucketActions() map[string]string {
	return pairs(`ListBuckets ListAllMyBuckets, CreateBucket CreateBucket, HeadBucket ListBucket,
		DeleteBucket DeleteBucket,
		ListObjects ListBucket, ListObjectsV2 ListBucket, ListObjectVersions ListBucketVersions,
		ListMultipartUploads ListBucketMultipartUploads, GetBucketLocation GetBucketLocation,
		GetBucketVersioning GetBucketVersioning, PutBucketVersioning PutBucketVersioning,
		GetBucketEncryption GetEncryptionConfiguration, PutBucketEncryption PutEncryptionConfiguration,
		DeleteBucketEncryption PutEncryptionConfiguration,
		GetBucketLifecycleConfiguration GetLifecycleConfiguration,
		PutBucketLifecycleConfiguration PutLifecycleConfiguration,
		DeleteBucketLifecycle PutLifecycleConfiguration,
		GetBucketReplication GetReplicationConfiguration, PutBucketReplication PutReplicationConfiguration,
		DeleteBucketReplication PutReplicationConfiguration,
		GetBucketCors GetBucketCORS, PutBucketCors PutBucketCORS, DeleteBucketCors PutBucketCORS,
		GetBucketTagging GetBucketTagging, PutBucketTagging PutBucketTagging, DeleteBucketTagging PutBucketTagging,
		GetBucketPolicy GetBucketPolicy, PutBucketPolicy PutBucketPolicy, DeleteBucketPolicy DeleteBucketPolicy,
		GetBucketPolicyStatus GetBucketPolicyStatus, GetBucketAcl GetBucketAcl, PutBucketAcl PutBucketAcl,
		GetBucketWebsite GetBucketWebsite, PutBucketWebsite PutBucketWebsite, DeleteBucketWebsite DeleteBucketWebsite,
		GetBucketLogging GetBucketLogging, PutBucketLogging PutBucketLogging,
		GetBucketNotificationConfiguration GetBucketNotification,
		PutBucketNotificationConfiguration PutBucketNotification,
		GetBucketRequestPayment GetBucketRequestPayment, PutBucketRequestPayment PutBucketRequestPayment,
		GetBucketAccelerateConfiguration GetAccelerateConfiguration,
		PutBucketAccelerateConfiguration PutAccelerateConfiguration,
		GetBucketOwnershipControls GetBucketOwnershipControls, PutBucketOwnershipControls PutBucketOwnershipControls,
		DeleteBucketOwnershipControls PutBucketOwnershipControls,
		GetPublicAccessBlock GetBucketPublicAccessBlock, PutPublicAccessBlock PutBucketPublicAccessBlock,
		DeletePublicAccessBlock PutBucketPublicAccessBlock,
		GetObjectLockConfiguration GetBucketObjectLockConfiguration,
		PutObjectLockConfiguration PutBucketObjectLockConfiguration,
		GetBucketAnalyticsConfiguration GetAnalyticsConfiguration,
		ListBucketAnalyticsConfigurations GetAnalyticsConfiguration,
		PutBucketAnalyticsConfiguration PutAnalyticsConfiguration,
		DeleteBucketAnalyticsConfiguration PutAnalyticsConfiguration,
		GetBucketInventoryConfiguration GetInventoryConfiguration,
		ListBucketInventoryConfigurations GetInventoryConfiguration,
		PutBucketInventoryConfiguration PutInventoryConfiguration,
		DeleteBucketInventoryConfiguration PutInventoryConfiguration,
		GetBucketMetricsConfiguration GetMetricsConfiguration,
		ListBucketMetricsConfigurations GetMetricsConfiguration,
		PutBucketMetricsConfiguration PutMetricsConfiguration,
		DeleteBucketMetricsConfiguration PutMetricsConfiguration,
		GetBucketIntelligentTieringConfiguration GetIntelligentTieringConfiguration,
		ListBucketIntelligentTieringConfigurations GetIntelligentTieringConfiguration,
		PutBucketIntelligentTieringConfiguration PutIntelligentTieringConfiguration,
		DeleteBucketIntelligentTieringConfiguration PutIntelligentTieringConfiguration`)
}

func objectActions() map[string][2]string {
	all := make(map[string][2]string)
	for operation, both := range pairs(`GetObject GetObject/GetObjectVersion, HeadObject GetObject/GetObjectVersion,
		PutObject PutObject, CopyObject PutObject, UploadPart PutObject, UploadPartCopy PutObject,
		CreateMultipartUpload PutObject, CompleteMultipartUpload PutObject, AbortMultipartUpload AbortMultipartUpload,
		ListParts ListMultipartUploadParts, DeleteObject DeleteObject/DeleteObjectVersion,
		GetObjectTagging GetObjectTagging/GetObjectVersionTagging,
		PutObjectTagging PutObjectTagging/PutObjectVersionTagging,
		DeleteObjectTagging DeleteObjectTagging/DeleteObjectVersionTagging,
		GetObjectAcl GetObjectAcl/GetObjectVersionAcl, PutObjectAcl PutObjectAcl/PutObjectVersionAcl,
		GetObjectRetention GetObjectRetention, PutObjectRetention PutObjectRetention,
		GetObjectLegalHold GetObjectLegalHold, PutObjectLegalHold PutObjectLegalHold,
		GetObjectAttributes GetObjectAttributes/GetObjectVersionAttributes, RestoreObject RestoreObject,
		ListObjectAnnotations ListObjectAnnotations/ListObjectVersionAnnotations,
		GetObjectAnnotation GetObjectAnnotation/GetObjectVersionAnnotation,
		PutObjectAnnotation PutObjectAnnotation/PutObjectVersionAnnotation,
		DeleteObjectAnnotation DeleteObjectAnnotation/DeleteObjectVersionAnnotation`) {
		current, version, _ := strings.Cut(both, "/")
		if version == "" {
			version = current
		}
		all[operation] = [2]string{current, version}
	}
	return all
}

// pairs reads "name value, name value".
func pairs(text string) map[string]string {
	all := make(map[string]string)
	for pair := range strings.SplitSeq(text, ",") {
		if f := strings.Fields(pair); len(f) == 2 {
			all[f[0]] = f[1]
		}
	}
	return all
}
