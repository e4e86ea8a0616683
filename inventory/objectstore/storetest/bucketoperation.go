package storetest

import (
	"net/http"
	"net/url"
)

func bucketOperation(method string, query url.Values) string {
	noun := bucketNoun(query)
	switch method {
	case http.MethodHead:
		return "HeadBucket"
	case http.MethodGet:
		switch {
		case query.Has("versions"):
			return "ListObjectVersions"
		case query.Has("uploads"):
			return "ListMultipartUploads"
		case query.Has("session"):
			return "CreateSession"
		case query.Has("policyStatus"):
			return "GetBucketPolicyStatus"
		case noun == "" && query.Get("list-type") == "2":
			return "ListObjectsV2"
		case noun == "":
			return "ListObjects"
		case numbered(query) && !query.Has("id"):
			return "List" + noun + "s"
		}
		return "Get" + noun
	case http.MethodPut:
		if noun == "" {
			return "CreateBucket"
		}
		return "Put" + noun
	case http.MethodDelete:
		switch {
		case noun == "":
			return "DeleteBucket"
		case query.Has("lifecycle"):
			return "DeleteBucketLifecycle" // the one that is named otherwise than its siblings
		}
		return "Delete" + noun
	case http.MethodPost:
		if query.Has("delete") {
			return "DeleteObjects"
		}
		return "PostObject"
	}
	return ""
}

// numbered tells whether the query addresses a setting of which a bucket has
// several, each with an id.
func numbered(query url.Values) bool {
	return query.Has("inventory") || query.Has("analytics") || query.Has("metrics") || query.Has("intelligent-tiering")
}

// bucketNoun names the setting of a bucket that the query addresses; empty for
// the bucket itself.
func bucketNoun(query url.Values) string {
	switch {
	case query.Has("accelerate"):
		return "BucketAccelerateConfiguration"
	case query.Has("acl"):
		return "BucketAcl"
	case query.Has("analytics"):
		return "BucketAnalyticsConfiguration"
	case query.Has("cors"):
		return "BucketCors"
	case query.Has("encryption"):
		return "BucketEncryption"
	case query.Has("intelligent-tiering"):
		return "BucketIntelligentTieringConfiguration"
	case query.Has("inventory"):
		return "BucketInventoryConfiguration"
	case query.Has("lifecycle"):
		return "BucketLifecycleConfiguration"
	case query.Has("location"):
		return "BucketLocation"
	case query.Has("logging"):
		return "BucketLogging"
	case query.Has("metrics"):
		return "BucketMetricsConfiguration"
	case query.Has("notification"):
		return "BucketNotificationConfiguration"
	case query.Has("object-lock"):
		return "ObjectLockConfiguration"
	case query.Has("ownershipControls"):
		return "BucketOwnershipControls"
	case query.Has("policy"):
		return "BucketPolicy"
	case query.Has("publicAccessBlock"):
		return "PublicAccessBlock"
	case query.Has("replication"):
		return "BucketReplication"
	case query.Has("requestPayment"):
		return "BucketRequestPayment"
	case query.Has("tagging"):
		return "BucketTagging"
	case query.Has("versioning"):
		return "BucketVersioning"
	case query.Has("website"):
		return "BucketWebsite"
	}
	return ""
}
