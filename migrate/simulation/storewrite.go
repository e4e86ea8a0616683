package simulation

import (
	"bytes"
	"cmp"
	"context"
	"crypto/md5"
	"fmt"
	"io"

	"github.com/residency/residency/inventory/objectstore"
)

// spoil is a body with what goes wrong with it on its way.
func (s store) spoil(r *request, body objectstore.Body) objectstore.Body {
	switch r.fault {
	case truncated:
		body.Reader = io.LimitReader(body.Reader, body.Size/2)
	case flipped:
		data, err := io.ReadAll(body.Reader)
		body.Reader = bytes.NewReader(s.flip(data))
		if err != nil {
			body.Reader = io.MultiReader(body.Reader, failing{})
		}
	}
	return body
}

// pretend is the answer to a write that was not done.
func (s store) pretend(body objectstore.Body) objectstore.Written {
	data, _ := io.ReadAll(body.Reader) // what could not be read is missing from what is not kept
	etag := fmt.Sprintf("%x", md5.Sum(data))
	return objectstore.Written{
		VersionID: fmt.Sprintf("pretended-%d", s.world.step), ETag: etag, Checksum: body.Checksum,
		Sum: objectstore.ETagContent(etag).Sum, Encrypted: "AES256",
	}
}

// strip loses an object's attributes, but for its type: of an object without
// any other it is not asked again, for the price of a request per object.
func (s store) strip(r *request, o objectstore.NewObject) objectstore.NewObject {
	if r.fault == stripped {
		o.Attributes = objectstore.Attributes{ContentType: o.ContentType, StorageClass: o.StorageClass, Lock: o.Lock}
	}
	return o
}

func (s store) Put(ctx context.Context, o objectstore.NewObject, body objectstore.Body) (objectstore.Written, error) {
	r, err := s.ask(ctx, kindWrite, o.Bucket, "put %s/%s", o.Bucket, o.Key)
	if err != nil {
		return objectstore.Written{}, err
	}
	if r.fault == notDone {
		return s.pretend(body), s.leave(r, nil)
	}
	w, err := s.real.Put(ctx, s.strip(r, o), s.spoil(r, body))
	return w, s.leave(r, err)
}

func (s store) PutMarker(ctx context.Context, bucket, key string) (objectstore.Written, error) {
	r, err := s.ask(ctx, kindChange, bucket, "put marker %s/%s", bucket, key)
	if err != nil {
		return objectstore.Written{}, err
	}
	w, err := s.real.PutMarker(ctx, bucket, key)
	return w, s.leave(r, err)
}

func (s store) PutMarkerOn(
	ctx context.Context, bucket, key string, current objectstore.Guard,
) (objectstore.Written, error) {
	if !s.Capabilities().TrailingMarkers {
		return objectstore.Written{}, objectstore.ErrNotOffered
	}
	r, err := s.ask(ctx, kindChange, bucket, "put marker %s/%s on %s", bucket, key, current.VersionID)
	if err != nil {
		return objectstore.Written{}, err
	}
	w, err := s.real.PutMarkerOn(ctx, bucket, key, current)
	return w, s.leave(r, err)
}

func (s store) CreateUpload(ctx context.Context, o objectstore.NewObject) (string, error) {
	r, err := s.ask(ctx, kindChange, o.Bucket, "begin upload %s/%s", o.Bucket, o.Key)
	if err != nil {
		return "", err
	}
	id, err := s.real.CreateUpload(ctx, o)
	if s.side == source {
		s.world.begun[id] = s.world.step
	}
	return id, s.leave(r, err)
}

func (s store) UploadPart(
	ctx context.Context, bucket, key, uploadID string, number int, body objectstore.Body,
) (objectstore.Part, error) {
	r, err := s.ask(ctx, kindWrite, bucket, "upload part %s/%s %d", bucket, key, number)
	if err != nil {
		return objectstore.Part{}, err
	}
	if r.fault == notDone {
		w := s.pretend(body)
		return objectstore.Part{Number: number, Size: body.Size, ETag: w.ETag, Checksum: w.Checksum}, s.leave(r, nil)
	}
	p, err := s.real.UploadPart(ctx, bucket, key, uploadID, number, s.spoil(r, body))
	return p, s.leave(r, err)
}

func (s store) CompleteUpload(
	ctx context.Context, o objectstore.NewObject, uploadID string, parts []objectstore.Part, full objectstore.Checksum,
) (objectstore.Written, error) {
	r, err := s.ask(ctx, kindChange, o.Bucket, "complete %s/%s", o.Bucket, o.Key)
	if err != nil {
		return objectstore.Written{}, err
	}
	w, err := s.real.CompleteUpload(ctx, o, uploadID, parts, full)
	return w, s.leave(r, err)
}

func (s store) AbortUpload(ctx context.Context, bucket, key, uploadID string) error {
	r, err := s.ask(ctx, kindChange, bucket, "abort upload %s/%s", bucket, key)
	if err != nil {
		return err
	}
	return s.leave(r, s.real.AbortUpload(ctx, bucket, key, uploadID))
}

func (s store) Copy(ctx context.Context, source objectstore.Ref, o objectstore.NewObject) (objectstore.Written, error) {
	r, err := s.ask(ctx, kindCopy, o.Bucket, "copy %s to %s/%s", ref(source), o.Bucket, o.Key)
	if err != nil {
		return objectstore.Written{}, err
	}
	var w objectstore.Written
	if r.fault == notDone {
		w = objectstore.Written{VersionID: fmt.Sprintf("pretended-%d", s.world.step), ETag: source.ETag,
			Sum: objectstore.ETagContent(source.ETag).Sum, Encrypted: "AES256"}
		if s.real.Capabilities().CopiesSome {
			w.Sum = o.Claimed
		}
	} else if w, err = s.real.Copy(ctx, source, o); err != nil {
		return w, s.leave(r, err)
	}
	s.world.within[entryName{bucket: o.Bucket, key: o.Key, id: w.VersionID}] = true
	return w, s.leave(r, nil)
}

// CopiesVersion implements objectstore.SomeCopier.
func (s store) CopiesVersion(bucket string, v objectstore.Version) bool {
	return s.real.CopiesVersion(bucket, v)
}

func (s store) CopyPart(
	ctx context.Context, source objectstore.Ref, first, last int64, bucket, key, uploadID string, number int,
) (objectstore.Part, error) {
	r, err := s.ask(ctx, kindChange, bucket, "copy part %s to %s/%s %d", ref(source), bucket, key, number)
	if err != nil {
		return objectstore.Part{}, err
	}
	p, err := s.real.CopyPart(ctx, source, first, last, bucket, key, uploadID, number)
	return p, s.leave(r, err)
}

func (s store) Delete(ctx context.Context, bucket string, entries []objectstore.Deletion) ([]error, error) {
	r, err := s.ask(ctx, kindDelete, bucket, "delete %d of %s, first %s@%s", len(entries), bucket, entries[0].Key,
		entries[0].VersionID)
	if err != nil {
		return nil, err
	}
	if s.bars(entries) {
		return nil, s.leave(r, denied("DeleteObjects"))
	}
	results := make([]error, len(entries))
	doing := entries
	switch r.fault {
	case notDone:
		doing = nil
	case undeleted:
		s.pretended(bucket, entries)
		return results, s.leave(r, nil)
	case keyErrors:
		doing = nil
		for i, e := range entries {
			if s.world.dice.one(0.5) {
				results[i] = internal("DeleteObjects")
			} else {
				doing = append(doing, e)
			}
		}
	}
	done, err := s.real.Delete(ctx, bucket, doing)
	for i, j := 0, 0; i < len(entries) && r.fault != notDone && err == nil; i++ {
		if results[i] == nil {
			results[i] = done[j]
			j++
		}
	}
	return results, s.leave(r, err)
}

func (s store) DeleteIf(ctx context.Context, bucket string, entry objectstore.Deletion) error {
	r, err := s.ask(ctx, kindErase, bucket, "delete %s/%s@%s if %s", bucket, entry.Key, entry.VersionID, entry.ETag)
	if err != nil {
		return err
	}
	if r.fault == notDone || r.fault == undeleted {
		if r.fault == undeleted {
			s.pretended(bucket, []objectstore.Deletion{entry})
		}
		return s.leave(r, nil)
	}
	return s.leave(r, s.real.DeleteIf(ctx, bucket, entry))
}

// pretended remembers what the service says that it has deleted, and has not.
func (s store) pretended(bucket string, entries []objectstore.Deletion) {
	for _, e := range entries {
		for _, v := range s.world.source.History(bucket, e.Key) {
			if v.ID == cmp.Or(e.VersionID, objectstore.NullVersion) || v.ID == objectstore.MarkerOf(e.VersionID) {
				s.world.pretended[v] = true
			}
		}
	}
}
