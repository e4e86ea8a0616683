package amazon_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

func (a *asked) policy(text string) error {
	_, err := a.us.PutBucketPolicy(a.t.Context(), &s3.PutBucketPolicyInput{Bucket: ptr("here"), Policy: &text})
	return err
}

func statement(principal, resource string) string {
	return fmt.Sprintf(`{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": %s, "Action": "s3:GetObject", "Resource": %q}]}`, principal, resource)
}

func (a *asked) noBlock() {
	a.t.Helper()
	_, err := a.us.PutPublicAccessBlock(a.t.Context(), &s3.PutPublicAccessBlockInput{Bucket: ptr("here"),
		PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
			BlockPublicAcls: ptr(false), BlockPublicPolicy: ptr(false), IgnorePublicAcls: ptr(false),
			RestrictPublicBuckets: ptr(false)}})
	a.must(err)
}

func (a *asked) ownership(o types.ObjectOwnership) {
	a.t.Helper()
	_, err := a.us.PutBucketOwnershipControls(a.t.Context(), &s3.PutBucketOwnershipControlsInput{Bucket: ptr("here"),
		OwnershipControls: &types.OwnershipControls{Rules: []types.OwnershipControlsRule{{ObjectOwnership: o}}}})
	a.must(err)
}

func (a *asked) tag(key string) error {
	_, err := a.us.PutBucketTagging(a.t.Context(), &s3.PutBucketTaggingInput{Bucket: ptr("here"),
		Tagging: &types.Tagging{TagSet: []types.Tag{{Key: &key, Value: ptr("v")}}}})
	return err
}

func (a *asked) versioning(bucket string, c *s3.Client, status types.BucketVersioningStatus) error {
	_, err := c.PutBucketVersioning(a.t.Context(), &s3.PutBucketVersioningInput{Bucket: &bucket,
		VersioningConfiguration: &types.VersioningConfiguration{Status: status}})
	return err
}

func (a *asked) create(c *s3.Client, name, location string, locked bool) error {
	in := &s3.CreateBucketInput{Bucket: &name}
	if location != "" {
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(
			location)}
	}
	if locked {
		in.ObjectLockEnabledForBucket = &locked
	}
	_, err := c.CreateBucket(a.t.Context(), in)
	return err
}

func bucketQuestions() map[string]func(*asked) {
	return map[string]func(*asked){
		"location-constraint": func(a *asked) {
			a.is("in us-east-1", a.create(a.us, "one", "", false), ok)
			a.is("in us-east-1, said", a.create(a.us, "two", "us-east-1", false),
				"Bad Request: InvalidLocationConstraint")
			a.is("elsewhere, said", a.create(a.eu, "three", "eu-west-1", false), ok)
			a.is("elsewhere, not said", a.create(a.eu, "four", "", false),
				"Bad Request: IllegalLocationConstraintException")
			a.is("of another", a.create(a.eu, "five", "eu-west-2", false),
				"Bad Request: IllegalLocationConstraintException")
			a.is("no name", a.create(a.us, "No_Name", "", false), "Bad Request: InvalidBucketName")
		},
		"recreate": func(a *asked) {
			a.is("one's own in us-east-1", a.create(a.us, "here", "", false), ok)
			a.is("one's own", a.create(a.eu, "there", "eu-west-1", false), "Conflict: BucketAlreadyOwnedByYou")
			a.is("from elsewhere", a.create(a.us, "there", "", false), "Conflict: BucketAlreadyOwnedByYou")
			a.is("somebody else's", a.create(a.s.ClientAs("foreigner", "us-east-1"), "here", "", false),
				"Conflict: BucketAlreadyExists")
		},
		"list-buckets-paged": func(a *asked) {
			list := func(most *int32) (*s3.ListBucketsOutput, error) {
				return a.us.ListBuckets(a.t.Context(), &s3.ListBucketsInput{MaxBuckets: most})
			}
			out, err := list(nil)
			a.is("few", err, ok)
			if out.Buckets[0].BucketRegion != nil {
				a.t.Error("a region without a parameter")
			}
			a.must(a.create(a.us, "more-1", "", false))
			a.must(a.create(a.us, "more-2", "", false))
			_, err = list(nil)
			a.is("many", err, badly)
			if out, err = list(ptr[int32](3)); err != nil || len(out.Buckets) != 3 ||
				out.ContinuationToken == nil || out.Buckets[0].BucketRegion == nil {
				a.t.Fatalf("a page: %+v, %v", out, err)
			}
			out, err = a.us.ListBuckets(a.t.Context(), &s3.ListBucketsInput{MaxBuckets: ptr[int32](3),
				ContinuationToken: out.ContinuationToken})
			if err != nil || len(out.Buckets) != 1 || out.ContinuationToken != nil || *out.Buckets[0].Name != "there" {
				a.t.Errorf("the last page: %+v, %v", out, err)
			}
		},
		"new-buckets": askNewBuckets,
		"acl-off": func(a *asked) {
			a.is("an ACL", a.put(a.us, &s3.PutObjectInput{ACL: types.ObjectCannedACLPublicRead}),
				"Bad Request: AccessControlListNotSupported")
			a.is("the owner's", a.put(a.us, &s3.PutObjectInput{ACL: types.ObjectCannedACLBucketOwnerFullControl}), ok)
			a.ownership(types.ObjectOwnershipObjectWriter)
			a.is("ACLs on", a.put(a.us, &s3.PutObjectInput{ACL: types.ObjectCannedACLAuthenticatedRead}), ok)
			out, err := a.us.GetObjectAcl(a.t.Context(), &s3.GetObjectAclInput{Bucket: ptr("here"), Key: ptr("k")})
			if err != nil || len(out.Grants) != 2 {
				a.t.Errorf("the ACL: %+v, %v", out, err)
			}
		},
		"public-policy": func(a *asked) {
			a.is("everybody", a.policy(statement(`"*"`, "arn:aws:s3:::here/*")), forbidden)
			a.is("somebody", a.policy(statement(`{"AWS": "111122223333"}`, "arn:aws:s3:::here/*")), ok)
			a.noBlock()
			a.is("everybody, without the block", a.policy(statement(`"*"`, "arn:aws:s3:::here/*")), ok)
		},
		"public-acl": func(a *asked) {
			a.ownership(types.ObjectOwnershipObjectWriter)
			a.is("everybody", a.put(a.us, &s3.PutObjectInput{ACL: types.ObjectCannedACLPublicRead}), forbidden)
			a.noBlock()
			a.is("everybody, without the block", a.put(a.us,
				&s3.PutObjectInput{ACL: types.ObjectCannedACLPublicRead}), ok)
		},
		"policy-valid": func(a *asked) {
			const malformed = "Bad Request: MalformedPolicy"
			a.is("another bucket's", a.policy(statement(`{"AWS": "111122223333"}`, "arn:aws:s3:::elsewhere/*")),
				malformed)
			a.is("no principal", a.policy(statement(`{}`, "arn:aws:s3:::here/*")), malformed)
			a.is("no such action", a.policy(strings.Replace(statement(`{"AWS": "111122223333"}`,
				"arn:aws:s3:::here/*"), "GetObject", "GetObjects", 1)), malformed)
			a.is("a bucket of another partition",
				a.policy(statement(`{"AWS": "111122223333"}`, "arn:aws-cn:s3:::here/*")),
				malformed)
			a.is("somebody of another partition", a.policy(statement(`{"AWS": "arn:aws-cn:iam::111122223333:root"}`,
				"arn:aws:s3:::here/*")), malformed)
			a.is("a good one", a.policy(statement(`{"AWS": "111122223333"}`, "arn:aws:s3:::here/*")), ok)
		},
		"aws-tags": func(a *asked) {
			const invalid = "Bad Request: InvalidTag"
			a.is("one's own", a.tag("customer"), ok)
			a.is("Amazon's", a.tag("aws:cloudformation:stack-name"), invalid)
			a.is("on an object", a.put(a.us, &s3.PutObjectInput{Tagging: ptr("aws%3Ax=y")}), invalid)
			a.s.SetSystemTags("here", map[string]string{"aws:cloudformation:stack-name": "stack"})
			a.is("without the one that is there", a.tag("customer"), invalid)
			_, err := a.us.DeleteBucketTagging(a.t.Context(), &s3.DeleteBucketTaggingInput{Bucket: ptr("here")})
			a.is("away with all", err, invalid)
			_, err = a.us.PutBucketTagging(a.t.Context(), &s3.PutBucketTaggingInput{Bucket: ptr("here"),
				Tagging: &types.Tagging{
					TagSet: []types.Tag{{Key: ptr("aws:cloudformation:stack-name"), Value: ptr("stack")},
						{Key: ptr("b"), Value: ptr("c")}}}})
			a.is("with the one that is there", err, ok)
			out, err := a.us.GetBucketTagging(a.t.Context(), &s3.GetBucketTaggingInput{Bucket: ptr("here")})
			if err != nil || len(out.TagSet) != 2 || *out.TagSet[0].Key != "aws:cloudformation:stack-name" ||
				*out.TagSet[1].Key != "b" {
				a.t.Errorf("tags %+v, %v", out, err)
			}
		},
		"replication-versioned": func(a *asked) {
			replicate := func(c *s3.Client, bucket string) error {
				_, err := c.PutBucketReplication(a.t.Context(), &s3.PutBucketReplicationInput{Bucket: &bucket,
					ReplicationConfiguration: &types.ReplicationConfiguration{
						Role: ptr("arn:aws:iam::111122223333:role/r"),
						Rules: []types.ReplicationRule{{Status: types.ReplicationRuleStatusEnabled,
							Destination: &types.Destination{Bucket: ptr("arn:aws:s3:::x")}}}}})
				return err
			}
			a.is("unversioned", replicate(a.us, "here"), badly)
			a.is("versioned", replicate(a.eu, "there"), ok)
			_, err := a.us.GetBucketReplication(a.t.Context(), &s3.GetBucketReplicationInput{Bucket: ptr("here")})
			a.is("none", err, "Not Found: ReplicationConfigurationNotFoundError")
		},
		"lock-keeps-versioning": func(a *asked) {
			a.must(a.create(a.us, "locked", "", true))
			a.is("locked", a.versioning("locked", a.us, types.BucketVersioningStatusSuspended),
				"Conflict: InvalidBucketState")
			a.is("not locked", a.versioning("there", a.eu, types.BucketVersioningStatusSuspended), ok)
		},
		"versioning-lag": func(a *asked) {
			a.s.SetVersioningLag("here", 1)
			a.must(a.versioning("here", a.us, types.BucketVersioningStatusEnabled))
			got, err := a.us.GetBucketVersioning(a.t.Context(), &s3.GetBucketVersioningInput{Bucket: ptr("here")})
			if err != nil || got.Status != types.BucketVersioningStatusEnabled {
				a.t.Fatalf("versioning %+v, %v", got, err)
			}
			var ids []string
			for _, key := range []string{"first", "second"} {
				out := put(a.t, a.us, "here", key, "one")
				if out.VersionId == nil {
					out.VersionId = ptr("null")
				}
				ids = append(ids, *out.VersionId)
			}
			if ids[0] != "null" || ids[1] == "null" {
				a.t.Errorf("version IDs %v, want null and then one", ids)
			}
		},
		"policy-lag": func(a *asked) {
			a.s.SetPolicyLag("here", 1)
			a.must(a.policy(`{"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Principal": "*",
				"Action": "s3:PutObject", "Resource": "arn:aws:s3:::here/*"}]}`))
			mover := a.as("s3:*")
			for i, want := range []string{forbidden, ok, forbidden, forbidden} {
				a.is(fmt.Sprint("write ", i), a.put(mover, &s3.PutObjectInput{}), want)
			}
			a.is("the root of the account", a.put(a.s.ClientAs("root", "us-east-1"), &s3.PutObjectInput{}), forbidden)
			a.is("a test's set-up", a.put(a.us, &s3.PutObjectInput{}), ok)
		},
		"mfa-delete": func(a *asked) {
			out := put(a.t, a.eu, "there", "k", "one")
			a.s.SetMFADelete("there", true)
			remove := func(id *string, o ...func(*s3.Options)) error {
				_, err := a.eu.DeleteObject(a.t.Context(), &s3.DeleteObjectInput{Bucket: ptr("there"),
					Key: ptr("k"), VersionId: id}, o...)
				return err
			}
			a.is("a marker", remove(nil), ok)
			a.is("a version", remove(out.VersionId), forbidden)
			a.is("versioning", a.versioning("there", a.eu, types.BucketVersioningStatusSuspended), forbidden)
			a.is("a version, with the device", remove(out.VersionId, header("X-Amz-Mfa", "arn 123456")), ok)
			got, err := a.eu.GetBucketVersioning(a.t.Context(), &s3.GetBucketVersioningInput{Bucket: ptr("there")})
			if err != nil || got.MFADelete != types.MFADeleteStatusEnabled {
				a.t.Errorf("versioning %+v, %v", got, err)
			}
		},
		"kms-region": func(a *asked) {
			a.is("of its region", a.put(a.us, kms("us-east-1")), ok)
			a.is("of another", a.put(a.us, kms("eu-west-1")), "Bad Request: KMS.NotFoundException")
		},
		"kms-permissions": func(a *asked) {
			a.is("without", a.put(a.as("s3:PutObject"), kms("us-east-1")), forbidden)
			a.is("with", a.put(a.as("s3:PutObject", "kms:GenerateDataKey"), kms("us-east-1")), ok)
			_, err := a.as("s3:GetObject").GetObject(a.t.Context(), &s3.GetObjectInput{Bucket: ptr("here"),
				Key: ptr("k")})
			a.is("read without", err, forbidden)
			_, err = a.as("s3:GetObject").HeadObject(a.t.Context(), &s3.HeadObjectInput{Bucket: ptr("here"),
				Key: ptr("k")})
			a.is("head", err, ok)
			_, err = a.as("s3:GetObject", "kms:Decrypt").GetObject(a.t.Context(),
				&s3.GetObjectInput{Bucket: ptr("here"), Key: ptr("k")})
			a.is("read with", err, ok)
			if !slices.Contains(a.s.Denied("nobody"), "kms:Decrypt arn:aws:kms:us-east-1:111122223333:key/k") {
				a.t.Errorf("denied %v", a.s.Denied("nobody"))
			}
		},
	}
}

func kms(region string) *s3.PutObjectInput {
	return &s3.PutObjectInput{ServerSideEncryption: types.ServerSideEncryptionAwsKms,
		SSEKMSKeyId: ptr("arn:aws:kms:" + region + ":111122223333:key/k")}
}

func askNewBuckets(a *asked) {
	ctx, b := a.t.Context(), ptr("here")
	e, err := a.us.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: b})
	a.must(err)
	rule := e.ServerSideEncryptionConfiguration.Rules[0]
	if rule.ApplyServerSideEncryptionByDefault.SSEAlgorithm != types.ServerSideEncryptionAes256 ||
		!slices.Equal(rule.BlockedEncryptionTypes.EncryptionType, []types.EncryptionType{types.EncryptionTypeSseC}) {
		a.t.Errorf("encryption %+v", rule)
	}
	p, err := a.us.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: b})
	a.must(err)
	if c := p.PublicAccessBlockConfiguration; !*c.BlockPublicAcls || !*c.BlockPublicPolicy ||
		!*c.IgnorePublicAcls || !*c.RestrictPublicBuckets {
		a.t.Errorf("public access block %+v", c)
	}
	o, err := a.us.GetBucketOwnershipControls(ctx, &s3.GetBucketOwnershipControlsInput{Bucket: b})
	a.must(err)
	if o.OwnershipControls.Rules[0].ObjectOwnership != types.ObjectOwnershipBucketOwnerEnforced {
		a.t.Errorf("ownership %+v", o.OwnershipControls)
	}
	_, err = a.us.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: b})
	a.is("lifecycle", err, "Not Found: NoSuchLifecycleConfiguration")
	_, err = a.us.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: b})
	a.is("policy", err, "Not Found: NoSuchBucketPolicy")
	_, err = a.us.GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{Bucket: b})
	a.is("lock", err, "Not Found: ObjectLockConfigurationNotFoundError")
	_, err = a.us.GetBucketWebsite(ctx, &s3.GetBucketWebsiteInput{Bucket: b})
	a.is("website", err, "Not Found: NoSuchWebsiteConfiguration")
	_, err = a.us.GetBucketLogging(ctx, &s3.GetBucketLoggingInput{Bucket: b})
	a.is("logging", err, ok)
	_, err = a.us.GetBucketNotificationConfiguration(ctx, &s3.GetBucketNotificationConfigurationInput{Bucket: b})
	a.is("notification", err, ok)
	pay, err := a.us.GetBucketRequestPayment(ctx, &s3.GetBucketRequestPaymentInput{Bucket: b})
	a.must(err)
	if pay.Payer != types.PayerBucketOwner {
		a.t.Errorf("payer %s", pay.Payer)
	}
	_, err = a.us.ListBucketAnalyticsConfigurations(ctx, &s3.ListBucketAnalyticsConfigurationsInput{Bucket: b})
	a.is("analytics", err, ok)
	head, err := a.us.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: b})
	a.must(err)
	if *head.BucketRegion != "us-east-1" {
		a.t.Errorf("region %s", *head.BucketRegion)
	}
	_, err = a.us.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: ptr("no-such-bucket")})
	a.is("no bucket", err, http.StatusText(http.StatusNotFound)+": NotFound")
}
