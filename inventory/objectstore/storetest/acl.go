package storetest

import (
	"context"
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

// hasACLs tells whether a server has access control lists: those that answer
// about ownership do. Others give the same list for every object.
func hasACLs(ctx context.Context, client *s3.Client, bucket string) (bool, error) {
	out, err := client.GetBucketOwnershipControls(ctx, &s3.GetBucketOwnershipControlsInput{Bucket: &bucket})
	var answer smithy.APIError
	switch {
	case errors.As(err, &answer) && answer.ErrorCode() == "OwnershipControlsNotFoundError":
		return true, nil
	case errors.As(err, &answer):
		return false, nil
	case err != nil:
		return false, err
	}
	for _, rule := range out.OwnershipControls.Rules {
		if rule.ObjectOwnership == types.ObjectOwnershipBucketOwnerEnforced {
			return false, nil
		}
	}
	return true, nil
}

// grants returns who else than the owner may do what, sorted.
func (v version) grants(ctx context.Context) ([]string, error) {
	out, err := v.client.GetObjectAcl(ctx, &s3.GetObjectAclInput{Bucket: &v.bucket, Key: &v.key, VersionId: v.versionID()})
	var answer smithy.APIError
	if errors.As(err, &answer) && answer.ErrorCode() == "NotImplemented" {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var grants []string
	for _, g := range out.Grants {
		if g.Grantee == nil || out.Owner != nil && aws.ToString(g.Grantee.ID) == aws.ToString(out.Owner.ID) {
			continue
		}
		grants = append(grants, string(g.Permission)+" to "+aws.ToString(g.Grantee.ID)+aws.ToString(g.Grantee.URI))
	}
	slices.Sort(grants)
	return grants, nil
}
