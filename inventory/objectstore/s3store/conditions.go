package s3store

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/residency/residency/inventory/objectstore"
)

// Unguard implements objectstore.Unguarder.
func (s *Store) Unguard() { s.unguarded.Store(true) }

// conditions are the headers of a write's guard: none where it is not for the service to
// compare, but was held against what is current just now.
func (s *Store) conditions(ctx context.Context, o objectstore.NewObject) (same, none *string, err error) {
	if o.Guard == (objectstore.Guard{}) {
		return nil, nil, nil
	}
	if s.unguarded.Load() {
		return nil, nil, s.holds(ctx, o)
	}
	if o.Guard.Absent {
		none = aws.String("*")
	}
	return quoted(o.Guard.ETag), none, nil
}

// holds looks whether a guard holds at this moment. Its error is what a service that
// compares would have answered. What may not be looked at does not hold.
func (s *Store) holds(ctx context.Context, o objectstore.NewObject) error {
	there, err := s.Stat(ctx, objectstore.Ref{Bucket: o.Bucket, Key: o.Key}, 0)
	exists := err == nil || errors.Is(err, objectstore.ErrArchived) || errors.Is(err, objectstore.ErrCustomerKey)
	switch {
	case !exists && !errors.Is(err, objectstore.ErrNotFound):
		return err
	case exists != o.Guard.Absent && (o.Guard.ETag == "" || there.ETag == o.Guard.ETag):
		return nil
	}
	return &objectstore.Error{Op: "HeadObject", Bucket: s.where(o.Bucket), Kind: objectstore.ErrPrecondition,
		Err: errors.New("a look right before the write showed otherwise")}
}
