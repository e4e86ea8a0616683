package gcsstore

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
)

// errNowhere reports a bucket that is to be made where nobody says: Google would choose
// the United States (JSON API, "Buckets: insert", location).
var errNowhere = errors.New("no location is named for the new bucket")

// CreateBucket implements objectstore.Administrator. Access is by policy alone and never by
// everybody. Lock is retention of single objects, together with versions, as other services
// have it; it takes the permission storage.buckets.enableObjectRetention too.
func (s *Store) CreateBucket(ctx context.Context, bucket string, lock bool) error {
	r := s.request("storage.buckets.insert", bucket, http.MethodPost, "/storage/v1/b", query{"project": s.Account(ctx),
		"fields": "name"})
	switch {
	case s.region == "":
		return &objectstore.Error{Op: r.op, Bucket: r.where, Kind: objectstore.ErrRejected, Err: errNowhere}
	case r.query["project"] == "":
		return &objectstore.Error{Op: r.op, Bucket: r.where, Kind: objectstore.ErrRejected, Err: errNoProject}
	}
	type access struct {
		Enabled bool `json:"enabled"`
	}
	body := map[string]any{
		"name": bucket, "location": strings.ToUpper(s.region),
		"iamConfiguration": map[string]any{"uniformBucketLevelAccess": access{true},
			"publicAccessPrevention": "enforced"},
	}
	if lock {
		r.query["enableObjectRetention"] = "true"
		body["versioning"] = access{true}
	}
	if err := r.withJSON(body); err != nil {
		return err
	}
	_, err := s.transport.send(ctx, r)
	return err
}

// SetVersioning implements objectstore.Administrator. Google does not know versioning that
// is suspended.
func (s *Store) SetVersioning(ctx context.Context, bucket string, v objectstore.Versioning) error {
	if v == objectstore.Suspended {
		return &objectstore.Error{Op: "storage.buckets.update", Bucket: s.where(bucket), Kind: objectstore.ErrNotOffered,
			Err: errors.New("versioning is on or off")}
	}
	return s.patch(ctx, bucket, map[string]any{"versioning": map[string]bool{"enabled": v == objectstore.Enabled}}, nil)
}

// SetBucketTags implements objectstore.Administrator: it replaces the labels that the bucket
// has. If they change meanwhile the error is ErrPrecondition.
func (s *Store) SetBucketTags(ctx context.Context, bucket string, tags []objectstore.Tag) error {
	b, err := s.bucket(ctx, bucket, "labels,metageneration")
	if err != nil {
		return err
	}
	labels := make(map[string]any, len(tags))
	for k := range b.Labels {
		labels[k] = nil // which removes it (JSON API, "Buckets: patch")
	}
	for _, t := range tags {
		labels[t.Key] = t.Value
	}
	return s.patch(ctx, bucket, map[string]any{"labels": labels},
		query{"ifMetagenerationMatch": decimal(b.Metageneration)})
}

// patch changes some of a bucket's fields.
func (s *Store) patch(ctx context.Context, bucket string, change map[string]any, conditions query) error {
	r := s.request("storage.buckets.update", bucket, http.MethodPatch, bucketPath(bucket), query{"fields": "name"})
	for name, value := range conditions {
		r.query[name] = value
	}
	if err := r.withJSON(change); err != nil {
		return err
	}
	_, err := s.transport.send(ctx, r)
	return err
}

// DeleteBucket implements objectstore.Administrator. A bucket that is not empty is
// ErrRejected.
func (s *Store) DeleteBucket(ctx context.Context, bucket string) error {
	_, err := s.transport.send(ctx, s.request("storage.buckets.delete", bucket, http.MethodDelete, bucketPath(bucket),
		query{}))
	return err
}

// Setting implements objectstore.Configurer: Google has none of them in S3's form.
func (s *Store) Setting(_ context.Context, bucket string, setting objectstore.Setting) ([]byte, error) {
	return nil, s.noSetting(bucket, setting)
}

// SetSetting implements objectstore.Configurer.
func (s *Store) SetSetting(_ context.Context, bucket string, setting objectstore.Setting, _ []byte) error {
	return s.noSetting(bucket, setting)
}

func (s *Store) noSetting(bucket string, setting objectstore.Setting) error {
	return fmt.Errorf("%s of %s: %w", setting, s.where(bucket), objectstore.ErrNotOffered)
}
