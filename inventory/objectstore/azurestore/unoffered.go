package azurestore

import (
	"context"
	"iter"

	"github.com/residency/residency/inventory/objectstore"
)

const (
	getBlob   = "Get Blob"
	listBlobs = "List Blobs"
)

func (s *Store) no(op, bucket string) error {
	return &objectstore.Error{Op: op, Bucket: s.where(bucket), Kind: objectstore.ErrNotOffered}
}

// Versions implements objectstore.Lister.
func (s *Store) Versions(_ context.Context, bucket, _, _ string) iter.Seq2[objectstore.Version, error] {
	return func(yield func(objectstore.Version, error) bool) {
		yield(objectstore.Version{}, s.no(listBlobs, bucket))
	}
}

// Uploads implements objectstore.Lister.
func (s *Store) Uploads(_ context.Context, bucket, _ string) iter.Seq2[objectstore.Upload, error] {
	return func(yield func(objectstore.Upload, error) bool) { yield(objectstore.Upload{}, s.no(listBlobs, bucket)) }
}

// ListsUploads implements objectstore.UploadLister.
func (s *Store) ListsUploads() bool { return true }

// Open implements objectstore.Reader.
func (s *Store) Open(_ context.Context, ref objectstore.Ref, _ int) (*objectstore.Object, error) {
	return nil, s.no(getBlob, ref.Bucket)
}

// Stat implements objectstore.Reader.
func (s *Store) Stat(_ context.Context, ref objectstore.Ref, _ int) (objectstore.Info, error) {
	return objectstore.Info{}, s.no(getBlob, ref.Bucket)
}

// Tags implements objectstore.Reader.
func (s *Store) Tags(_ context.Context, ref objectstore.Ref) ([]objectstore.Tag, error) {
	return nil, s.no(getBlob, ref.Bucket)
}

// Lock implements objectstore.Reader.
func (s *Store) Lock(_ context.Context, ref objectstore.Ref) (objectstore.Lock, error) {
	return objectstore.Lock{}, s.no(getBlob, ref.Bucket)
}

// Put implements objectstore.Writer.
func (s *Store) Put(_ context.Context, o objectstore.NewObject, _ objectstore.Body) (objectstore.Written, error) {
	return objectstore.Written{}, s.no("Put Blob", o.Bucket)
}

// PutMarker implements objectstore.Writer.
func (s *Store) PutMarker(_ context.Context, bucket, _ string) (objectstore.Written, error) {
	return objectstore.Written{}, s.no("Delete Blob", bucket)
}

// CreateUpload implements objectstore.Writer.
func (s *Store) CreateUpload(_ context.Context, o objectstore.NewObject) (string, error) {
	return "", s.no("Put Block", o.Bucket)
}

// UploadPart implements objectstore.Writer.
func (s *Store) UploadPart(_ context.Context, bucket, _, _ string, _ int, _ objectstore.Body) (objectstore.Part, error) {
	return objectstore.Part{}, s.no("Put Block", bucket)
}

// CompleteUpload implements objectstore.Writer.
func (s *Store) CompleteUpload(_ context.Context, o objectstore.NewObject, _ string, _ []objectstore.Part, _ objectstore.Checksum) (objectstore.Written, error) {
	return objectstore.Written{}, s.no("Put Block List", o.Bucket)
}

// AbortUpload implements objectstore.Writer.
func (s *Store) AbortUpload(_ context.Context, bucket, _, _ string) error {
	return s.no("Put Block List", bucket)
}

// Parts implements objectstore.PartLister.
func (s *Store) Parts(_ context.Context, bucket, _, _ string) ([]objectstore.Part, error) {
	return nil, s.no("Get Block List", bucket)
}

// CanCopyFrom implements objectstore.CopySource.
func (s *Store) CanCopyFrom(objectstore.End) bool { return false }

// Copy implements objectstore.Writer.
func (s *Store) Copy(_ context.Context, _ objectstore.Ref, o objectstore.NewObject) (objectstore.Written, error) {
	return objectstore.Written{}, s.no("Put Blob From URL", o.Bucket)
}

// CopyPart implements objectstore.Writer.
func (s *Store) CopyPart(_ context.Context, _ objectstore.Ref, _, _ int64, bucket, _, _ string, _ int) (objectstore.Part, error) {
	return objectstore.Part{}, s.no("Put Block From URL", bucket)
}

// Delete implements objectstore.Eraser.
func (s *Store) Delete(_ context.Context, bucket string, _ []objectstore.Deletion) ([]error, error) {
	return nil, s.no("Delete Blob", bucket)
}

// DeleteIf implements objectstore.Eraser.
func (s *Store) DeleteIf(_ context.Context, bucket string, _ objectstore.Deletion) error {
	return s.no("Delete Blob", bucket)
}
