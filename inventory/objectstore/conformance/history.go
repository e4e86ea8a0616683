package conformance

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"hash/crc64"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
)

func asError(err error, target any) bool { return errors.As(err, target) }

// partSizes are uneven; all but the last have S3's least size.
var partSizes = [...]int{5 << 20, 5<<20 + 1, 17}

// upload makes a multipart object of those parts.
func (s *Subject) upload(
	ctx context.Context, o objectstore.NewObject, sum func() hash.Hash, full objectstore.Checksum,
) (objectstore.Ref, error) {
	o.Bucket = s.Versioned
	id, err := s.Store.CreateUpload(ctx, o)
	if err != nil {
		return objectstore.Ref{}, err
	}
	var parts []objectstore.Part
	for i, n := range partSizes {
		data := bytes.Repeat([]byte{byte('a' + i)}, n)
		body := objectstore.Body{Reader: bytes.NewReader(data), Size: int64(n)}
		if sum != nil {
			h := sum()
			_, _ = h.Write(data) // a hash's Write never fails
			body.Checksum = objectstore.Checksum{Algorithm: o.Algorithm, Value: base64.StdEncoding.EncodeToString(h.Sum(nil))}
		}
		part, err := s.Store.UploadPart(ctx, s.Versioned, o.Key, id, i+1, body)
		if err != nil {
			return objectstore.Ref{}, errors.Join(err, s.Store.AbortUpload(ctx, s.Versioned, o.Key, id))
		}
		if part.Checksum.Algorithm == "" {
			part.Checksum = body.Checksum
		}
		parts = append(parts, part)
	}
	w, err := s.Store.CompleteUpload(ctx, o, id, parts, full)
	return objectstore.Ref{Bucket: s.Versioned, Key: o.Key, VersionID: w.VersionID}, err
}

func multiparts() []Check {
	newNVME := func() hash.Hash { return crc64.New(crc64.MakeTable(0x9a6c9329ac4bc9b5)) }
	return []Check{
		{"parts by number, uneven", func(ctx context.Context, s *Subject) error {
			ref, err := s.upload(ctx, objectstore.NewObject{Key: "parts"}, nil, objectstore.Checksum{})
			if err != nil {
				return err
			}
			for i, n := range partSizes {
				info, err := s.Store.Stat(ctx, ref, i+1)
				if err != nil || info.PartCount != len(partSizes) || info.Length != int64(n) || !strings.HasSuffix(info.ETag,
					"-3") {
					return kept(false, err)
				}
			}
			return nil
		}},
		{"composite SHA-256", func(ctx context.Context, s *Subject) error {
			ref, err := s.upload(ctx, objectstore.NewObject{Key: "composite", Algorithm: "SHA256", Composite: true}, sha256.New,
				objectstore.Checksum{})
			if err != nil {
				return err
			}
			info, err := s.Store.Stat(ctx, ref, 0)
			return kept(info.Checksum.Algorithm == "SHA256" && info.Checksum.Composite, err)
		}},
		{"full CRC-64/NVME of parts", func(ctx context.Context, s *Subject) error {
			ref, err := s.upload(ctx, objectstore.NewObject{Key: "full", Algorithm: "CRC64NVME"}, newNVME,
				objectstore.Checksum{})
			if err != nil {
				return err
			}
			whole := newNVME()
			for i, n := range partSizes {
				_, _ = whole.Write(bytes.Repeat([]byte{byte('a' + i)}, n)) // a hash's Write never fails
			}
			info, err := s.Store.Stat(ctx, ref, 0)
			return kept(info.Checksum == objectstore.Checksum{Algorithm: "CRC64NVME",
				Value: base64.StdEncoding.EncodeToString(whole.Sum(nil))}, err)
		}},
	}
}

// shape lists one key's history, oldest first: v for a version, m for a marker,
// n for a version with the ID null.
func (s *Subject) shape(ctx context.Context, bucket, key string) (string, error) {
	shape := ""
	for v, err := range s.Store.Versions(ctx, bucket, key, "") {
		switch {
		case err != nil:
			return "", err
		case v.Key != key:
		case v.Marker:
			shape = "m" + shape
		case v.VersionID == objectstore.NullVersion:
			shape = "n" + shape
		default:
			shape = "v" + shape
		}
	}
	return shape, nil
}

func histories() []Check {
	return []Check{
		{"versions and delete markers, in order", func(ctx context.Context, s *Subject) error {
			return s.history(ctx,
				"history", "vmvvmv")
		}},
		{"delete markers on delete markers", func(ctx context.Context, s *Subject) error {
			return s.history(ctx, "markers",
				"vmmv")
		}},
		{"a null version on top of others", func(ctx context.Context, s *Subject) error { return s.suspended(ctx) }},
	}
}

// history makes one and sees whether a listing shows it so.
func (s *Subject) history(ctx context.Context, key, want string) error {
	for i, c := range want {
		if c == 'm' {
			if _, err := s.Store.PutMarker(ctx, s.Versioned, key); err != nil {
				return err
			}
			continue
		}
		text := fmt.Sprint(i)
		if _, err := s.Store.Put(ctx, objectstore.NewObject{Bucket: s.Versioned, Key: key},
			objectstore.Body{Reader: strings.NewReader(text), Size: int64(len(text))}); err != nil {
			return err
		}
	}
	got, err := s.shape(ctx, s.Versioned, key)
	return kept(got == want, err)
}

// suspended uses the bucket without versions, and is the last to do so.
func (s *Subject) suspended(ctx context.Context) error {
	for i, v := range []objectstore.Versioning{objectstore.Enabled, objectstore.Suspended} {
		if err := s.Store.SetVersioning(ctx, s.Plain, v); err != nil {
			return err
		}
		text := fmt.Sprint(i)
		if _, err := s.Store.Put(ctx, objectstore.NewObject{Bucket: s.Plain, Key: "suspended"},
			objectstore.Body{Reader: strings.NewReader(text), Size: 1}); err != nil {
			return err
		}
	}
	for v, err := range s.Store.Versions(ctx, s.Plain, "suspended", "") {
		if err != nil {
			return err
		}
		if _, err := s.Store.Stat(ctx, objectstore.Ref{Bucket: s.Plain, Key: v.Key, VersionID: v.VersionID}, 0); err != nil {
			return err
		}
	}
	got, err := s.shape(ctx, s.Plain, "suspended")
	return kept(got == "vn", err)
}
