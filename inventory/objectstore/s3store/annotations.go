package s3store

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/residency/residency/inventory/objectstore"
)

var _ objectstore.Annotator = (*Store)(nil)

// annotationsSize bounds what is read of a list of one annotation, in bytes.
const annotationsSize = 64 << 10

// shortAnswer makes an answer end after so many bytes, whatever follows.
func shortAnswer(stack *middleware.Stack) error {
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("ResidencyShortAnswer", func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
		out, metadata, err := next.HandleDeserialize(ctx, in)
		if response, ok := out.RawResponse.(*smithyhttp.Response); ok {
			response.Body = struct {
				io.Reader
				io.Closer
			}{io.LimitReader(response.Body, annotationsSize), response.Body}
		}
		return out, metadata, err
	}), middleware.After)
}

// Annotations implements objectstore.Annotator. A server that does not know
// them may answer with the object itself, which is no list and can be of any
// size: the SDK would read it to its end.
func (s *Store) Annotations(ctx context.Context, ref objectstore.Ref) (int, error) {
	out, err := s.client.ListObjectAnnotations(ctx, &s3.ListObjectAnnotationsInput{Bucket: &ref.Bucket, Key: &ref.Key, VersionId: versionID(ref.VersionID), MaxAnnotationResults: aws.Int32(1)}, once, s3.WithAPIOptions(shortAnswer))
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
