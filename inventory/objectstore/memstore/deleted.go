package memstore

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

// deleted is a version that the service keeps for a time.
type deleted struct {
	key     string
	version *Version
	until   time.Time
}

// Facts implements objectstore.Factual.
func (s *Store) Facts(ctx context.Context, bucket string) ([]objectstore.Fact, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.service.mu.Lock()
	defer s.service.mu.Unlock()
	if _, err := s.service.bucket("GetBucketFacts", bucket); err != nil || s.service.Traits.Keeps == 0 {
		return nil, err
	}
	return []objectstore.Fact{{Rule: "soft-delete", Keeps: s.service.Traits.Keeps,
		Text: fmt.Sprintf("what is deleted is kept for %s", s.service.Traits.Keeps)}}, nil
}

// Deleted implements objectstore.DeletedLister.
func (s *Store) Deleted(ctx context.Context, bucket, prefix string) iter.Seq2[objectstore.Deleted, error] {
	return func(yield func(objectstore.Deleted, error) bool) {
		kept, err := s.kept(ctx, bucket, prefix)
		if err != nil {
			yield(objectstore.Deleted{}, err)
			return
		}
		for _, d := range kept {
			if !yield(d, nil) {
				return
			}
		}
	}
}

func (s *Store) kept(ctx context.Context, bucket, prefix string) (kept []objectstore.Deleted, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.service.mu.Lock()
	defer s.service.mu.Unlock()
	b, err := s.service.bucket("ListDeleted", bucket)
	if err != nil {
		return nil, err
	}
	for _, d := range b.deleted {
		if strings.HasPrefix(d.key, prefix) && d.until.After(s.service.Now()) {
			kept = append(kept, objectstore.Deleted{Version: s.service.listed(d.version, d.key, false), Until: d.until})
		}
	}
	return kept, nil
}
