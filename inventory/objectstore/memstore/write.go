package memstore

import (
	"bytes"
	"cmp"
	"context"
	"crypto/md5"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

// described keeps what a request says of an object.
func (s *Service) described(a objectstore.Attributes) objectstore.Attributes {
	a.ContentType = cmp.Or(a.ContentType, s.Traits.DefaultType)
	a.Tags = slices.SortedFunc(slices.Values(a.Tags), func(x, y objectstore.Tag) int {
		return strings.Compare(x.Key,
			y.Key)
	})
	if a.StorageClass == "STANDARD" {
		a.StorageClass = ""
	}
	return a
}

// encrypts says how the service encrypts an object.
func (b *container) encrypts(key string) (algorithm, id string) {
	switch setting := b.settings[objectstore.Encryption]; {
	case key != "":
		return "aws:kms", key
	case bytes.Contains(setting, []byte("aws:kms")):
		return "aws:kms", "default"
	}
	return "AES256", ""
}

func (v *Version) written() objectstore.Written {
	return objectstore.Written{VersionID: v.ID, ETag: v.ETag, Checksum: v.Checksum, Encrypted: v.Encrypted,
		Sum: objectstore.ETagSum(v.ETag, v.Encrypted, ""), Answered: v.Modified.Truncate(time.Second)}
}

// Put implements objectstore.Writer.
func (s *Store) Put(ctx context.Context, o objectstore.NewObject, body objectstore.Body) (objectstore.Written, error) {
	const op = "PutObject"
	if err := ctx.Err(); err != nil {
		return objectstore.Written{}, err
	}
	data, err := s.service.receive(op, o.Bucket, body)
	if err != nil {
		return objectstore.Written{}, err
	}
	s.service.mu.Lock()
	defer s.service.mu.Unlock()
	b, err := s.service.bucket(op, o.Bucket)
	if err != nil {
		return objectstore.Written{}, err
	}
	if err := s.service.admits(op, o.Bucket, b, o.Key, o.Guard); err != nil {
		return objectstore.Written{}, err
	}
	algorithm := ""
	if !body.Checksum.Composite {
		algorithm = body.Checksum.Algorithm
	}
	v := &Version{Attributes: s.service.described(o.Attributes)}
	v.Encrypted, v.KeyID = b.encrypts(o.KMSKey)
	v.Checksum, _ = s.service.kept(algorithm, data)
	v.body, v.SHA256 = s.service.Bodies.keep(data)
	v.ETag = s.service.etag(data, v.KeyID != "")
	s.service.place(o.Bucket, b, o.Key, v)
	return v.written(), nil
}

// PutMarker implements objectstore.Writer: a deletion that names no version.
func (s *Store) PutMarker(ctx context.Context, bucket, key string) (objectstore.Written, error) {
	return s.putMarker(ctx, bucket, key, objectstore.Guard{})
}

// PutMarkerOn implements objectstore.MarkerPutter for services with trailing markers.
func (s *Store) PutMarkerOn(
	ctx context.Context, bucket, key string, current objectstore.Guard,
) (objectstore.Written, error) {
	if !s.service.Traits.TrailingMarkers {
		return objectstore.Written{}, s.service.fail("DeleteObject", bucket, "NotImplemented", http.StatusNotImplemented,
			objectstore.ErrNotOffered)
	}
	return s.putMarker(ctx, bucket, key, current)
}

func (s *Store) putMarker(
	ctx context.Context, bucket, key string, current objectstore.Guard,
) (objectstore.Written, error) {
	const op = "DeleteObject"
	if err := ctx.Err(); err != nil {
		return objectstore.Written{}, err
	}
	s.service.mu.Lock()
	defer s.service.mu.Unlock()
	b, err := s.service.bucket(op, bucket)
	if err != nil {
		return objectstore.Written{}, err
	}
	if err := s.service.permits(op, bucket, b, "s3:DeleteObject", key); err != nil {
		return objectstore.Written{}, err
	}
	if h := b.histories[key]; current != (objectstore.Guard{}) && (len(h) == 0 || h[len(h)-1].ID != current.VersionID) {
		return objectstore.Written{}, s.service.fail(op, bucket, "PreconditionFailed", http.StatusPreconditionFailed,
			objectstore.ErrPrecondition)
	}
	v := s.service.cover(bucket, b, key)
	if v == nil {
		return objectstore.Written{}, s.service.fail(op, bucket, "", http.StatusNoContent, objectstore.ErrNotOffered)
	}
	return objectstore.Written{VersionID: v.ID}, nil
}

// cover deletes a key without naming a version: a marker goes on top of it, or,
// where there are no versions, it is gone. Nil: there is no marker.
func (s *Service) cover(name string, b *container, key string) *Version {
	if b.versioning == objectstore.Unversioned {
		s.remove(name, b, key, objectstore.NullVersion)
		return nil
	}
	if s.Traits.TrailingMarkers {
		return s.shown(name, b, key)
	}
	if s.Traits.NoMarkers {
		return nil
	}
	v := &Version{Marker: true}
	s.place(name, b, key, v)
	return v
}

// Copy implements objectstore.Writer.
func (s *Store) Copy(
	ctx context.Context, source objectstore.Ref, o objectstore.NewObject,
) (objectstore.Written, error) {
	const op = "CopyObject"
	if err := ctx.Err(); err != nil {
		return objectstore.Written{}, err
	}
	s.service.mu.Lock()
	defer s.service.mu.Unlock()
	from, err := s.service.find(op, source)
	if err != nil {
		return objectstore.Written{}, err
	}
	b, err := s.service.bucket(op, o.Bucket)
	if err != nil {
		return objectstore.Written{}, err
	}
	if err := s.service.admits(op, o.Bucket, b, o.Key, o.Guard); err != nil {
		return objectstore.Written{}, err
	}
	if s.service.Claims != nil {
		return s.copySome(o, b, from)
	}
	carried := from.Attributes
	if o.Explicit {
		carried = o.Attributes
	}
	v := &Version{Attributes: carried, body: from.body, SHA256: from.SHA256}
	v.StorageClass, v.Lock, v.WebsiteRedirect = o.StorageClass, o.Lock, o.WebsiteRedirect
	v.Attributes = s.service.described(v.Attributes)
	v.Encrypted, v.KeyID = b.encrypts(o.KMSKey)
	v.Checksum, _ = s.service.kept(from.Checksum.Algorithm, v.body)
	v.ETag = s.service.etag(v.body, v.KeyID != "")
	s.service.place(o.Bucket, b, o.Key, v)
	return v.written(), nil
}

// copySome copies as a service does that copies some versions by itself alone: with the attributes that
// it is told, and refusing other bytes than those of which it is told the MD5. It answers with
// the MD5 of what has arrived.
func (s *Store) copySome(o objectstore.NewObject, b *container, from *Version) (objectstore.Written, error) {
	data := from.body
	if s.service.Arrives != nil {
		data = s.service.Arrives(data)
	}
	sum := fmt.Sprintf("%x", md5.Sum(data))
	if !o.Explicit || o.Lock != (objectstore.Lock{}) || o.Claimed.Value != "" && o.Claimed.Value != sum {
		return objectstore.Written{}, s.service.fail("CopyObject", o.Bucket, "BadDigest", http.StatusBadRequest,
			objectstore.ErrNotByItself)
	}
	v := &Version{Attributes: s.service.described(o.Attributes)}
	v.Encrypted, v.KeyID = b.encrypts(o.KMSKey)
	v.Checksum, _ = s.service.kept("", data)
	v.body, v.SHA256 = s.service.Bodies.keep(data)
	v.ETag = s.service.etag(data, v.KeyID != "")
	s.service.place(o.Bucket, b, o.Key, v)
	w := v.written()
	w.Sum = objectstore.Checksum{Algorithm: objectstore.MD5, Value: sum}
	return w, nil
}

// CopiesVersion implements objectstore.SomeCopier.
func (s *Store) CopiesVersion(_ string, v objectstore.Version) bool {
	return v.Content != nil && v.Content.Claimed.Algorithm == objectstore.MD5
}
