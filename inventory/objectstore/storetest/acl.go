package storetest

import (
	"context"
	"errors"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
)

// hasACLs tells whether a server answers for the access control list of the
// first version that it lists.
func hasACLs(ctx context.Context, client *s3.Client, bucket string, listing map[string][]listed) (bool, error) {
	for key, entries := range listing {
		for _, e := range entries {
			if e.Marker {
				continue
			}
			_, err := version{client: client, bucket: bucket, key: key, id: e.VersionID, latest: e.latest}.grants(ctx)
			var answer smithy.APIError
			if errors.As(err, &answer) && answer.ErrorCode() == "NotImplemented" {
				return false, nil
			}
			return err == nil, err
		}
	}
	return false, nil
}

// grants returns who else than the owner may do what, sorted.
func (v version) grants(ctx context.Context) ([]string, error) {
	out, err := v.client.GetObjectAcl(ctx, &s3.GetObjectAclInput{Bucket: &v.bucket, Key: &v.key, VersionId: v.versionID()})
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
