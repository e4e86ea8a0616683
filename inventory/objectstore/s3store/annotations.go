package s3store

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/residency/residency/inventory/objectstore"
)

var _ objectstore.Annotator = (*Store)(nil)

// Annotations implements objectstore.Annotator. A server that does not know
// them may answer with the object itself, which is no list.
func (s *Store) Annotations(ctx context.Context, ref objectstore.Ref) (int, error) {
	out, err := s.client.ListObjectAnnotations(ctx, &s3.ListObjectAnnotationsInput{Bucket: &ref.Bucket, Key: &ref.Key,
		VersionId: versionID(ref.VersionID), MaxAnnotationResults: aws.Int32(1)}, s.once)
	if err = s.fail("ListObjectAnnotations", ref.Bucket, err); err != nil {
		var e *objectstore.Error
		if errors.As(err, &e) && e.Status/100 == 2 {
			return 0, fmt.Errorf("ListObjectAnnotations: %w", objectstore.ErrNotOffered)
		}
		return 0, err
	}
	if out.AnnotationCount == nil {
		return 0, fmt.Errorf("ListObjectAnnotations: %w", objectstore.ErrNotOffered)
	}
	return max(len(out.Annotations), int(*out.AnnotationCount)), nil
}
