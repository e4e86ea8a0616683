package gcsstore

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"hash/crc32"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
)

// writtenFields are those of a new object that an answer has to have.
const writtenFields = "name,generation,metageneration,size,timeCreated,crc32c,md5Hash,kmsKeyName,customerEncryption"

var errAnswered = fmt.Errorf("%w: the service names another checksum than that of what was sent",
	objectstore.ErrCorrupt)

// Put implements objectstore.Writer. CRC32C and MD5 of the bytes are checked by the service
// where they are known beforehand. The CRC32C of what was sent is held against the answer
// in any case; where it differs, the error is ErrCorrupt and the object is there.
func (s *Store) Put(
	ctx context.Context, o objectstore.NewObject, body objectstore.Body,
) (objectstore.Written, error) {
	r := s.request("storage.objects.insert", o.Bucket, http.MethodPost,
		"/upload/storage/v1/b/"+escape(o.Bucket)+"/o", query{"uploadType": "multipart", "fields": writtenFields,
			"kmsKeyName": o.KMSKey})
	if err := s.carries(r.op, o); err != nil {
		return objectstore.Written{}, err
	}
	r.query.guard(o.Guard)
	n := resourceOf(o.Attributes)
	n.Name = o.Key
	n.sums(body)
	sum := newCRC()
	if err := s.related(r, n, body, sum); err != nil {
		return objectstore.Written{}, err
	}
	made := new(resource)
	a, err := s.read(ctx, r, made)
	if err != nil {
		return objectstore.Written{}, err
	}
	w := made.written(a)
	switch {
	case made.Generation <= 0 || made.Name != o.Key:
		return w, s.broken(r, errOther)
	case made.CRC32C != "" && made.CRC32C != sumOf(sum), made.Size != body.Size:
		return w, s.broken(r, errAnswered)
	}
	return w, nil
}

// related makes a request's body of metadata and bytes (JSON API, "Uploads and downloads",
// multipart upload).
func (s *Store) related(r *request, n newResource, body objectstore.Body, sum hash.Hash32) error {
	metadata, err := json.Marshal(n)
	if err != nil {
		return fmt.Errorf("%s %s: %w", r.op, r.where, err)
	}
	boundary, err := s.token(16) // which no bytes have by chance
	if err != nil {
		return err
	}
	kind := n.ContentType
	if kind == "" || strings.ContainsAny(kind, "\r\n") {
		kind = "application/octet-stream"
	}
	head := "--" + boundary + "\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n" + string(metadata) +
		"\r\n--" + boundary + "\r\nContent-Type: " + kind + "\r\n\r\n"
	tail := "\r\n--" + boundary + "--\r\n"
	r.header.Set("Content-Type", "multipart/related; boundary="+boundary)
	r.body = io.MultiReader(strings.NewReader(head), summed(body, sum), strings.NewReader(tail))
	r.size = int64(len(head)) + body.Size + int64(len(tail))
	return nil
}

// summed hands on a body's bytes, as many as it is said to have, and sums them.
func summed(body objectstore.Body, sum hash.Hash32) io.Reader {
	if body.Size == 0 || body.Reader == nil {
		return strings.NewReader("")
	}
	return io.TeeReader(&exactly{from: body.Reader, left: body.Size}, sum)
}

var errShort = errors.New("the body has fewer bytes than were announced")

// exactly reads so many bytes, and fails if there are fewer.
type exactly struct {
	from io.Reader
	left int64
}

func (e *exactly) Read(p []byte) (int, error) {
	if e.left == 0 {
		return 0, io.EOF
	}
	n, err := e.from.Read(p[:min(int64(len(p)), e.left)])
	if e.left -= int64(n); errors.Is(err, io.EOF) && e.left > 0 {
		err = errShort
	}
	return n, err
}

func newCRC() hash.Hash32 { return crc32.New(crc32.MakeTable(crc32.Castagnoli)) }

// sumOf is a CRC32C as the service writes it: base64 of its bytes, the highest first.
func sumOf(h hash.Hash32) string {
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, h.Sum32()))
}

// token is so many random bytes in hex digits.
func (s *Store) token(bytes int) (string, error) {
	b := make([]byte, bytes)
	if _, err := io.ReadFull(s.random, b); err != nil {
		return "", fmt.Errorf("make up a name: %w", err)
	}
	return hex.EncodeToString(b), nil
}

// written is what an answer says of a new object.
func (o *resource) written(a *answer) objectstore.Written {
	i := o.info()
	return objectstore.Written{VersionID: i.VersionID, ETag: i.ETag, Checksum: i.Checksum, Sum: i.Sum,
		Encrypted: i.Encrypted, Answered: a.at}
}

func sorted(names []string) []string {
	slices.Sort(names)
	return names
}
