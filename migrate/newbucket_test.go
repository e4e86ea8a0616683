package migrate_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/s3store"
	"github.com/residency/residency/inventory/objectstore/storetest/amazon"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/plan"
)

func row(p *plan.Plan, setting string) plan.Parity {
	i := slices.IndexFunc(p.Parity, func(x plan.Parity) bool { return x.Setting == setting })
	if i < 0 {
		return plan.Parity{}
	}
	return p.Parity[i]
}

func rulesOf(issues []plan.Issue) (names []string) {
	for _, i := range issues {
		names = append(names, i.Rule)
	}
	return names
}

// Tags that CloudFormation has set can be set by nobody else: they stay behind, and
// are named.
func TestSystemTags(t *testing.T) {
	a := newOnAmazon(t, amazon.Options{})
	a.must(a.from.PutBucketTagging(t.Context(), &s3.PutBucketTaggingInput{Bucket: aws.String(amazonSource),
		ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
		Tagging:           &types.Tagging{TagSet: []types.Tag{{Key: aws.String("team"), Value: aws.String("blue")}}}}))
	a.server.SetSystemTags(amazonSource, map[string]string{"aws:cloudformation:stack-name": "prod",
		"aws:cloudformation:logical-id": "Bucket"})
	a.must(a.from.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(amazonSource), Key: aws.String("k"),
		Body: strings.NewReader("x")}))
	p := a.plan()
	if got := row(p, "tags"); got.Outcome != "carried" || got.Detail != "1" {
		t.Errorf("tags: %+v", got)
	}
	if got := row(p, "tags set by the service itself"); got.Outcome != "not carried" || !strings.Contains(got.Detail,
		"aws:cloudformation:logical-id, aws:cloudformation:stack-name") {
		t.Errorf("tags set by the service itself: %+v", got)
	}
	if r, err := a.run(p); err != nil {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	out, err := a.to.GetBucketTagging(t.Context(), &s3.GetBucketTaggingInput{Bucket: aws.String(amazonDestination)})
	if err != nil || len(out.TagSet) != 1 || *out.TagSet[0].Key != "team" {
		t.Errorf("tags at the destination: %+v, %v", out, err)
	}
}

const everybodyReads = `{"Version":"2012-10-17","Statement":[{"Sid":"Public","Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::` + amazonSource + `/*"}]}`

func publicBlock(acls, policy, ignore, restrict bool) *types.PublicAccessBlockConfiguration {
	return &types.PublicAccessBlockConfiguration{BlockPublicAcls: &acls, BlockPublicPolicy: &policy,
		IgnorePublicAcls: &ignore, RestrictPublicBuckets: &restrict}
}

// What everybody may read at the source is so at the destination, whose new buckets
// are closed by themselves; what nobody needs open stays closed; and that the account
// as a whole may be closed is said before anything is copied.
func TestPublicAccess(t *testing.T) {
	for _, tt := range []struct {
		name         string
		policy, acls bool
		block        *types.PublicAccessBlockConfiguration // of the source at the end; nil: none
		want         string
	}{
		{"nothing is public", false, false, nil, "true true true true"},
		{"a public policy", true, false, nil, "false false false false"},
		{"a public policy under a block that came later", true, false, publicBlock(true, true, true, false),
			"true true true false"},
		{"lists in force", false, true, nil, "false false false false"},
		{"lists in force under a block that came later", false, true, publicBlock(true, false, false, false),
			"true false false false"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newOnAmazon(t, amazon.Options{})
			bucket := aws.String(amazonSource)
			a.must(a.from.DeletePublicAccessBlock(t.Context(), &s3.DeletePublicAccessBlockInput{Bucket: bucket}))
			in := &s3.PutObjectInput{Bucket: bucket, Key: aws.String("k"), Body: strings.NewReader("x")}
			if tt.acls {
				a.must(a.from.PutBucketOwnershipControls(t.Context(),
					&s3.PutBucketOwnershipControlsInput{Bucket: bucket,
						ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
						OwnershipControls: &types.OwnershipControls{Rules: []types.OwnershipControlsRule{{ObjectOwnership: types.ObjectOwnershipObjectWriter}}}}))
				in.ACL = types.ObjectCannedACLPublicRead
			}
			a.must(a.from.PutObject(t.Context(), in))
			if tt.policy {
				a.must(a.from.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: bucket,
					Policy: aws.String(everybodyReads), ChecksumAlgorithm: types.ChecksumAlgorithmCrc32}))
			}
			if tt.block != nil {
				a.must(a.from.PutPublicAccessBlock(t.Context(), &s3.PutPublicAccessBlockInput{Bucket: bucket,
					PublicAccessBlockConfiguration: tt.block, ChecksumAlgorithm: types.ChecksumAlgorithmCrc32}))
			}
			p := a.plan()
			if got := slices.Contains(rulesOf(p.Warnings), "account-closed"); got != (tt.policy || tt.acls) {
				t.Errorf("the account's own block is named: %t; warnings %v", got, rulesOf(p.Warnings))
			}
			r, err := a.run(p)
			if err != nil {
				t.Fatalf("%v\n%s", err, problems(r))
			}
			out, err := a.to.GetPublicAccessBlock(t.Context(),
				&s3.GetPublicAccessBlockInput{Bucket: aws.String(amazonDestination)})
			if err != nil {
				t.Fatal(err)
			}
			c := out.PublicAccessBlockConfiguration
			if got := fmt.Sprint(*c.BlockPublicAcls, *c.BlockPublicPolicy, *c.IgnorePublicAcls,
				*c.RestrictPublicBuckets); got != tt.want {
				t.Errorf("the destination blocks %s, want %s", got, tt.want)
			}
			if tt.policy {
				got, err := a.to.GetBucketPolicy(t.Context(),
					&s3.GetBucketPolicyInput{Bucket: aws.String(amazonDestination)})
				if err != nil || !strings.Contains(*got.Policy, amazonDestination+"/*") {
					t.Errorf("policy: %v, %v", got, err)
				}
			}
			if tt.acls {
				got, err := a.to.GetObjectAcl(t.Context(), &s3.GetObjectAclInput{Bucket: aws.String(amazonDestination),
					Key: aws.String("k")})
				if err != nil || len(got.Grants) != 2 {
					t.Errorf("grants: %+v, %v", got, err)
				}
			}
		})
	}
}

// Objects under SSE-C need a bucket that permits that, which new ones do not.
func TestCustomerKeysArePermitted(t *testing.T) {
	key, secret, sum := customerKey(t, "k")
	permit := &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{{
		ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAes256},
		BlockedEncryptionTypes:             &types.BlockedEncryptionTypes{EncryptionType: []types.EncryptionType{types.EncryptionTypeNone}},
	}}}
	begin := func(t *testing.T) *onAmazon {
		a := newOnAmazon(t, amazon.Options{}, key)
		bucket := aws.String(amazonSource)
		a.must(a.from.PutBucketEncryption(t.Context(), &s3.PutBucketEncryptionInput{Bucket: bucket,
			ServerSideEncryptionConfiguration: permit, ChecksumAlgorithm: types.ChecksumAlgorithmCrc32}))
		a.must(a.from.PutObject(t.Context(), &s3.PutObjectInput{Bucket: bucket, Key: aws.String("k"),
			Body:                 strings.NewReader("x"),
			SSECustomerAlgorithm: aws.String("AES256"), SSECustomerKey: &secret, SSECustomerKeyMD5: &sum}))
		a.must(a.from.DeleteBucketEncryption(t.Context(), &s3.DeleteBucketEncryptionInput{Bucket: bucket}))
		return a
	}
	t.Run("a new bucket", func(t *testing.T) {
		a := begin(t)
		p := a.plan()
		if got := row(p, "encryption"); !strings.Contains(got.Detail, "SSE-C") {
			t.Errorf("encryption: %+v", got)
		}
		if r, err := a.run(p); err != nil {
			t.Fatalf("%v\n%s", err, problems(r))
		}
		got, err := a.to.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: aws.String(amazonDestination),
			Key:                  aws.String("k"),
			SSECustomerAlgorithm: aws.String("AES256"), SSECustomerKey: &secret, SSECustomerKeyMD5: &sum})
		if err != nil || aws.ToString(got.SSECustomerAlgorithm) != "AES256" {
			t.Errorf("the copy: %+v, %v", got, err)
		}
	})
	for _, tt := range []struct {
		name  string
		says  *types.BlockedEncryptionTypes
		block string
	}{
		{"refuses it", &types.BlockedEncryptionTypes{EncryptionType: []types.EncryptionType{types.EncryptionTypeSseC}},
			"destination-refuses-sse-c"},
		{"does not say", nil, "destination-sse-c-untold"},
		{"takes it", &types.BlockedEncryptionTypes{EncryptionType: []types.EncryptionType{types.EncryptionTypeNone}},
			""},
	} {
		t.Run("others' bucket "+tt.name, func(t *testing.T) {
			a := begin(t)
			a.must(a.to.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(amazonDestination),
				CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: eu}}))
			said := *permit
			said.Rules = slices.Clone(permit.Rules)
			said.Rules[0].BlockedEncryptionTypes = tt.says
			a.must(a.to.PutBucketEncryption(t.Context(),
				&s3.PutBucketEncryptionInput{Bucket: aws.String(amazonDestination),
					ServerSideEncryptionConfiguration: &said, ChecksumAlgorithm: types.ChecksumAlgorithmCrc32}))
			p := a.plan()
			if got := strings.Join(rulesOf(p.Blockers), " "); got != tt.block {
				t.Fatalf("blockers %s, want %s", got, tt.block)
			}
			if tt.block != "" {
				return
			}
			if r, err := a.run(p); err != nil {
				t.Fatalf("%v\n%s", err, problems(r))
			}
		})
	}
}

// A destination from which no version can be deleted is known before anything is
// written to it.
func TestDestinationWithMFADelete(t *testing.T) {
	a := newOnAmazon(t, amazon.Options{})
	a.must(a.from.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(amazonSource), Key: aws.String("k"),
		Body: strings.NewReader("x")}))
	a.must(a.to.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(amazonDestination),
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: eu}}))
	a.server.SetMFADelete(amazonDestination, true)
	if got := rulesOf(a.plan().Blockers); !slices.Contains(got, "destination-mfa-delete") {
		t.Errorf("blockers %v", got)
	}
}

// Where the way to the destination copies nothing across regions, the run stops at the
// first copy and says what to do.
func TestOneRegion(t *testing.T) {
	a := newOnAmazon(t, amazon.Options{})
	for i := range 40 {
		a.must(a.from.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(amazonSource),
			Key: aws.String(fmt.Sprint("k", i)), Body: strings.NewReader("x")}))
	}
	p := a.plan()
	a.server.Forget()
	a.server.SetFault(func(r amazon.Request) amazon.Fault {
		if r.Operation == "CopyObject" {
			return amazon.Fault{Status: 403, Code: "AccessDenied",
				Message: "VPC endpoints do not support cross-region requests"}
		}
		return amazon.Fault{}
	})
	_, err := a.run(p)
	if !errors.Is(err, objectstore.ErrOneRegion) || !strings.Contains(err.Error(), "a provider of its own") {
		t.Errorf("run: %v", err)
	}
	if n := a.server.Counts()["CopyObject"]; n > 8 {
		t.Errorf("%d copies were tried", n)
	}
}

// Where the destination is there already, the plan finds that, and nothing is written.
func TestOneRegionPlanned(t *testing.T) {
	a := newOnAmazon(t, amazon.Options{})
	a.must(a.from.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(amazonSource), Key: aws.String("k"),
		Body: strings.NewReader("x")}))
	a.must(a.to.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(amazonDestination),
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: eu}}))
	if got := rulesOf(a.plan().Blockers); len(got) > 0 {
		t.Errorf("no VPC endpoint: blockers %v", got)
	}
	a.server.SetGateway(eu)
	p := a.plan()
	if got := rulesOf(p.Blockers); !slices.Equal(got, []string{"one-region"}) || !strings.Contains(p.Blockers[0].Remedy,
		"a provider of its own") {
		t.Errorf("blockers %+v", p.Blockers)
	}
	list, err := a.to.ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(amazonDestination)})
	if err != nil || len(list.Contents) > 0 {
		t.Errorf("%v, %d objects", err, len(list.Contents))
	}
	a.streamed()
	if got := rulesOf(a.plan().Blockers); len(got) > 0 {
		t.Errorf("streamed: blockers %v", got)
	}
}

// The fence denies what Amazon knows, and a policy with it is one that Amazon takes.
func TestFenceOnAmazon(t *testing.T) {
	a := newOnAmazon(t, amazon.Options{})
	a.versioned()
	a.must(a.from.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(amazonSource), Key: aws.String("k"),
		Body: strings.NewReader("x")}))
	a.must(nil, a.server.AddUser(amazon.User{Name: "mover",
		Policy: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}`}))
	a.server.Setenv(t, "mover")
	var err error
	a.provider, err = s3store.Open(t.Context(), s3store.Options{Name: "aws", Amazon: true, Account: "111122223333",
		Backoff: atOnce, Proxy: a.server.Through})
	a.must(nil, err)
	p := a.plan()
	r, err := a.runner().Run(t.Context(), p, migrate.Options{KeepSource: true, Passes: 1, Fence: true})
	if err != nil || len(r.Fence) != 1 {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	got, err := a.from.GetBucketPolicy(t.Context(), &s3.GetBucketPolicyInput{Bucket: aws.String(amazonSource)})
	a.must(nil, err)
	for _, action := range []string{"s3:PutObjectVersionAcl", "s3:ReplicateObject", "s3:ReplicateDelete",
		"s3:DeleteObject"} {
		if !strings.Contains(*got.Policy, `"`+action+`"`) {
			t.Errorf("the fence does not deny %s: %s", action, *got.Policy)
		}
	}
}
