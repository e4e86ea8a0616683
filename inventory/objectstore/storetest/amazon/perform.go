package amazon

import (
	"io"
	"net/http"
)

// perform does what a request asks, once it may.
func (c *call) perform() *refusal {
	switch c.operation {
	case "ListBuckets":
		return c.listBuckets()
	case "CreateBucket":
		return c.createBucket()
	case "HeadBucket":
		return c.headBucket()
	case "DeleteBucket":
		return c.deleteBucket()
	case "GetBucketLocation":
		return c.getBucketLocation()
	case "GetBucketVersioning", "PutBucketVersioning":
		return c.versioning()
	case "ListObjects", "ListObjectsV2", "ListObjectVersions", "ListMultipartUploads", "ListParts":
		return c.list()
	case "GetObject", "HeadObject":
		return c.readObject()
	case "PutObject":
		return c.putObject()
	case "CopyObject":
		return c.copyObject()
	case "DeleteObject":
		return c.deleteObject()
	case "DeleteObjects":
		return c.deleteObjects()
	case "CreateMultipartUpload":
		return c.createUpload()
	case "UploadPart":
		return c.uploadPart()
	case "UploadPartCopy":
		return c.copyPart()
	case "CompleteMultipartUpload":
		return c.completeUpload()
	case "AbortMultipartUpload":
		return c.abortUpload()
	case "GetObjectAttributes":
		return c.attributes()
	case "GetObjectAcl", "PutObjectAcl", "GetBucketAcl", "PutBucketAcl":
		return c.accessControl()
	case "GetBucketPolicyStatus":
		return c.policyStatus()
	case "ListObjectAnnotations":
		return c.annotations()
	case "RestoreObject":
		return c.restore()
	case "GetObjectTagging", "PutObjectTagging", "DeleteObjectTagging", "PutObjectRetention",
		"GetObjectLegalHold", "PutObjectLegalHold":
		return c.plain()
	case "GetObjectRetention":
		return c.retention()
	case "GetObjectLockConfiguration", "PutObjectLockConfiguration":
		return c.lockConfiguration()
	}
	if refused, ok := c.setting(); ok {
		return refused
	}
	return notImplemented(c.operation)
}

// plain forwards what the servers behind do as Amazon does.
func (c *call) plain() *refusal {
	out := c.forward()
	if c.r.Method == http.MethodGet {
		out.body, out.stream = nil, nil
	}
	resp, err := c.server.open(c.r.Context(), c.bucket.region, out)
	if err != nil {
		return broken(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode >= 300 {
		return c.unreadable(resp)
	}
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return broken(err)
	}
	pass(c.w.Header(), resp.Header, "X-Amz-Version-Id")
	return c.answer(resp.StatusCode, body)
}
