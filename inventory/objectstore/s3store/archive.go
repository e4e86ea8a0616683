package s3store

import (
	"context"
	"errors"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/residency/residency/inventory/objectstore"
)

var _ objectstore.Restorer = (*Store)(nil)

// Restore implements objectstore.Restorer. S3 answers 202 where it begins, and
// 200 where a restored copy is there already (Amazon S3 API Reference,
// "RestoreObject").
func (s *Store) Restore(ctx context.Context, ref objectstore.Ref, tier string, days int) (bool, error) {
	out, err := s.client.RestoreObject(ctx, &s3.RestoreObjectInput{
		Bucket: &ref.Bucket, Key: &ref.Key, VersionId: versionID(ref.VersionID),
		RestoreRequest: &types.RestoreRequest{Days: aws.Int32(int32(days)), GlacierJobParameters: &types.GlacierJobParameters{Tier: types.Tier(tier)}},
	})
	if err = s.fail("RestoreObject", ref.Bucket, err); err != nil {
		var e *objectstore.Error
		if errors.As(err, &e) && e.Code == "RestoreAlreadyInProgress" {
			return false, nil
		}
		return false, err
	}
	response, ok := awsmiddleware.GetRawResponse(out.ResultMetadata).(*smithyhttp.Response)
	return ok && response.StatusCode == http.StatusOK, nil
}
