package s3store

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore"
)

var _ objectstore.Granter = (*Store)(nil)

// Grants implements objectstore.Granter. The list is sorted.
func (s *Store) Grants(ctx context.Context, ref objectstore.Ref) (string, []objectstore.Grant, error) {
	out, err := s.client.GetObjectAcl(ctx, &s3.GetObjectAclInput{Bucket: &ref.Bucket, Key: &ref.Key,
		VersionId: versionID(ref.VersionID)})
	if err != nil {
		return "", nil, s.fail("GetObjectAcl", ref.Bucket, err)
	}
	return ownerID(out.Owner), sortedGrants(out.Grants), nil
}

// BucketGrants implements objectstore.Granter. The list is sorted.
func (s *Store) BucketGrants(ctx context.Context, bucket string) (string, []objectstore.Grant, error) {
	out, err := s.client.GetBucketAcl(ctx, &s3.GetBucketAclInput{Bucket: &bucket})
	if err != nil {
		return "", nil, s.fail("GetBucketAcl", bucket, err)
	}
	return ownerID(out.Owner), sortedGrants(out.Grants), nil
}

func ownerID(owner *types.Owner) string {
	if owner == nil {
		return ""
	}
	return aws.ToString(owner.ID)
}

func sortedGrants(list []types.Grant) []objectstore.Grant {
	grants := make([]objectstore.Grant, 0, len(list))
	for _, g := range list {
		if g.Grantee == nil {
			continue
		}
		grant := objectstore.Grant{Permission: string(g.Permission), ID: aws.ToString(g.Grantee.ID),
			URI: aws.ToString(g.Grantee.URI)}
		if g.Grantee.Type == types.TypeGroup && grant.URI == "" {
			grant.ID, grant.URI = "", grant.ID // as versitygw names its groups
		}
		grants = append(grants, grant)
	}
	slices.SortFunc(grants, compareGrants)
	return grants
}

func compareGrants(a, b objectstore.Grant) int {
	return cmp.Or(cmp.Compare(a.Permission, b.Permission), cmp.Compare(a.ID, b.ID), cmp.Compare(a.URI, b.URI))
}

// granted makes the headers that give permissions (Amazon S3 API Reference,
// "PutObject"); nil where nobody has one.
func granted(grants []objectstore.Grant) (fullControl, read, readACP, writeACP *string) {
	to := func(permission string) *string {
		var names []string
		for _, g := range grants {
			switch {
			case g.Permission != permission:
			case g.URI != "":
				names = append(names, `uri="`+g.URI+`"`)
			default:
				names = append(names, `id="`+g.ID+`"`)
			}
		}
		return optional(strings.Join(names, ", "))
	}
	return to("FULL_CONTROL"), to("READ"), to("READ_ACP"), to("WRITE_ACP")
}
