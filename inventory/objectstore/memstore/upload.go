package memstore

import (
	"cmp"
	"context"
	"crypto/md5"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

type upload struct {
	id, key   string
	initiated time.Time
	object    objectstore.NewObject
	parts     map[int]*Part
}

// CreateUpload implements objectstore.Writer.
func (s *Store) CreateUpload(ctx context.Context, o objectstore.NewObject) (string, error) {
	if err := ctx.Err(); err != nil {
		return "", err
	}
	s.service.mu.Lock()
	defer s.service.mu.Unlock()
	b, err := s.service.bucket("CreateMultipartUpload", o.Bucket)
	if err != nil {
		return "", err
	}
	if err := s.service.permits("CreateMultipartUpload", o.Bucket, b, "s3:PutObject", o.Key); err != nil {
		return "", err
	}
	u := &upload{id: fmt.Sprintf("upload-%07d", s.service.next()), key: o.Key,
		initiated: s.service.Now().UTC().Truncate(time.Millisecond), object: o, parts: make(map[int]*Part)}
	i, _ := slices.BinarySearchFunc(b.uploads, u, func(a, b *upload) int {
		return cmp.Or(cmp.Compare(a.key, b.key),
			cmp.Compare(a.id, b.id))
	})
	b.uploads = slices.Insert(b.uploads, i, u)
	return u.id, nil
}

// upload finds an unfinished upload; the service is locked.
func (s *Service) upload(op, name, key, id string) (*container, *upload, error) {
	b, err := s.bucket(op, name)
	if err != nil {
		return nil, nil, err
	}
	i := slices.IndexFunc(b.uploads, func(u *upload) bool { return u.key == key && u.id == id })
	if i < 0 {
		return nil, nil, s.fail(op, name, "NoSuchUpload", http.StatusNotFound, objectstore.ErrNotFound)
	}
	return b, b.uploads[i], nil
}

// UploadPart implements objectstore.Writer.
func (s *Store) UploadPart(
	ctx context.Context, bucket, key, uploadID string, number int, body objectstore.Body,
) (objectstore.Part, error) {
	const op = "UploadPart"
	if err := ctx.Err(); err != nil {
		return objectstore.Part{}, err
	}
	data, err := s.service.receive(op, bucket, body)
	if err != nil {
		return objectstore.Part{}, err
	}
	return s.part(op, bucket, key, uploadID, number, data, body.Checksum.Algorithm)
}

func (s *Store) part(
	op, bucket, key, uploadID string, number int, data []byte, algorithm string,
) (objectstore.Part, error) {
	s.service.mu.Lock()
	defer s.service.mu.Unlock()
	_, u, err := s.service.upload(op, bucket, key, uploadID)
	if err != nil {
		return objectstore.Part{}, err
	}
	p := &Part{number: number, Size: int64(len(data)), sum: md5.Sum(data)}
	p.body, _ = s.service.Bodies.keep(data)
	p.ETag = s.service.etag(data, u.object.KMSKey != "")
	if algorithm = cmp.Or(u.object.Algorithm, algorithm); algorithm != "" {
		p.Checksum, p.raw = s.service.kept(algorithm, data)
	}
	u.parts[number] = p
	return objectstore.Part{Number: number, Size: p.Size, ETag: p.ETag, Checksum: p.Checksum}, nil
}

// Parts implements objectstore.PartLister.
func (s *Store) Parts(ctx context.Context, bucket, key, uploadID string) ([]objectstore.Part, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.service.mu.Lock()
	defer s.service.mu.Unlock()
	_, u, err := s.service.upload("ListParts", bucket, key, uploadID)
	if err != nil {
		return nil, err
	}
	var parts []objectstore.Part
	for _, n := range slices.Sorted(maps.Keys(u.parts)) {
		parts = append(parts, objectstore.Part{Number: n, Size: u.parts[n].Size, ETag: u.parts[n].ETag,
			Checksum: u.parts[n].Checksum})
	}
	return parts, nil
}

// CopyPart implements objectstore.Writer.
func (s *Store) CopyPart(
	ctx context.Context, source objectstore.Ref, first, last int64, bucket, key, uploadID string, number int,
) (objectstore.Part, error) {
	const op = "UploadPartCopy"
	if err := ctx.Err(); err != nil {
		return objectstore.Part{}, err
	}
	s.service.mu.Lock()
	from, err := s.service.find(op, source)
	s.service.mu.Unlock()
	if err != nil {
		return objectstore.Part{}, err
	}
	if first < 0 || last < first || last >= from.Size() {
		return objectstore.Part{}, s.service.fail(op, bucket, "InvalidArgument", http.StatusBadRequest,
			objectstore.ErrRejected)
	}
	return s.part(op, bucket, key, uploadID, number, from.body[first:last+1], "")
}

// CompleteUpload implements objectstore.Writer.
func (s *Store) CompleteUpload(
	ctx context.Context, o objectstore.NewObject, uploadID string, parts []objectstore.Part, full objectstore.Checksum,
) (objectstore.Written, error) {
	const op = "CompleteMultipartUpload"
	if err := ctx.Err(); err != nil {
		return objectstore.Written{}, err
	}
	s.service.mu.Lock()
	defer s.service.mu.Unlock()
	b, u, err := s.service.upload(op, o.Bucket, o.Key, uploadID)
	if err != nil {
		return objectstore.Written{}, err
	}
	v, err := s.service.assemble(op, o.Bucket, u, parts)
	if err != nil {
		return objectstore.Written{}, err
	}
	if full.Algorithm != "" && full.Algorithm == v.Checksum.Algorithm && !full.Composite && !v.Checksum.Composite &&
		full.Value != v.Checksum.Value {
		return objectstore.Written{}, s.service.fail(op, o.Bucket, "BadDigest", http.StatusBadRequest, objectstore.ErrCorrupt)
	}
	if err := s.service.admits(op, o.Bucket, b, o.Key, o.Guard); err != nil {
		return objectstore.Written{}, err
	}
	v.Encrypted, v.KeyID = b.encrypts(u.object.KMSKey)
	v.ETag = s.service.etagOfParts(v.Parts, v.KeyID != "")
	b.uploads = slices.DeleteFunc(b.uploads, func(x *upload) bool { return x == u })
	s.service.place(o.Bucket, b, o.Key, v)
	return v.written(), nil
}

// assemble joins the parts that a completion names.
func (s *Service) assemble(op, bucket string, u *upload, parts []objectstore.Part) (*Version, error) {
	invalid := s.fail(op, bucket, "InvalidPart", http.StatusBadRequest, objectstore.ErrRejected)
	if len(parts) == 0 {
		return nil, invalid
	}
	v := &Version{Attributes: s.described(u.object.Attributes)}
	var data []byte
	for i, p := range parts {
		part, ok := u.parts[p.Number]
		if !ok || part.ETag != p.ETag || i > 0 && p.Number <= parts[i-1].Number {
			return nil, invalid
		}
		if i < len(parts)-1 && part.Size < s.Traits.MinPart {
			return nil, s.fail(op, bucket, "EntityTooSmall", http.StatusBadRequest, objectstore.ErrRejected)
		}
		v.Parts = append(v.Parts, *part)
		data = append(data, part.body...)
	}
	v.body, v.SHA256 = s.Bodies.keep(data)
	if u.object.Composite && !s.Traits.NoChecksums && s.Traits.Sum == "" {
		v.Checksum = composite(u.object.Algorithm, v.Parts)
	} else {
		v.Checksum, _ = s.kept(u.object.Algorithm, data)
	}
	return v, nil
}

// AbortUpload implements objectstore.Writer and objectstore.Eraser. An upload
// that is already gone is no error.
func (s *Store) AbortUpload(ctx context.Context, bucket, key, uploadID string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.service.mu.Lock()
	defer s.service.mu.Unlock()
	b, err := s.service.bucket("AbortMultipartUpload", bucket)
	if err != nil {
		return nil
	}
	b.uploads = slices.DeleteFunc(b.uploads, func(u *upload) bool { return u.key == key && u.id == uploadID })
	return nil
}
