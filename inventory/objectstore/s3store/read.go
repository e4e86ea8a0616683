package s3store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore"
)

// Open implements objectstore.Reader.
func (s *Store) Open(ctx context.Context, ref objectstore.Ref, part int) (*objectstore.Object, error) {
	return byNumber(s, part, func(part int) (*objectstore.Object, error) { return s.openPart(ctx, ref, part) })
}

func (s *Store) openPart(ctx context.Context, ref objectstore.Ref, part int) (*objectstore.Object, error) {
	o, err := s.open(ctx, ref, part, CustomerKey{})
	if errors.Is(err, objectstore.ErrCustomerKey) {
		return unlock(s, "GetObject", ref.Bucket, func(key CustomerKey) (*objectstore.Object, error) {
			return s.open(ctx, ref,
				part, key)
		})
	}
	return o, err
}

func (s *Store) open(ctx context.Context, ref objectstore.Ref, part int, key CustomerKey) (*objectstore.Object, error) {
	in := &s3.GetObjectInput{Bucket: &ref.Bucket, Key: &ref.Key, VersionId: versionID(ref.VersionID),
		IfMatch: quoted(ref.ETag), ChecksumMode: types.ChecksumModeEnabled}
	in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5 = key.fields()
	if part > 0 {
		in.PartNumber = aws.Int32(int32(part))
	}
	out, err := s.objects.getObject(ctx, in)
	if err = s.fail("GetObject", ref.Bucket, err); errors.Is(err, objectstore.ErrNotOffered) && in.IfMatch != nil {
		// A service that knows no conditions: what it answers is compared instead.
		in.IfMatch = nil
		out, err = s.objects.getObject(ctx, in)
		err = s.fail("GetObject", ref.Bucket, err)
	}
	if err != nil {
		return nil, err
	}
	info, err := s.opened(ctx, ref, part, key, out)
	if err != nil {
		_ = out.Body.Close()
		return nil, err
	}
	return &objectstore.Object{Info: info, Body: out.Body}, nil
}

// opened reads an answer's header. Of a body that comes without a length, the
// description of the object tells it, and the body must have it.
func (s *Store) opened(
	ctx context.Context, ref objectstore.Ref, part int, key CustomerKey, out *http.Response,
) (objectstore.Info, error) {
	info, err := parseInfo(out.Header, length(out))
	if err != nil {
		return info, s.fail("GetObject", ref.Bucket, err)
	}
	if out.ContentLength < 0 && s.headless.Load() {
		return info, s.broken("GetObject", ref.Bucket, errors.New("neither this answer nor another tells the object's size"))
	}
	if out.ContentLength < 0 {
		told, err := s.stat(ctx, ref, part, key)
		if err != nil {
			return info, err
		}
		if info.Size, info.Length = told.Size, told.Length; info.Length > 0 {
			out.Body = &exactBody{ReadCloser: out.Body, left: info.Length}
		}
	}
	if another(ref, info) {
		return info, s.broken("GetObject", ref.Bucket, errAnother)
	}
	info.Incomplete = incomplete(out, part)
	return info, nil
}

// errAnother reports an answer about another object than was asked for, by a service that
// knows no conditions.
var errAnother = fmt.Errorf("%w: its ETag is another", objectstore.ErrPrecondition)

// another tells whether an answer says that it is about another object.
func another(ref objectstore.Ref, info objectstore.Info) bool {
	return ref.ETag != "" && info.ETag != "" && info.ETag != ref.ETag
}

// exactBody fails unless it has as many bytes as were announced elsewhere.
type exactBody struct {
	io.ReadCloser
	left int64
}

func (b *exactBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	switch b.left -= int64(n); {
	case b.left < 0:
		return n, errors.New("the body is longer than the object")
	case err == io.EOF && b.left > 0:
		return n, io.ErrUnexpectedEOF
	}
	return n, err
}

// Stat implements objectstore.Reader.
func (s *Store) Stat(ctx context.Context, ref objectstore.Ref, part int) (objectstore.Info, error) {
	return byNumber(s, part, func(part int) (objectstore.Info, error) { return s.statPart(ctx, ref, part) })
}

func (s *Store) statPart(ctx context.Context, ref objectstore.Ref, part int) (objectstore.Info, error) {
	info, err := s.stat(ctx, ref, part, CustomerKey{})
	if current, ok := nullAsCurrent(ref, err); ok {
		if info, statErr := s.stat(ctx, current, part, CustomerKey{}); statErr == nil &&
			info.VersionID == objectstore.NullVersion {
			return info, nil
		}
	}
	if errors.Is(err, objectstore.ErrRejected) {
		return s.statLocked(ctx, ref, part, err)
	}
	return info, err
}

// nullAsCurrent serves servers that list a version as null and then do not
// know it under that ID: the current version is asked for instead, and is the
// null version if the answer says so.
func nullAsCurrent(ref objectstore.Ref, err error) (objectstore.Ref, bool) {
	if ref.VersionID != objectstore.NullVersion || !isNotFound(err) {
		return ref, false
	}
	ref.VersionID = ""
	return ref, true
}

func (s *Store) stat(ctx context.Context, ref objectstore.Ref, part int, key CustomerKey) (objectstore.Info, error) {
	if s.headless.Load() {
		return s.glance(ctx, ref, part, key, objectstore.ErrNotOffered)
	}
	in := &s3.HeadObjectInput{Bucket: &ref.Bucket, Key: &ref.Key, VersionId: versionID(ref.VersionID),
		IfMatch: quoted(ref.ETag), ChecksumMode: types.ChecksumModeEnabled}
	in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5 = key.fields()
	if part > 0 {
		in.PartNumber = aws.Int32(int32(part))
	}
	out, err := s.objects.headObject(ctx, in)
	if err = s.fail("HeadObject", ref.Bucket, err); errors.Is(err, objectstore.ErrNotOffered) && in.IfMatch != nil {
		in.IfMatch = nil
		out, err = s.objects.headObject(ctx, in)
		err = s.fail("HeadObject", ref.Bucket, err)
	}
	if err != nil && noHead(err) {
		return s.glance(ctx, ref, part, key, err)
	}
	if err != nil {
		return objectstore.Info{}, err
	}
	info, err := parseInfo(out.Header, length(out))
	if err == nil && another(ref, info) {
		err = errAnother
	}
	info.Incomplete = incomplete(out, part)
	return info, s.fail("HeadObject", ref.Bucket, err)
}

// incomplete is what an answer says against itself: metadata that no header can
// hold (Amazon S3 API Reference, "GetObject", x-amz-missing-meta), a range that
// nobody asked for, or that somebody on the way has altered it (RFC 9110, status
// 203; RFC 7234, warning 214).
func incomplete(out *http.Response, part int) string {
	if v := out.Header.Get("X-Amz-Missing-Meta"); v != "" && v != "0" {
		return "x-amz-missing-meta: " + v + ", metadata that the answer leaves out"
	}
	for _, v := range out.Header.Values("Warning") {
		if strings.HasPrefix(v, "214") {
			return "warning 214, altered on its way"
		}
	}
	switch {
	case out.StatusCode == http.StatusNonAuthoritativeInfo:
		return "HTTP 203, altered on its way"
	case out.StatusCode == http.StatusPartialContent && part == 0:
		return "HTTP 206, a part where the whole was asked for"
	}
	return ""
}

// Tags implements objectstore.Reader.
func (s *Store) Tags(ctx context.Context, ref objectstore.Ref) ([]objectstore.Tag, error) {
	list, err := s.tags(ctx, ref)
	if current, ok := nullAsCurrent(ref, err); ok {
		if info, statErr := s.stat(ctx, current, 0, CustomerKey{}); statErr == nil &&
			info.VersionID == objectstore.NullVersion {
			return s.tags(ctx, current)
		}
	}
	return list, err
}

// Lock implements objectstore.Reader.
func (s *Store) Lock(ctx context.Context, ref objectstore.Ref) (objectstore.Lock, error) {
	var lock objectstore.Lock
	retention, err := s.client.GetObjectRetention(ctx, &s3.GetObjectRetentionInput{Bucket: &ref.Bucket, Key: &ref.Key,
		VersionId: versionID(ref.VersionID)})
	if err = s.fail("GetObjectRetention", ref.Bucket, err); err != nil && !notConfigured(err) {
		return lock, err
	}
	if err == nil && retention.Retention != nil {
		r := retention.Retention
		lock.Mode, lock.Until = string(r.Mode), aws.ToTime(r.RetainUntilDate)
		if lock.Event.On = r.EventHold == types.ObjectLockEventHoldOn; lock.Event.On && r.EventHoldDuration != nil {
			lock.Event.Days, lock.Event.Years = int(aws.ToInt32(r.EventHoldDuration.Days)),
				int(aws.ToInt32(r.EventHoldDuration.Years))
		}
	}
	hold, err := s.client.GetObjectLegalHold(ctx, &s3.GetObjectLegalHoldInput{Bucket: &ref.Bucket, Key: &ref.Key,
		VersionId: versionID(ref.VersionID)})
	if err = s.fail("GetObjectLegalHold", ref.Bucket, err); err != nil && !notConfigured(err) {
		return lock, err
	}
	lock.Hold = err == nil && hold.LegalHold != nil && hold.LegalHold.Status == types.ObjectLockLegalHoldStatusOn
	return lock, nil
}

func (s *Store) tags(ctx context.Context, ref objectstore.Ref) ([]objectstore.Tag, error) {
	out, err := s.client.GetObjectTagging(ctx, &s3.GetObjectTaggingInput{Bucket: &ref.Bucket, Key: &ref.Key,
		VersionId: versionID(ref.VersionID)})
	if err != nil {
		return nil, s.fail("GetObjectTagging", ref.Bucket, err)
	}
	return tags(out.TagSet), nil
}

func tags(set []types.Tag) []objectstore.Tag {
	out := make([]objectstore.Tag, len(set))
	for i, t := range set {
		out[i] = objectstore.Tag{Key: aws.ToString(t.Key), Value: aws.ToString(t.Value)}
	}
	slices.SortFunc(out, func(a, b objectstore.Tag) int { return strings.Compare(a.Key, b.Key) })
	return out
}

const metadataPrefix = "X-Amz-Meta-"

// parseInfo reads an object's description from the answer's header.
func parseInfo(h http.Header, length int64) (objectstore.Info, error) {
	info := objectstore.Info{
		Attributes: objectstore.Attributes{
			ContentType:        h.Get("Content-Type"),
			CacheControl:       h.Get("Cache-Control"),
			ContentDisposition: h.Get("Content-Disposition"),
			ContentEncoding:    stored(h.Get("Content-Encoding")),
			ContentLanguage:    h.Get("Content-Language"),
			Expires:            h.Get("Expires"),
			WebsiteRedirect:    h.Get("X-Amz-Website-Redirect-Location"),
			StorageClass:       h.Get("X-Amz-Storage-Class"),
			Lock: objectstore.Lock{Mode: h.Get("X-Amz-Object-Lock-Mode"),
				Hold: h.Get("X-Amz-Object-Lock-Legal-Hold") == "ON"},
		},
		VersionID: h.Get("X-Amz-Version-Id"),
		ETag:      bare(h.Get("Etag")),
		Size:      length,
		Length:    length,
		Encrypted: encryption(h),
		KeyID:     h.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"),
		Checksum:  checksum(h),

		CustomerKey:   h.Get(sseHeader + "Key-Md5"),
		ArchiveStatus: h.Get("X-Amz-Archive-Status"), // Amazon S3 API Reference, "HeadObject"
		Restoring:     strings.Contains(h.Get("X-Amz-Restore"), `ongoing-request="true"`),
	}
	info.Sum = objectstore.ETagSum(info.ETag, info.Encrypted, info.KeyID)
	if info.VersionID == "" {
		info.VersionID = objectstore.NullVersion
	}
	for name, values := range h {
		if strings.HasPrefix(name, metadataPrefix) {
			if info.Metadata == nil {
				info.Metadata = make(map[string]string)
			}
			info.Metadata[strings.ToLower(name[len(metadataPrefix):])] = strings.Join(values, ",")
		}
	}
	var err error
	if info.TagCount, err = count(h, "X-Amz-Tagging-Count"); err != nil {
		return info, err
	}
	if info.PartCount, err = count(h, "X-Amz-Mp-Parts-Count"); err != nil {
		return info, err
	}
	if info.Lock.Event, err = eventHold(h); err != nil {
		return info, err
	}
	if r := h.Get("Content-Range"); r != "" {
		_, total, _ := strings.Cut(r, "/")
		if info.Size, err = strconv.ParseInt(total, 10, 64); err != nil {
			return info, fmt.Errorf("content range %q: %w", r, err)
		}
	}
	if until := h.Get("X-Amz-Object-Lock-Retain-Until-Date"); until != "" {
		if info.Lock.Until, err = time.Parse(time.RFC3339Nano, until); err != nil {
			return info, fmt.Errorf("retention date: %w", err)
		}
	}
	if modified := h.Get("Last-Modified"); modified != "" {
		info.Modified, _ = http.ParseTime(modified)
	}
	info.Answered, _ = http.ParseTime(h.Get("Date")) // zero where there is none
	return info, nil
}

// eventHold reads what an answer tells of one (API model, "HeadObjectOutput",
// ObjectLockEventHold).
func eventHold(h http.Header) (e objectstore.EventHold, err error) {
	const name = "X-Amz-Object-Lock-Event-Hold"
	if h.Get(name) != "ON" {
		return e, nil
	}
	e.On = true
	if e.Days, err = count(h, name+"-Duration-Days"); err != nil {
		return e, err
	}
	e.Years, err = count(h, name+"-Duration-Years")
	return e, err
}

func count(h http.Header, name string) (int, error) {
	v := h.Get(name)
	if v == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 0 {
		return 0, fmt.Errorf("header %s: %q is not a count", name, v)
	}
	return n, nil
}

// algorithms lists S3's checksum algorithms, strongest first, and the header
// that carries each ("x-amz-checksum-" and the name in lower case).
func algorithms() [5]string {
	return [...]string{"SHA256", "SHA1", "CRC64NVME", "CRC32C", "CRC32"}
}

const checksumPrefix = "X-Amz-Checksum-"

// checksum reads the stored checksum. An object has at most one.
func checksum(h http.Header) objectstore.Checksum {
	for _, a := range algorithms() {
		if v := h.Get(checksumPrefix + a); v != "" {
			composite := h.Get(checksumPrefix+"Type") == "COMPOSITE" || strings.Contains(v, "-")
			return objectstore.Checksum{Algorithm: a, Value: v, Composite: composite}
		}
	}
	return objectstore.Checksum{}
}

// bare is an ETag without its quotes, and without the mark of weakness that proxies put
// before it when they change how a body is sent.
func bare(etag string) string { return strings.Trim(strings.TrimPrefix(etag, "W/"), `"`) }

// stored is a Content-Encoding without what was one of the transfer alone: SDKs send
// "aws-chunked" with it, which Amazon drops and other services keep (Amazon S3 API
// Reference, "PutObject", Content-Encoding).
func stored(encoding string) string {
	if !strings.Contains(encoding, "aws-chunked") {
		return encoding
	}
	var rest []string
	for token := range strings.SplitSeq(encoding, ",") {
		if token = strings.TrimSpace(token); token != "" && token != "aws-chunked" {
			rest = append(rest, token)
		}
	}
	return strings.Join(rest, ",")
}

func versionID(id string) *string {
	if id == "" {
		return nil
	}
	return &id
}

func quoted(etag string) *string {
	if etag == "" {
		return nil
	}
	q := `"` + etag + `"`
	return &q
}

// encryption names the server-side encryption that an answer tells of.
func encryption(h http.Header) string {
	if h.Get(sseHeader+"Algorithm") != "" {
		return objectstore.CustomerKey
	}
	return h.Get("X-Amz-Server-Side-Encryption")
}
