package s3store

import "github.com/residency/residency/inventory/objectstore"

var _ objectstore.Limited = (*Store)(nil)

// Limits implements objectstore.Limited with those of Amazon S3 (Amazon S3 User
// Guide, "Amazon S3 multipart upload limits", as of 2026-11), which services
// that speak its protocol keep to or exceed.
func (s *Store) Limits() objectstore.Limits {
	const (
		gib = 1 << 30
		tb  = 1_000_000_000_000
	)
	return objectstore.Limits{Single: 5 * gib, Part: 5 * gib, Parts: 10_000, Object: 50 * tb, Key: 1024, Batch: 1000}
}
