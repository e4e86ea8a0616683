package s3store

import (
	"context"
	"errors"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore"
)

var _ objectstore.Restorer = (*Store)(nil)

// Restore implements objectstore.Restorer. S3 answers 202 where it begins, and
// 200 where a restored copy is there already (Amazon S3 API Reference,
// "RestoreObject"). "Restore requests for S3 Intelligent-Tiering objects don't accept the
// days value" (Amazon S3 User Guide, "Working with archived objects").
func (s *Store) Restore(ctx context.Context, ref objectstore.Ref, tier string, days int) (bool, error) {
	request := &types.RestoreRequest{GlacierJobParameters: &types.GlacierJobParameters{Tier: types.Tier(tier)}}
	if days > 0 {
		request.Days = aws.Int32(int32(days))
	}
	out, err := s.client.RestoreObject(ctx, &s3.RestoreObjectInput{
		Bucket: &ref.Bucket, Key: &ref.Key, VersionId: versionID(ref.VersionID), RestoreRequest: request,
	})
	if err = s.fail("RestoreObject", ref.Bucket, err); err != nil {
		var e *objectstore.Error
		if errors.As(err, &e) && e.Code == "RestoreAlreadyInProgress" {
			return false, nil
		}
		return false, err
	}
	return raw(out.ResultMetadata).StatusCode == http.StatusOK, nil
}
