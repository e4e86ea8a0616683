package azurestore

import (
	"context"
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/minio/crc64nvme"

	"github.com/residency/residency/inventory/objectstore"
)

const (
	putBlob    = "Put Blob"
	deleteBlob = "Delete Blob"

	writeBlobs = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/write"
	writeTags  = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/tags/write"
	eraseBlobs = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/delete"
	eraseOld   = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/deleteBlobVersion/action"

	// waitsForGo is the size from which a body waits until the service has looked at the
	// header and asked for it.
	waitsForGo = 2 << 20
)

// Put implements objectstore.Writer. The service compares the bytes with their CRC64 where that is
// known before they are sent, and tells it anyway; a difference is ErrCorrupt. Of other checksums
// it keeps none.
func (s *Store) Put(ctx context.Context, o objectstore.NewObject, body objectstore.Body) (objectstore.Written, error) {
	a, container, err := s.bucket(ctx, putBlob, o.Bucket)
	if err != nil {
		return objectstore.Written{}, err
	}
	c := s.dataCall(putBlob, http.MethodPut, a, container, o.Key, nil, toWrite(&o)...)
	if err := s.attributes(c.header, &o); err != nil {
		return objectstore.Written{}, s.refused(putBlob, o.Bucket, err)
	}
	c.header.Set("x-ms-blob-type", "BlockBlob")
	h, sum, err := s.sendBody(ctx, c, body)
	if err != nil {
		return objectstore.Written{}, err
	}
	w := s.written(h)
	w.Checksum, w.Sum = sum, receivedMD5(h)
	if sum.Algorithm == "" && w.Sum.Algorithm != "" {
		s.send.tellsMD5.Store(true)
	}
	return w, nil
}

// receivedMD5 is the MD5 of the bytes that the service has received ("Put Blob", Response headers,
// Content-MD5: computed by the service, also where the request has none); zero if it is not told. Azure
// tells the CRC64, Azurite this alone.
func receivedMD5(h http.Header) objectstore.Checksum {
	sum, _ := parseMD5(h.Get("Content-MD5"))
	return sum
}

// toWrite are the permissions that an object needs.
func toWrite(o *objectstore.NewObject) []string {
	if len(o.Tags) == 0 {
		return []string{writeBlobs}
	}
	return []string{writeBlobs, writeTags}
}

// refused makes an error of what is not sent.
func (s *Store) refused(op, bucket string, err error) error {
	return &objectstore.Error{Op: op, Bucket: s.where(bucket), Kind: objectstore.ErrRejected, Err: err}
}

// sendBody sends bytes and returns the CRC64 that the service says they have. One that was seen to tell
// the MD5 instead is sent that, where it is known.
func (s *Store) sendBody(
	ctx context.Context, c *call, body objectstore.Body,
) (http.Header, objectstore.Checksum, error) {
	sum, known, err := sumOf(body)
	if err != nil {
		return nil, objectstore.Checksum{}, c.broken(fmt.Errorf("read the body: %w", err))
	}
	c.body, c.size = body.Reader, body.Size
	running := crc64nvme.New()
	var hashed []byte
	if known && c.op == putBlob && s.send.tellsMD5.Load() {
		var actual uint64
		if hashed, actual, err = md5Of(body); err != nil {
			return nil, objectstore.Checksum{}, c.broken(fmt.Errorf("read the body: %w", err))
		}
		if actual != sum {
			hashed = nil // the service is to refuse the CRC64 that was given
		}
	}
	switch {
	case hashed != nil:
		c.header.Set("Content-MD5", base64.StdEncoding.EncodeToString(hashed)) // a request has one of the two
	case known:
		c.header.Set(crc64Header, azureCRC(sum))
	case body.Reader != nil:
		c.body = io.TeeReader(body.Reader, running)
	}
	if body.Size >= waitsForGo {
		c.header.Set("Expect", "100-continue")
	}
	h, err := s.send.done(ctx, c)
	if err != nil {
		return nil, objectstore.Checksum{}, err
	}
	if !known {
		sum = running.Sum64()
	}
	other := &objectstore.Error{Op: c.op, Bucket: c.where, Kind: objectstore.ErrCorrupt,
		Err: errors.New("the service has received other bytes than were sent")}
	if got := receivedMD5(h); hashed != nil && got.Algorithm != "" && got.Value != hex.EncodeToString(hashed) {
		return nil, objectstore.Checksum{}, other
	}
	said := h.Get(crc64Header)
	if said == "" {
		return h, objectstore.Checksum{}, nil
	}
	if got, ok := parseAzureCRC(said); !ok || got != sum {
		return nil, objectstore.Checksum{}, other
	}
	return h, checksum(sum), nil
}

// sumOf is the CRC64 of bytes that are not yet sent: as it is given, or of those that are in
// memory. A given one is not computed again, so that the service refuses a wrong one.
func sumOf(body objectstore.Body) (sum uint64, known bool, err error) {
	if sum, known = parseChecksum(body.Checksum); known {
		return sum, true, nil
	}
	seeker, ok := body.Reader.(io.Seeker)
	if !ok {
		return 0, false, nil
	}
	h := crc64nvme.New()
	err = hashAhead(h, seeker, body)
	return h.Sum64(), err == nil, err
}

// md5Of is the MD5 of bytes that are in memory, as it is given or as they have it, and their CRC64; no MD5 of
// others.
func md5Of(body objectstore.Body) (sum []byte, crc uint64, err error) {
	seeker, ok := body.Reader.(io.Seeker)
	if !ok {
		return nil, 0, nil
	}
	running, hash := crc64nvme.New(), md5.New()
	if sum, err = hex.DecodeString(body.MD5); err == nil && len(sum) == md5.Size {
		err = hashAhead(running, seeker, body)
		return sum, running.Sum64(), err
	}
	err = hashAhead(io.MultiWriter(running, hash), seeker, body)
	return hash.Sum(nil), running.Sum64(), err
}

// hashAhead hashes a body that is still to be read.
func hashAhead(h io.Writer, seeker io.Seeker, body objectstore.Body) error {
	if _, err := io.CopyN(h, body.Reader, body.Size); err != nil {
		return err
	}
	_, err := seeker.Seek(-body.Size, io.SeekCurrent)
	return err
}

// written reads the answer to a write.
func (s *Store) written(h http.Header) objectstore.Written {
	w := objectstore.Written{VersionID: versionOf(objectstore.Ref{}, h), ETag: unquoted(h.Get("ETag")),
		Answered: httpTime(h.Get("Date"))}
	w.Encrypted, _ = encryption(h)
	return w
}

// keepsVersions is Versioning as it is remembered for a while.
func (s *Store) keepsVersions(ctx context.Context, bucket string) (objectstore.Versioning, error) {
	m, a, _, err := s.managed(ctx, getService, bucket, readService)
	if err != nil {
		return "", err
	}
	service, err := m.service(ctx, a, bucket)
	if err != nil {
		return "", err
	}
	return service.versioning(), nil
}
