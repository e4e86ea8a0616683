package s3store

import (
	"context"
	"net/http"
	"net/textproto"
	"strconv"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithytime "github.com/aws/smithy-go/time"
)

// The four hot operations take the SDK's inputs and make the header and query
// that the SDK would. Left out are what names a clock (If-Modified-Since and
// its kin, a typed Expires), what overrides an answer's header (Response…),
// Range, event holds and appends.

// fields collects a request's header in canonical form, without what is empty.
type fields http.Header

func (f fields) set(name, value string) {
	if value != "" {
		f[name] = []string{value}
	}
}

// given sets a header that may be empty on purpose.
func (f fields) given(name string, value *string) {
	if value != nil {
		f[name] = []string{*value}
	}
}

func (f fields) number(name string, value *int32) {
	if value != nil {
		f[name] = []string{strconv.Itoa(int(*value))}
	}
}

func (f fields) customerKey(algorithm, key, md5 *string) {
	f.given("X-Amz-Server-Side-Encryption-Customer-Algorithm", algorithm)
	f.given("X-Amz-Server-Side-Encryption-Customer-Key", key)
	f.given("X-Amz-Server-Side-Encryption-Customer-Key-Md5", md5)
}

// reading is what the header of GET and HEAD has in common.
func reading(mode types.ChecksumMode, owner, match, noneMatch *string, payer types.RequestPayer) fields {
	f := make(fields, 12)
	f.set("X-Amz-Checksum-Mode", string(mode))
	f.given("X-Amz-Expected-Bucket-Owner", owner)
	f.given("If-Match", match)
	f.given("If-None-Match", noneMatch)
	f.set("X-Amz-Request-Payer", string(payer))
	return f
}

func (o *objects) getObject(ctx context.Context, in *s3.GetObjectInput) (*http.Response, error) {
	f := reading(in.ChecksumMode, in.ExpectedBucketOwner, in.IfMatch, in.IfNoneMatch, in.RequestPayer)
	f.customerKey(in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5)
	return o.send(ctx, true, &request{
		method: http.MethodGet, bucket: aws.ToString(in.Bucket), key: aws.ToString(in.Key),
		query: objectQuery(in.PartNumber, nil, in.VersionId, "GetObject"), header: http.Header(f), payload: emptyPayload,
	})
}

func (o *objects) headObject(ctx context.Context, in *s3.HeadObjectInput) (*http.Response, error) {
	f := reading(in.ChecksumMode, in.ExpectedBucketOwner, in.IfMatch, in.IfNoneMatch, in.RequestPayer)
	f.customerKey(in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5)
	return o.send(ctx, true, &request{
		method: http.MethodHead, bucket: aws.ToString(in.Bucket), key: aws.ToString(in.Key),
		query: objectQuery(in.PartNumber, nil, in.VersionId, ""), header: http.Header(f), payload: emptyPayload,
	})
}

// putObject sends a body under the extra headers and the payload hash given.
func (o *objects) putObject(
	ctx context.Context, in *s3.PutObjectInput, extra http.Header, payload string,
) (*http.Response, error) {
	f := make(fields, 20)
	f["Content-Type"] = []string{"application/octet-stream"}
	f.given("Content-Type", in.ContentType)
	f.given("Cache-Control", in.CacheControl)
	f.given("Content-Disposition", in.ContentDisposition)
	f.given("Content-Encoding", in.ContentEncoding)
	f.given("Content-Language", in.ContentLanguage)
	f.given("Content-Md5", in.ContentMD5)
	f.given("X-Amz-Website-Redirect-Location", in.WebsiteRedirectLocation)
	f.given("X-Amz-Tagging", in.Tagging)
	f.set("X-Amz-Storage-Class", string(in.StorageClass))
	f.given("If-Match", in.IfMatch)
	f.given("If-None-Match", in.IfNoneMatch)
	f.given("X-Amz-Expected-Bucket-Owner", in.ExpectedBucketOwner)
	f.set("X-Amz-Request-Payer", string(in.RequestPayer))
	f.customerKey(in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5)
	putProtection(f, in)
	for name, value := range in.Metadata {
		f[textproto.CanonicalMIMEHeaderKey(metadataPrefix+name)] = []string{value}
	}
	for name, values := range extra {
		f[name] = values
	}
	return o.send(ctx, false, &request{
		method: http.MethodPut, bucket: aws.ToString(in.Bucket), key: aws.ToString(in.Key),
		query: "x-id=PutObject", header: http.Header(f), body: in.Body, size: aws.ToInt64(in.ContentLength), payload: payload,
	})
}

// putProtection sets who may read, what encrypts and what locks an object.
func putProtection(f fields, in *s3.PutObjectInput) {
	f.set("X-Amz-Acl", string(in.ACL))
	f.given("X-Amz-Grant-Full-Control", in.GrantFullControl)
	f.given("X-Amz-Grant-Read", in.GrantRead)
	f.given("X-Amz-Grant-Read-Acp", in.GrantReadACP)
	f.given("X-Amz-Grant-Write-Acp", in.GrantWriteACP)
	f.set("X-Amz-Server-Side-Encryption", string(in.ServerSideEncryption))
	f.given("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id", in.SSEKMSKeyId)
	f.given("X-Amz-Server-Side-Encryption-Context", in.SSEKMSEncryptionContext)
	if in.BucketKeyEnabled != nil {
		f.set("X-Amz-Server-Side-Encryption-Bucket-Key-Enabled", strconv.FormatBool(*in.BucketKeyEnabled))
	}
	f.set("X-Amz-Object-Lock-Mode", string(in.ObjectLockMode))
	if in.ObjectLockRetainUntilDate != nil {
		f.set("X-Amz-Object-Lock-Retain-Until-Date", smithytime.FormatDateTime(*in.ObjectLockRetainUntilDate))
	}
	f.set("X-Amz-Object-Lock-Legal-Hold", string(in.ObjectLockLegalHoldStatus))
	f.set("X-Amz-Object-Lock-Event-Hold", string(in.ObjectLockEventHold))
	f.number("X-Amz-Object-Lock-Event-Hold-Duration-Days", in.ObjectLockEventHoldDurationDays)
	f.number("X-Amz-Object-Lock-Event-Hold-Duration-Years", in.ObjectLockEventHoldDurationYears)
}

func (o *objects) uploadPart(
	ctx context.Context, in *s3.UploadPartInput, extra http.Header, payload string,
) (*http.Response, error) {
	f := make(fields, 12)
	f["Content-Type"] = []string{"application/octet-stream"}
	f.given("Content-Md5", in.ContentMD5)
	f.given("X-Amz-Expected-Bucket-Owner", in.ExpectedBucketOwner)
	f.set("X-Amz-Request-Payer", string(in.RequestPayer))
	f.customerKey(in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5)
	for name, values := range extra {
		f[name] = values
	}
	return o.send(ctx, false, &request{
		method: http.MethodPut, bucket: aws.ToString(in.Bucket), key: aws.ToString(in.Key),
		query:  objectQuery(in.PartNumber, in.UploadId, nil, "UploadPart"),
		header: http.Header(f), body: in.Body, size: aws.ToInt64(in.ContentLength), payload: payload,
	})
}

// objectQuery writes a query in sorted order.
func objectQuery(part *int32, upload, version *string, id string) string {
	q := make([]byte, 0, 96)
	add := func(name, value string) {
		if len(q) > 0 {
			q = append(q, '&')
		}
		q = append(append(append(q, name...), '='), escapeQuery(value)...)
	}
	if part != nil {
		add("partNumber", strconv.Itoa(int(*part)))
	}
	if upload != nil {
		add("uploadId", *upload)
	}
	if version != nil {
		add("versionId", *version)
	}
	if id != "" {
		add("x-id", id)
	}
	return string(q)
}
