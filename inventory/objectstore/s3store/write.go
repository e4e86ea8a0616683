package s3store

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/residency/residency/inventory/objectstore"
)

// Put implements objectstore.Writer. The store refuses the bytes if they do
// not have the SHA-256, MD5 or checksum that body names.
func (s *Store) Put(ctx context.Context, o objectstore.NewObject, body objectstore.Body) (objectstore.Written, error) {
	in := &s3.PutObjectInput{
		Bucket: &o.Bucket, Key: &o.Key, Body: body.Reader, ContentLength: &body.Size,
		ContentType: optional(o.ContentType), CacheControl: optional(o.CacheControl),
		ContentDisposition: optional(o.ContentDisposition), ContentEncoding: optional(o.ContentEncoding),
		ContentLanguage: optional(o.ContentLanguage), WebsiteRedirectLocation: optional(o.WebsiteRedirect),
		Metadata: o.Metadata, Tagging: tagging(o.Tags), StorageClass: types.StorageClass(storageClass(o.StorageClass)),
	}
	in.ObjectLockMode, in.ObjectLockRetainUntilDate, in.ObjectLockLegalHoldStatus = locked(o.Lock)
	in.ObjectLockEventHold, in.ObjectLockEventHoldDurationDays, in.ObjectLockEventHoldDurationYears = held(o.Lock.Event)
	in.ServerSideEncryption, in.SSEKMSKeyId = s.encrypted(o)
	in.GrantFullControl, in.GrantRead, in.GrantReadACP, in.GrantWriteACP = granted(o.Grants)
	body, err := summed(body)
	if err != nil {
		return objectstore.Written{}, s.fail("PutObject", o.Bucket, err)
	}
	if in.IfMatch, in.IfNoneMatch, err = s.conditions(ctx, o); err != nil {
		return objectstore.Written{}, err
	}
	in.Body = body.Reader
	extra, payload, err := guarded(body, o.Expires)
	if err != nil {
		return objectstore.Written{}, s.fail("PutObject", o.Bucket, err)
	}
	key, err := s.customerKey(o.CustomerKey)
	if err != nil {
		return objectstore.Written{}, s.fail("PutObject", o.Bucket, err)
	}
	in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5 = key.fields()
	out, err := s.objects.putObject(ctx, in, extra, payload)
	if err != nil {
		return objectstore.Written{}, s.fail("PutObject", o.Bucket, err)
	}
	return written(out.Header, out.Header.Get("Etag")), nil
}

func locked(l objectstore.Lock) (mode types.ObjectLockMode, until *time.Time, hold types.ObjectLockLegalHoldStatus) {
	if l.Mode != "" {
		mode, until = types.ObjectLockMode(l.Mode), &l.Until
	}
	if l.Hold {
		hold = types.ObjectLockLegalHoldStatusOn
	}
	return mode, until, hold
}

// held says an event hold as the API model has it ("PutObjectRequest",
// ObjectLockEventHold): a duration is of days or of years.
func held(e objectstore.EventHold) (hold types.ObjectLockEventHold, days, years *int32) {
	if !e.On {
		return "", nil, nil
	}
	if e.Days > 0 {
		days = aws.Int32(int32(e.Days))
	}
	if e.Years > 0 {
		years = aws.Int32(int32(e.Years))
	}
	return types.ObjectLockEventHoldOn, days, years
}

func (s *Store) encrypted(o objectstore.NewObject) (types.ServerSideEncryption, *string) {
	asked := s.encryption.Load()
	switch {
	case o.KMSKey != "":
		return types.ServerSideEncryptionAwsKms, &o.KMSKey
	case asked == nil || o.CustomerKey != "":
		return "", nil
	}
	return asked.algorithm, optional(asked.key)
}

// choice is the encryption that writes ask for.
type choice struct {
	algorithm types.ServerSideEncryption
	key       string // of KMS; empty: none is named
}

// Encrypt implements objectstore.Encrypter.
func (s *Store) Encrypt(algorithm, key string) {
	if !objectstore.UnderKMS(algorithm) {
		key = ""
	}
	s.encryption.Store(&choice{types.ServerSideEncryption(algorithm), key})
}

// summedSize is up to which size a body gets an MD5 that comes without any hash, in
// bytes: what is written beside objects, such as marks and state.
const summedSize = 1 << 20

// summed gives a small body that comes without a checksum its MD5, without which a
// bucket with object lock takes none (Amazon S3 API Reference, "PutObject",
// Content-MD5).
func summed(body objectstore.Body) (objectstore.Body, error) {
	if body.MD5 != "" || body.Checksum.Algorithm != "" && !body.Checksum.Composite || body.Size > summedSize ||
		body.Reader == nil {
		return body, nil
	}
	data := make([]byte, body.Size)
	if _, err := io.ReadFull(body.Reader, data); err != nil {
		return body, fmt.Errorf("read the body: %w", err)
	}
	sum := md5.Sum(data)
	body.MD5, body.Reader = hex.EncodeToString(sum[:]), bytes.NewReader(data)
	return body, nil
}

// guarded makes a request carry the hashes that are known, so that the store
// checks what it received, and no other. The payload is what the signature
// says of the body.
func guarded(body objectstore.Body, expires string) (extra http.Header, payload string, err error) {
	extra = make(http.Header, 3)
	if payload = body.SHA256; payload == "" {
		payload = unsignedPayload
	}
	if body.Checksum.Algorithm != "" && !body.Checksum.Composite {
		extra.Set(checksumPrefix+body.Checksum.Algorithm, body.Checksum.Value)
	}
	if body.MD5 != "" {
		sum, err := hex.DecodeString(body.MD5)
		if err != nil || len(sum) != 16 {
			return nil, "", fmt.Errorf("MD5 %q is not 32 hex digits", body.MD5)
		}
		extra.Set("Content-Md5", base64.StdEncoding.EncodeToString(sum))
	}
	if expires != "" {
		extra.Set("Expires", expires)
	}
	return extra, payload, nil
}

// written reads what a write answered. Checksums are taken from the header,
// where every server that has them puts them.
func written(h http.Header, etag string) objectstore.Written {
	w := objectstore.Written{ETag: bare(etag), VersionID: h.Get("X-Amz-Version-Id"), Checksum: checksum(h),
		Encrypted: encryption(h)}
	w.Sum = objectstore.ETagSum(w.ETag, w.Encrypted, "")
	w.Answered, _ = http.ParseTime(h.Get("Date")) // zero where there is none
	if w.VersionID == "" {
		w.VersionID = objectstore.NullVersion
	}
	return w
}

// PutMarker implements objectstore.Writer.
func (s *Store) PutMarker(ctx context.Context, bucket, key string) (objectstore.Written, error) {
	out, err := s.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: &key}, s.once)
	if err != nil {
		return objectstore.Written{}, s.fail("DeleteObject", bucket, err)
	}
	if !aws.ToBool(out.DeleteMarker) || aws.ToString(out.VersionId) == "" {
		return objectstore.Written{}, s.fail("DeleteObject", bucket,
			fmt.Errorf("%w: no delete marker was made; is versioning on?", objectstore.ErrNotOffered))
	}
	return objectstore.Written{VersionID: *out.VersionId}, nil
}

// CreateUpload implements objectstore.Writer.
func (s *Store) CreateUpload(ctx context.Context, o objectstore.NewObject) (string, error) {
	in := &s3.CreateMultipartUploadInput{
		Bucket: &o.Bucket, Key: &o.Key,
		ContentType: optional(o.ContentType), CacheControl: optional(o.CacheControl),
		ContentDisposition: optional(o.ContentDisposition), ContentEncoding: optional(o.ContentEncoding),
		ContentLanguage: optional(o.ContentLanguage), WebsiteRedirectLocation: optional(o.WebsiteRedirect),
		Metadata: o.Metadata, Tagging: tagging(o.Tags), StorageClass: types.StorageClass(storageClass(o.StorageClass)),
		ChecksumAlgorithm: types.ChecksumAlgorithm(o.Algorithm),
	}
	in.ObjectLockMode, in.ObjectLockRetainUntilDate, in.ObjectLockLegalHoldStatus = locked(o.Lock)
	in.ObjectLockEventHold, in.ObjectLockEventHoldDurationDays, in.ObjectLockEventHoldDurationYears = held(o.Lock.Event)
	in.ServerSideEncryption, in.SSEKMSKeyId = s.encrypted(o)
	if o.Algorithm != "" {
		in.ChecksumType = types.ChecksumTypeFullObject
		if o.Composite {
			in.ChecksumType = types.ChecksumTypeComposite
		}
	}
	var options []func(*middleware.Stack) error
	if o.Expires != "" {
		options = append(options, smithyhttp.SetHeaderValue("Expires", o.Expires))
	}
	in.GrantFullControl, in.GrantRead, in.GrantReadACP, in.GrantWriteACP = granted(o.Grants)
	key, err := s.customerKey(o.CustomerKey)
	if err != nil {
		return "", s.fail("CreateMultipartUpload", o.Bucket, err)
	}
	out, err := s.client.CreateMultipartUpload(ctx, in, s.once, s3.WithAPIOptions(options...), key.with(sseHeader))
	if err != nil {
		return "", s.fail("CreateMultipartUpload", o.Bucket, err)
	}
	return aws.ToString(out.UploadId), nil
}

// UploadPart implements objectstore.Writer.
func (s *Store) UploadPart(
	ctx context.Context, bucket, key, uploadID string, number int, body objectstore.Body,
) (objectstore.Part, error) {
	extra, payload, err := guarded(body, "")
	if err != nil {
		return objectstore.Part{}, s.fail("UploadPart", bucket, err)
	}
	customer, err := s.customerKey(body.CustomerKey)
	if err != nil {
		return objectstore.Part{}, s.fail("UploadPart", bucket, err)
	}
	in := &s3.UploadPartInput{
		Bucket: &bucket, Key: &key, UploadId: &uploadID, PartNumber: aws.Int32(int32(number)),
		Body: body.Reader, ContentLength: &body.Size,
	}
	in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5 = customer.fields()
	out, err := s.objects.uploadPart(ctx, in, extra, payload)
	if err != nil {
		return objectstore.Part{}, s.fail("UploadPart", bucket, err)
	}
	w := written(out.Header, out.Header.Get("Etag"))
	return objectstore.Part{Number: number, Size: body.Size, ETag: w.ETag, Checksum: w.Checksum}, nil
}

// CompleteUpload implements objectstore.Writer.
func (s *Store) CompleteUpload(
	ctx context.Context, o objectstore.NewObject, uploadID string, parts []objectstore.Part, full objectstore.Checksum,
) (objectstore.Written, error) {
	done := make([]types.CompletedPart, len(parts))
	for i, p := range parts {
		done[i] = types.CompletedPart{PartNumber: aws.Int32(int32(p.Number)), ETag: quoted(p.ETag)}
		if o.Algorithm != "" {
			switch v := aws.String(p.Checksum.Value); p.Checksum.Algorithm {
			case "SHA256":
				done[i].ChecksumSHA256 = v
			case "SHA1":
				done[i].ChecksumSHA1 = v
			case "CRC32":
				done[i].ChecksumCRC32 = v
			case "CRC32C":
				done[i].ChecksumCRC32C = v
			case "CRC64NVME":
				done[i].ChecksumCRC64NVME = v
			}
		}
	}
	var options []func(*middleware.Stack) error
	if full.Algorithm != "" && !full.Composite {
		options = append(options,
			smithyhttp.SetHeaderValue(checksumPrefix+full.Algorithm, full.Value),
			smithyhttp.SetHeaderValue(checksumPrefix+"Type", "FULL_OBJECT"))
	}
	key, err := s.customerKey(o.CustomerKey)
	if err != nil {
		return objectstore.Written{}, s.fail("CompleteMultipartUpload", o.Bucket, err)
	}
	same, none, err := s.conditions(ctx, o)
	if err != nil {
		return objectstore.Written{}, err
	}
	out, err := s.client.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{
		Bucket: &o.Bucket, Key: &o.Key, UploadId: &uploadID,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: done},
		IfMatch:         same, IfNoneMatch: none,
	}, s.once, s3.WithAPIOptions(options...), key.with(sseHeader))
	if err != nil {
		return objectstore.Written{}, s.fail("CompleteMultipartUpload", o.Bucket, err)
	}
	w := written(header(out.ResultMetadata), aws.ToString(out.ETag))
	w.Checksum = sums{SHA256: out.ChecksumSHA256, SHA1: out.ChecksumSHA1, CRC64NVME: out.ChecksumCRC64NVME,
		CRC32C: out.ChecksumCRC32C, CRC32: out.ChecksumCRC32}.or(w.Checksum, out.ChecksumType == types.ChecksumTypeComposite)
	return w, nil
}

// AbortUpload implements objectstore.Writer and objectstore.Eraser. An upload
// that is already gone is no error.
func (s *Store) AbortUpload(ctx context.Context, bucket, key, uploadID string) error {
	_, err := s.client.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &bucket, Key: &key,
		UploadId: &uploadID})
	if err = s.fail("AbortMultipartUpload", bucket, err); isNotFound(err) {
		return nil
	}
	return err
}

// Copy implements objectstore.Writer.
func (s *Store) Copy(
	ctx context.Context, source objectstore.Ref, o objectstore.NewObject,
) (objectstore.Written, error) {
	in := &s3.CopyObjectInput{
		Bucket: &o.Bucket, Key: &o.Key, CopySource: copySource(source), CopySourceIfMatch: quoted(source.ETag),
		MetadataDirective: types.MetadataDirectiveCopy, TaggingDirective: types.TaggingDirectiveCopy,
		StorageClass:            types.StorageClass(storageClass(o.StorageClass)),
		WebsiteRedirectLocation: optional(o.WebsiteRedirect), // which no directive copies
	}
	in.ObjectLockMode, in.ObjectLockRetainUntilDate, in.ObjectLockLegalHoldStatus = locked(o.Lock)
	in.ObjectLockEventHold, in.ObjectLockEventHoldDurationDays, in.ObjectLockEventHoldDurationYears = held(o.Lock.Event)
	in.ServerSideEncryption, in.SSEKMSKeyId = s.encrypted(o)
	in.GrantFullControl, in.GrantRead, in.GrantReadACP, in.GrantWriteACP = granted(o.Grants)
	var options []func(*middleware.Stack) error
	if o.Explicit {
		in.MetadataDirective, in.TaggingDirective = types.MetadataDirectiveReplace, types.TaggingDirectiveReplace
		in.ContentType, in.CacheControl, in.ContentDisposition = optional(o.ContentType), optional(o.CacheControl),
			optional(o.ContentDisposition)
		in.ContentEncoding, in.ContentLanguage = optional(o.ContentEncoding), optional(o.ContentLanguage)
		in.Metadata, in.Tagging = o.Metadata, tagging(o.Tags)
		if o.Expires != "" {
			options = append(options, smithyhttp.SetHeaderValue("Expires", o.Expires))
		}
	}
	from, err := s.customerKey(source.CustomerKey)
	if err != nil {
		return objectstore.Written{}, s.fail("CopyObject", o.Bucket, err)
	}
	to, err := s.customerKey(o.CustomerKey)
	if err != nil {
		return objectstore.Written{}, s.fail("CopyObject", o.Bucket, err)
	}
	if in.IfMatch, in.IfNoneMatch, err = s.conditions(ctx, o); err != nil {
		return objectstore.Written{}, err
	}
	out, err := s.client.CopyObject(ctx, in, s.once, s3.WithAPIOptions(options...), from.with(sseCopyHeader),
		to.with(sseHeader))
	if err != nil {
		return objectstore.Written{}, s.fail("CopyObject", o.Bucket, err)
	}
	result := out.CopyObjectResult
	if result == nil || aws.ToString(result.ETag) == "" {
		return objectstore.Written{}, s.fail("CopyObject", o.Bucket, fmt.Errorf("answered 200 without a result"))
	}
	w := written(header(out.ResultMetadata), aws.ToString(result.ETag))
	sums := sums{SHA256: result.ChecksumSHA256, SHA1: result.ChecksumSHA1, CRC64NVME: result.ChecksumCRC64NVME,
		CRC32C: result.ChecksumCRC32C, CRC32: result.ChecksumCRC32}
	w.Checksum = sums.or(w.Checksum, result.ChecksumType == types.ChecksumTypeComposite)
	return w, nil
}

// sums are checksums as documents name them: of a copy, they stand nowhere else
// (Amazon S3 API Reference, "CopyObject" and "UploadPartCopy", Response Elements).
type sums struct{ SHA256, SHA1, CRC64NVME, CRC32C, CRC32 *string }

// or returns the checksum that there is, else another.
func (s sums) or(other objectstore.Checksum, composite bool) objectstore.Checksum {
	for i, v := range []*string{s.SHA256, s.SHA1, s.CRC64NVME, s.CRC32C, s.CRC32} { // as algorithms lists them
		if v := aws.ToString(v); v != "" {
			return objectstore.Checksum{Algorithm: algorithms()[i], Value: v, Composite: composite || strings.Contains(v, "-")}
		}
	}
	return other
}

// CopyPart implements objectstore.Writer. A source under SSE-C goes to an upload
// under the same key.
func (s *Store) CopyPart(
	ctx context.Context, source objectstore.Ref, first, last int64, bucket, key, uploadID string, number int,
) (objectstore.Part, error) {
	customer, err := s.customerKey(source.CustomerKey)
	if err != nil {
		return objectstore.Part{}, s.fail("UploadPartCopy", bucket, err)
	}
	out, err := s.client.UploadPartCopy(ctx, &s3.UploadPartCopyInput{
		Bucket: &bucket, Key: &key, UploadId: &uploadID, PartNumber: aws.Int32(int32(number)),
		CopySource: copySource(source), CopySourceIfMatch: quoted(source.ETag),
		CopySourceRange: aws.String(fmt.Sprintf("bytes=%d-%d", first, last)),
	}, s.once, customer.with(sseCopyHeader), customer.with(sseHeader))
	if err != nil {
		return objectstore.Part{}, s.fail("UploadPartCopy", bucket, err)
	}
	if out.CopyPartResult == nil || aws.ToString(out.CopyPartResult.ETag) == "" {
		return objectstore.Part{}, s.fail("UploadPartCopy", bucket, fmt.Errorf("answered 200 without a result"))
	}
	result := out.CopyPartResult
	sum := sums{SHA256: result.ChecksumSHA256, SHA1: result.ChecksumSHA1, CRC64NVME: result.ChecksumCRC64NVME,
		CRC32C: result.ChecksumCRC32C, CRC32: result.ChecksumCRC32}.or(objectstore.Checksum{}, false)
	return objectstore.Part{Number: number, Size: last - first + 1, ETag: bare(*result.ETag), Checksum: sum},
		nil
}

func copySource(source objectstore.Ref) *string {
	v := source.Bucket + "/" + (&url.URL{Path: source.Key}).EscapedPath()
	v = strings.ReplaceAll(v, "+", "%2B")
	if source.VersionID != "" {
		v += "?versionId=" + url.QueryEscape(source.VersionID)
	}
	return &v
}

func tagging(tags []objectstore.Tag) *string {
	if len(tags) == 0 {
		return nil
	}
	pairs := make([]string, len(tags))
	for i, t := range tags {
		pairs[i] = url.QueryEscape(t.Key) + "=" + url.QueryEscape(t.Value)
	}
	v := strings.Join(pairs, "&")
	return &v
}

// storageClass leaves the default out of requests: some servers refuse to be
// told what they do anyway.
func storageClass(class string) string {
	if class == "STANDARD" {
		return ""
	}
	return class
}

func optional(v string) *string {
	if v == "" {
		return nil
	}
	return &v
}
