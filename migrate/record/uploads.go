package record

import (
	"context"

	"github.com/residency/residency/migrate/plan"
)

// EachUpload calls f for the unfinished uploads that the pass knows.
func (r *Record) EachUpload(ctx context.Context, f func(plan.Upload) error) error {
	if r.Pass.Upload == nil {
		return nil
	}
	data, err := r.Home.Get(ctx, r.Name(r.Pass.Dir()+plan.UploadsFile))
	if err != nil {
		return err
	}
	return plan.DecodeUploads(r.Plan, r.Pass.Upload, data, f)
}

// UploadName tells an unfinished upload from all others.
type UploadName struct {
	Move    int
	Key, ID string
}

// KnownUploads returns the unfinished uploads that the pass knows.
func (r *Record) KnownUploads(ctx context.Context) (map[UploadName]bool, error) {
	known := make(map[UploadName]bool)
	if err := r.EachUpload(ctx, func(u plan.Upload) error {
		known[UploadName{Move: u.Move, Key: string(u.Key), ID: u.UploadID}] = true
		return nil
	}); err != nil {
		return nil, err
	}
	return known, nil
}
