package azurestore

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

const (
	copyBlob  = "Put Blob From URL"
	copyBlock = "Put Block From URL"

	// maxCopy is the size of the largest source, and maxSource that of its URL in bytes ("Put Blob
	// From URL", x-ms-copy-source).
	maxCopy   = 5000 * mib
	maxSource = 2 << 10
	// roomForKey leaves out what a URL has besides an escaped key: the longest names of an account
	// and of a container, their domain, and a version's ID.
	roomForKey = maxSource - 256
	// copyRate is how many bytes a second the service is taken to copy at least. It answers when it
	// has copied all, and says nothing before.
	copyRate = 4 * mib
)

// CanCopyFrom implements objectstore.CopySource: the service reads a source with a token of this
// provider's ("Put Blob From URL", x-ms-copy-source-authorization: Bearer alone). A provider that
// has keys of accounts is not known to have one for all of them, and another provider may be
// somebody else.
func (s *Store) CanCopyFrom(source objectstore.End) bool {
	from, ok := source.(*Store)
	return ok && from.provider == s.provider && len(s.send.keys) == 0
}

// CopiesVersion implements objectstore.SomeCopier: what has a Content-MD5, and is no larger than the
// service copies at once. Of what its listing does not tell, Copy says it.
func (s *Store) CopiesVersion(_ string, v objectstore.Version) bool {
	return !v.Marker && v.Size <= maxCopy && v.Content != nil && v.Content.Claimed.Algorithm == objectstore.MD5 &&
		len(escapePath(v.Key)) <= roomForKey
}

// Copy implements objectstore.Writer by "Put Blob From URL". The service reads the source by itself, in
// exactly one version with one ETag, refuses bytes that do not have the MD5 that is Claimed, and
// answers with the one that it has computed. No other request to copy is ever sent: "Copy Blob"
// keeps the source's URL with what it is signed by.
//
// What the request cannot carry is ErrNotByItself, and so are bytes that do not have that MD5: for
// the writer of a block list may have said any. The request has no header for retention and legal
// hold.
func (s *Store) Copy(
	ctx context.Context, source objectstore.Ref, o objectstore.NewObject,
) (objectstore.Written, error) {
	a, container, err := s.bucket(ctx, copyBlob, o.Bucket)
	if err != nil {
		return objectstore.Written{}, err
	}
	c := s.dataCall(copyBlob, http.MethodPut, a, container, o.Key, nil, toWrite(&o)...)
	if err := s.attributes(c.header, &o); err != nil {
		return objectstore.Written{}, s.refused(copyBlob, o.Bucket, err)
	}
	sum, err := hex.DecodeString(o.Claimed.Value)
	switch {
	case !o.Explicit || o.Claimed.Algorithm != objectstore.MD5 || err != nil:
		return objectstore.Written{}, s.notByItself(o.Bucket,
			errors.New("nothing is said of its bytes, or of its attributes"))
	case o.Lock != (objectstore.Lock{}):
		return objectstore.Written{}, s.notByItself(o.Bucket, errors.New("it is under retention or a hold"))
	}
	if err := s.from(ctx, c, source); err != nil {
		return objectstore.Written{}, err
	}
	c.header.Set("x-ms-blob-type", "BlockBlob")
	c.header.Set("x-ms-source-content-md5", base64.StdEncoding.EncodeToString(sum))
	c.header.Set("x-ms-copy-source-blob-properties", "false")
	c.header.Set("x-ms-copy-source-tag-option", "REPLACE")
	c.silent = time.Duration(o.Size/copyRate) * time.Second
	h, err := s.send.done(ctx, c)
	if errors.Is(err, objectstore.ErrCorrupt) {
		return objectstore.Written{}, s.notByItself(o.Bucket, err)
	}
	if err != nil {
		return objectstore.Written{}, err
	}
	w := s.written(h)
	w.Sum = receivedMD5(h)
	if sum, ok := parseAzureCRC(h.Get(crc64Header)); ok {
		w.Checksum = checksum(sum)
	}
	return w, nil
}

// from adds the source to the request, and a token with which the service may read it. Its URL
// holds nothing that opens it.
func (s *Store) from(ctx context.Context, c *call, source objectstore.Ref) error {
	everywhere := s.provider.store("")
	a, container, err := everywhere.bucket(ctx, copyBlob, source.Bucket)
	if err != nil {
		return err
	}
	query, marker := blobQuery(source.VersionID)
	if marker || source.ETag == "" {
		return s.notByItself(source.Bucket, errors.New("one version with its ETag is to be named"))
	}
	at := s.dataCall(copyBlob, http.MethodGet, a, container, source.Key, query, readBlobs)
	address := at.url.String()
	if len(address) > maxSource {
		return s.notByItself(source.Bucket, errors.New("its key is too long for that"))
	}
	token, err := s.send.storage.get(ctx)
	if err != nil {
		return c.unsent(ctx, err)
	}
	c.source = at.where
	c.header.Set("x-ms-copy-source", address)
	c.header.Set("x-ms-copy-source-authorization", "Bearer "+token)
	c.header.Set("x-ms-source-if-match", quoted(source.ETag))
	return nil
}

// CopyPart implements objectstore.Writer. Blocks that the service copies are no proof of a whole, and
// are not made.
func (s *Store) CopyPart(
	_ context.Context, _ objectstore.Ref, _, _ int64, bucket, _, _ string, _ int,
) (objectstore.Part, error) {
	return objectstore.Part{}, s.notOffered(copyBlock, bucket)
}

func (s *Store) notOffered(op, bucket string) error {
	return &objectstore.Error{Op: op, Bucket: s.where(bucket), Kind: objectstore.ErrNotOffered}
}

func (s *Store) notByItself(bucket string, why error) error {
	return &objectstore.Error{Op: copyBlob, Bucket: s.where(bucket), Kind: objectstore.ErrNotByItself, Err: why}
}

// parseMD5 reads a Content-MD5, which is base64.
func parseMD5(text string) (objectstore.Checksum, bool) {
	sum, err := base64.StdEncoding.DecodeString(text)
	if err != nil || len(sum) != 16 {
		return objectstore.Checksum{}, false
	}
	return objectstore.Checksum{Algorithm: objectstore.MD5, Value: hex.EncodeToString(sum)}, true
}
