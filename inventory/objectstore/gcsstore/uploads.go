package gcsstore

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
)

var _ objectstore.PartLister = (*Store)(nil)

// xmlPath is the XML API's of an object.
func xmlPath(bucket, name string) string { return "/" + escape(bucket) + "/" + escapePath(name) }

var errRetains = errors.New("the bucket keeps whatever is written to it, and so what parts are put together in; in " +
	"one piece objects can be written")

// CreateUpload implements objectstore.Writer. In a bucket that would not let go of what
// parts are put together in, the error is ErrNotOffered.
func (s *Store) CreateUpload(ctx context.Context, o objectstore.NewObject) (uploadID string, err error) {
	const op = "storage.multipartUploads.create"
	if err := s.carries(op, o); err != nil {
		return "", err
	}
	digits, name, err := s.place(op, o.Bucket, o.Key)
	if err != nil {
		return "", err
	}
	r := s.request(op, o.Bucket, http.MethodPost, xmlPath(o.Bucket, name), query{})
	switch b, err := s.bucket(ctx, o.Bucket, "retentionPolicy,defaultEventBasedHold"); {
	case err != nil:
		return "", err
	case b.Retention != nil || b.DefaultHold:
		return "", &objectstore.Error{Op: op, Bucket: r.where, Kind: objectstore.ErrNotOffered, Err: errRetains}
	}
	r.bare = "uploads"
	r.header.Set("Content-Type", "application/octet-stream")
	// Other classes charge for the least time of what is deleted before (Cloud Storage
	// documentation, "Storage classes", minimum storage duration).
	r.header.Set("X-Goog-Storage-Class", "STANDARD")
	if o.KMSKey != "" {
		r.header.Set("X-Goog-Encryption-Kms-Key-Name", o.KMSKey)
	}
	a, err := s.transport.send(ctx, r)
	if err != nil {
		return "", err
	}
	var begun struct {
		XMLName  xml.Name `xml:"InitiateMultipartUploadResult"`
		UploadID string   `xml:"UploadId"`
	}
	if xml.Unmarshal(a.data, &begun) != nil || begun.UploadID == "" {
		return "", s.broken(r, errXML)
	}
	return idMark + digits + "." + begun.UploadID, nil
}

var errXML = errors.New("the answer is not what it should be")

// UploadPart implements objectstore.Writer. The service checks the CRC32C of bytes that can
// be read twice; of others it is held against the answer.
func (s *Store) UploadPart(
	ctx context.Context, bucket, key, uploadID string, number int, body objectstore.Body,
) (objectstore.Part, error) {
	r, _, err := s.upload("storage.multipartUploads.create", http.MethodPut, bucket, key, uploadID)
	if err != nil {
		return objectstore.Part{}, err
	}
	r.query["partNumber"] = decimal(int64(number))
	known, err := before(body)
	if err != nil {
		return objectstore.Part{}, fmt.Errorf("%s %s: %w", r.op, r.where, err)
	}
	if known != "" {
		r.header.Set("X-Goog-Hash", "crc32c="+known)
	}
	if md5, err := hex.DecodeString(body.MD5); err == nil && len(md5) == 16 {
		r.header.Set("Content-Md5", base64.StdEncoding.EncodeToString(md5))
	}
	sum := newCRC()
	r.body, r.size = summed(body, sum), body.Size
	a, err := s.transport.send(ctx, r)
	if err != nil {
		return objectstore.Part{}, err
	}
	p := objectstore.Part{Number: number, Size: body.Size, ETag: unquoted(a.header.Get("Etag"))}
	told, ok := hashes(a.header.Values("X-Goog-Hash"))["crc32c"]
	switch {
	case p.ETag == "":
		return p, s.broken(r, errXML)
	case ok && told != sumOf(sum), known != "" && known != sumOf(sum):
		return p, s.broken(r, errAnswered)
	case ok || known != "":
		p.Checksum = objectstore.Checksum{Algorithm: crc32c, Value: sumOf(sum)}
	}
	return p, nil
}

// before is a body's CRC32C before it is sent, empty where that cannot be known.
func before(body objectstore.Body) (string, error) {
	if body.Checksum.Algorithm == crc32c && !body.Checksum.Composite {
		return body.Checksum.Value, nil
	}
	seeker, ok := body.Reader.(io.Seeker)
	if !ok {
		return "", nil
	}
	start, err := seeker.Seek(0, io.SeekCurrent)
	if err != nil {
		return "", err
	}
	sum := newCRC()
	if _, err := io.CopyN(sum, body.Reader, body.Size); err != nil {
		return "", errShort
	}
	_, err = seeker.Seek(start, io.SeekStart)
	return sumOf(sum), err
}

func unquoted(etag string) string { return strings.Trim(etag, `"`) }

// AbortUpload implements objectstore.Writer and objectstore.Eraser. What the parts were put
// together in is deleted too, if it came so far.
func (s *Store) AbortUpload(ctx context.Context, bucket, key, uploadID string) error {
	r, at, err := s.upload("storage.multipartUploads.abort", http.MethodDelete, bucket, key, uploadID)
	if err != nil {
		return err
	}
	_, err = s.transport.send(ctx, r)
	gone := errors.Is(err, objectstore.ErrNotFound) && !errors.Is(err, objectstore.ErrNoBucket)
	if !at.staged || err != nil && !gone {
		return err
	}
	switch left, _, staged := s.stat(ctx, objectstore.Ref{Bucket: bucket, Key: at.name}); {
	case staged == nil:
		return s.erase(ctx, bucket, objectstore.Deletion{Key: at.name, VersionID: decimal(left.Generation)})
	case errors.Is(staged, objectstore.ErrNotFound):
		return err
	default:
		return staged
	}
}

// finishing is the body of the request that completes an upload.
type finishing struct {
	XMLName xml.Name `xml:"CompleteMultipartUpload"`
	Parts   []finishedPart
}

type finishedPart struct {
	XMLName xml.Name `xml:"Part"`
	Number  int      `xml:"PartNumber"`
	ETag    string   `xml:"ETag"`
}

var (
	errForeign = errors.New("somebody else has begun this upload, which could write over what is there")
	errWhole   = fmt.Errorf("%w: the parts do not make what they should", objectstore.ErrCorrupt)
)

// CompleteUpload implements objectstore.Writer. Parts are put together under a name of their
// own, and taken from there to the key under the guard. Where that was done once and its
// answer was lost, the same call goes on with what is there.
func (s *Store) CompleteUpload(
	ctx context.Context, o objectstore.NewObject, uploadID string, parts []objectstore.Part, full objectstore.Checksum,
) (objectstore.Written, error) {
	r, at, err := s.upload("storage.multipartUploads.complete", http.MethodPost, o.Bucket, o.Key, uploadID)
	if err != nil {
		return objectstore.Written{}, err
	}
	if !at.staged {
		return objectstore.Written{}, &objectstore.Error{Op: r.op, Bucket: r.where, Kind: objectstore.ErrRejected,
			Err: errForeign}
	}
	if err := s.carries(r.op, o); err != nil {
		return objectstore.Written{}, err
	}
	if err := s.together(ctx, r, parts); err != nil && !errors.Is(err, objectstore.ErrNotFound) {
		return objectstore.Written{}, err
	}
	from, _, err := s.stat(ctx, objectstore.Ref{Bucket: o.Bucket, Key: at.name})
	if err != nil {
		return objectstore.Written{}, err
	}
	var size int64
	for _, p := range parts {
		size += p.Size
	}
	if from.Size != size || full.Algorithm == crc32c && !full.Composite && full.Value != from.CRC32C {
		return objectstore.Written{}, s.broken(r, errWhole)
	}
	w, err := s.rewrite(ctx, o.Bucket, from, o, resourceOf(o.Attributes))
	if err != nil {
		return w, err
	}
	return w, s.erase(ctx, o.Bucket, objectstore.Deletion{Key: at.name, VersionID: decimal(from.Generation)})
}

// together has the service put the parts together.
func (s *Store) together(ctx context.Context, r *request, parts []objectstore.Part) error {
	body := finishing{}
	for _, p := range parts {
		body.Parts = append(body.Parts, finishedPart{Number: p.Number, ETag: `"` + p.ETag + `"`})
	}
	data, err := xml.Marshal(body)
	if err != nil {
		return fmt.Errorf("%s %s: %w", r.op, r.where, err)
	}
	r.slow = true
	r.header.Set("Content-Type", "application/xml")
	r.body, r.size = bytes.NewReader(data), int64(len(data))
	a, err := s.transport.send(ctx, r)
	if err != nil {
		return err
	}
	// A long operation may have begun its answer before it failed, as S3's does.
	if said := parseRefusal(a.data); said.code != "" {
		a.status = http.StatusInternalServerError
		return r.refused(a)
	}
	return nil
}
