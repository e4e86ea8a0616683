package storetest

import (
	"net/http/httptest"
	"testing"
)

func TestOperation(t *testing.T) {
	tests := []struct {
		method, target string
		copied         bool
		want           string
	}{
		{"GET", "/", false, "ListBuckets"},
		{"GET", "/?max-buckets=10&x-id=ListBuckets", false, "ListBuckets"},
		{"POST", "/", false, "POST service"},

		{"PUT", "/b", false, "CreateBucket"},
		{"PUT", "/b/", false, "CreateBucket"},
		{"HEAD", "/b", false, "HeadBucket"},
		{"DELETE", "/b", false, "DeleteBucket"},
		{"GET", "/b", false, "ListObjects"},
		{"GET", "/b?list-type=2&prefix=versions", false, "ListObjectsV2"},
		{"GET", "/b?versions&encoding-type=url", false, "ListObjectVersions"},
		{"GET", "/b?versions=", false, "ListObjectVersions"},
		{"GET", "/b?uploads", false, "ListMultipartUploads"},
		{"POST", "/b?delete", false, "DeleteObjects"},
		{"POST", "/b", false, "PostObject"},
		{"GET", "/b?location", false, "GetBucketLocation"},
		{"GET", "/b?versioning", false, "GetBucketVersioning"},
		{"PUT", "/b?versioning", false, "PutBucketVersioning"},
		{"GET", "/b?tagging", false, "GetBucketTagging"},
		{"PUT", "/b?tagging", false, "PutBucketTagging"},
		{"DELETE", "/b?tagging", false, "DeleteBucketTagging"},
		{"GET", "/b?lifecycle", false, "GetBucketLifecycleConfiguration"},
		{"DELETE", "/b?lifecycle", false, "DeleteBucketLifecycle"},
		{"GET", "/b?policyStatus", false, "GetBucketPolicyStatus"},
		{"GET", "/b?object-lock", false, "GetObjectLockConfiguration"},
		{"GET", "/b?publicAccessBlock", false, "GetPublicAccessBlock"},
		{"GET", "/b?inventory", false, "ListBucketInventoryConfigurations"},
		{"GET", "/b?inventory&id=1", false, "GetBucketInventoryConfiguration"},
		{"PATCH", "/b", false, "PATCH bucket"},

		{"GET", "/b/k", false, "GetObject"},
		{"GET", "/b/k?versionId=1&partNumber=2", false, "GetObject"},
		{"GET", "/b//", false, "GetObject"},
		{"GET", "/b/a%2Fb%3Ftagging", false, "GetObject"},
		{"HEAD", "/b/k?partNumber=1", false, "HeadObject"},
		{"PUT", "/b/k?x-id=PutObject", false, "PutObject"},
		{"PUT", "/b/k", true, "CopyObject"},
		{"DELETE", "/b/k?versionId=1", false, "DeleteObject"},
		{"POST", "/b/k?uploads", false, "CreateMultipartUpload"},
		{"PUT", "/b/k?partNumber=1&uploadId=u", false, "UploadPart"},
		{"PUT", "/b/k?partNumber=1&uploadId=u", true, "UploadPartCopy"},
		{"POST", "/b/k?uploadId=u", false, "CompleteMultipartUpload"},
		{"DELETE", "/b/k?uploadId=u", false, "AbortMultipartUpload"},
		{"GET", "/b/k?uploadId=u", false, "ListParts"},
		{"GET", "/b/k?attributes", false, "GetObjectAttributes"},
		{"GET", "/b/k?tagging&versionId=1", false, "GetObjectTagging"},
		{"PUT", "/b/k?tagging", false, "PutObjectTagging"},
		{"DELETE", "/b/k?tagging", false, "DeleteObjectTagging"},
		{"GET", "/b/k?acl", false, "GetObjectAcl"},
		{"PUT", "/b/k?retention", false, "PutObjectRetention"},
		{"PUT", "/b/k?legal-hold", false, "PutObjectLegalHold"},
		{"POST", "/b/k?restore", false, "RestoreObject"},
		{"PATCH", "/b/k", false, "PATCH object"},
		{"POST", "/b/k", false, "POST object"},
	}
	for _, tt := range tests {
		t.Run(tt.method+" "+tt.target, func(t *testing.T) {
			r := httptest.NewRequest(tt.method, tt.target, nil)
			if tt.copied {
				r.Header.Set("x-amz-copy-source", "other/key")
			}
			if got := Operation(r); got != tt.want {
				t.Errorf("Operation() = %q, want %q", got, tt.want)
			}
		})
	}
}

func TestSplit(t *testing.T) {
	tests := []struct{ target, bucket, key string }{
		{"/", "", ""},
		{"/b", "b", ""},
		{"/b/", "b", ""},
		{"/b//", "b", "/"},
		{"/b/%2F", "b", "/"},
		{"/b/a%20b/%C3%A9?x=y", "b", "a b/é"},
	}
	for _, tt := range tests {
		bucket, key := split(httptest.NewRequest("GET", tt.target, nil).URL)
		if bucket != tt.bucket || key != tt.key {
			t.Errorf("split(%q) = %q, %q, want %q, %q", tt.target, bucket, key, tt.bucket, tt.key)
		}
	}
}
