package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/storetest/amazon"
)

// TestPermissions runs each stage under exactly the policies that are printed for
// it, with all that a migration can meet. Nothing may be denied, nothing hidden, and
// no action may be there that nothing uses.
func TestPermissions(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	idle := map[string]map[string]bool{}
	ireland, china := world{"us-east-1", "eu-west-1"}, world{"cn-north-1", "cn-northwest-1"}
	government, sovereign := world{"us-gov-west-1", "eu-west-1"}, world{"us-east-1", "eusc-de-east-1"}
	t.Run("in", func(t *testing.T) {
		for _, tt := range []struct {
			name      string
			stages    func(*permitted)
			world     world
			providers []string
		}{
			{"between two providers", streamedStages, ireland, []string{"us", "eu"}},
			{"within one", copiedStages, ireland, []string{"aws"}},
			{"within China", copiedStages, china, []string{"aws"}},
			{"from GovCloud to Ireland", crossedStages, government, []string{"gov", "eu"}},
			{"into the Sovereign Cloud", crossedStages, sovereign, []string{"us", "eusc"}},
		} {
			t.Run(tt.name, func(t *testing.T) {
				t.Parallel()
				p := newPermitted(t, tt.world, tt.providers...)
				tt.stages(p)
				mu.Lock()
				defer mu.Unlock()
				addIdle(idle, p.idle)
			})
		}
	})
	for _, name := range slices.Sorted(maps.Keys(idle)) {
		for _, use := range slices.Sorted(maps.Keys(idle[name])) {
			if idle[name][use] {
				t.Errorf("%s: nothing uses %s", name, use)
			}
		}
	}
}

// addIdle keeps as idle what no other has used.
func addIdle(all, more map[string]map[string]bool) {
	for stage, uses := range more {
		if all[stage] == nil {
			all[stage] = make(map[string]bool)
		}
		for use, idle := range uses {
			known, ok := all[stage][use]
			all[stage][use] = idle && (known || !ok)
		}
	}
}

const endedLease = `{"schema":"residency/lease/1","holder":"an earlier migration","token":1,"expires":"0001-01-01T00:00:00Z"}`

// fill makes the sources of customer acme.
func (p *permitted) fill() {
	c, ctx := p.client(p.from), p.t.Context()
	for _, b := range []string{"acme-prod", "acme-plain", "shared"} {
		p.bucket(p.from, b, false)
	}
	p.encrypt(p.from, "acme-prod")
	p.put("acme-prod", "tenants/acme/null", "before versions", nil)
	p.versions(p.from, "acme-prod")
	for _, b := range []string{"acme-prod", "acme-plain", "shared"} {
		for i := range 3 {
			p.put(b, fmt.Sprintf("tenants/acme/%d", i), fmt.Sprint(b, i), func(in *s3.PutObjectInput) {
				in.Tagging, in.Metadata = aws.String("a=b"), map[string]string{"m": "1"}
			})
		}
		p.parts(b, "tenants/acme/large")
		p.begin(p.from, b, "tenants/acme/unfinished")
		p.must(c.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{Bucket: &b,
			Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("team"), Value: aws.String("x")}}}}))
	}
	p.must(c.DeleteObject(ctx,
		&s3.DeleteObjectInput{Bucket: aws.String("acme-prod"), Key: aws.String("tenants/acme/1")}))
	p.put("shared", "tenants/other/1", "not theirs", nil)
	// of keys that overlap
	p.put("shared", objectstore.LeaseName("tenants/")+"/"+objectstore.LeaseFile, endedLease, nil)
	p.must(c.PutBucketRequestPayment(ctx, &s3.PutBucketRequestPaymentInput{Bucket: aws.String("acme-prod"),
		RequestPaymentConfiguration: &types.RequestPaymentConfiguration{Payer: types.PayerRequester}}))
	p.must(c.PutBucketLifecycleConfiguration(ctx,
		&s3.PutBucketLifecycleConfigurationInput{Bucket: aws.String("acme-prod"),
			LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: []types.LifecycleRule{{
				ID: aws.String("tidy"), Status: types.ExpirationStatusEnabled,
				Filter:                         &types.LifecycleRuleFilter{Prefix: aws.String("")},
				AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(7)}}}}}))
	p.must(c.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: aws.String("acme-prod"),
		Policy: aws.String(p.noTorrents("acme-prod"))}))
	p.must(c.PutBucketCors(ctx, &s3.PutBucketCorsInput{Bucket: aws.String("acme-prod"),
		CORSConfiguration: &types.CORSConfiguration{CORSRules: []types.CORSRule{{AllowedMethods: []string{"GET"},
			AllowedOrigins: []string{"*"}}}}}))
	p.must(c.PutBucketWebsite(ctx, &s3.PutBucketWebsiteInput{Bucket: aws.String("acme-prod"),
		WebsiteConfiguration: &types.WebsiteConfiguration{IndexDocument: &types.IndexDocument{Suffix: aws.String("i")}}}))
	p.bucket(p.from, "kept", true)
	p.put("kept", "tenants/acme/1", "kept", nil)
	p.put("kept", "tenants/other/1", "not theirs", nil)
	for _, b := range []string{"acme-plain", "acme-prod"} {
		p.put(b, objectstore.LeaseName("tenants/")+"/"+objectstore.LeaseFile, endedLease, nil)
	}
}

// streamedStages runs the stages between two services.
func streamedStages(p *permitted) {
	p.fill()
	p.stage("inventory", "", 0, "inventory")
	p.stage("inventory", "acme", 0, "inventory")
	p.stage("plan", "acme", 0, "plan", "--to", p.to(), "--all", "-o", "json")
	// It is stopped in the middle of an upload, and goes on.
	p.stopAt("UploadPart", "", 4)
	p.stage("copy", "acme", anyCode, "migrate", "--plan", p.plan, "--approve", p.digest, "--keep-source")
	// Others write meanwhile, which makes another pass.
	once := sync.OnceFunc(func() {
		for _, b := range []string{"acme-prod", "acme-plain"} {
			p.put(b, "tenants/acme/0", "replaced meanwhile", nil)
		}
	})
	p.amazon.SetFault(func(r amazon.Request) amazon.Fault {
		if r.Operation == "CompleteMultipartUpload" && !strings.HasPrefix(r.User, "owner") {
			once()
		}
		return amazon.Fault{}
	})
	p.stage("copy", "acme", 0, "migrate", "--plan", p.plan, "--approve", p.digest, "--keep-source")
	p.amazon.SetFault(nil)
	p.stage("inventory", "acme", 0, "inventory")
	p.stage("verify", "acme", 0, "verify", "--plan", p.plan)
	p.stage("verify", "acme", 0, "verify", "--plan", p.plan, "--verify", "readback")
	p.stage("erase", "acme", 0, "erase", "--plan", p.plan, "--approve", p.digest)
	p.lockedStages()
	p.versions(p.at, "ci-state")
	p.lateStages()
	p.listedStages()
	p.coldStages()
}

// crossedStages runs them between two partitions, each with credentials of its own.
func crossedStages(p *permitted) {
	p.fill()
	p.stage("inventory", "acme", 0, "inventory")
	p.beside("kept", "tenants/acme/", "tenants/other/")
	p.stage("plan", "acme", 0, "plan", "--to", p.to(), "--all", "-o", "json")
	p.beside("shared", "tenants/acme/", "tenants/other/")
	// One is deleted before it is read: who may not list all is not told that it is gone.
	gone := sync.OnceFunc(func() {
		p.must(p.client(p.from).DeleteObject(p.t.Context(), &s3.DeleteObjectInput{Bucket: aws.String("shared"),
			Key: aws.String("tenants/acme/2")}))
	})
	p.amazon.SetFault(func(r amazon.Request) amazon.Fault {
		if r.Operation == "GetObject" && r.Key == "tenants/acme/2" && !strings.HasPrefix(r.User, "owner") {
			gone()
		}
		return amazon.Fault{}
	})
	p.stage("copy", "acme", 0, "migrate", "--plan", p.plan, "--approve", p.digest, "--keep-source")
	p.stage("verify", "acme", 0, "verify", "--plan", p.plan)
	p.stage("erase", "acme", 0, "erase", "--plan", p.plan, "--approve", p.digest)
}

// beside checks that the policies by which a prefix of a source bucket is moved show
// nothing of what is beside it.
func (p *permitted) beside(bucket, own, others string) {
	p.t.Helper()
	c, ctx := p.amazon.ClientAs(p.users[0], p.from), p.t.Context()
	for prefix, want := range map[string]bool{own: true, own + "1": true, others: false, "": false} {
		_, err := c.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &bucket, Prefix: &prefix})
		_, versions := c.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &bucket, Prefix: &prefix})
		_, uploads := c.ListMultipartUploads(ctx, &s3.ListMultipartUploadsInput{Bucket: &bucket, Prefix: &prefix})
		if (err == nil) != want || (versions == nil) != want || (uploads == nil) != want {
			p.t.Errorf("list %s/%s: %v, %v, %v, want allowed: %t", bucket, prefix, err, versions, uploads, want)
		}
	}
	if _, err := c.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &bucket}); err == nil {
		p.t.Errorf("%s can be listed whole", bucket)
	}
}

// coldStages moves what is archived.
func (p *permitted) coldStages() {
	p.bucket(p.from, "cold", true)
	p.put("cold", "old", "old", func(in *s3.PutObjectInput) { in.StorageClass = types.StorageClassGlacier })
	p.stage("plan", "cold", 0, "plan", "--to", p.to(), "--restore", "Bulk", "-o", "json")
	p.stage("copy,restore", "cold", 1, "migrate", "--plan", p.plan, "--approve", p.digest, "--keep-source")
	p.loseLease()
	p.stage("copy,restore", "cold", 0, "migrate", "--plan", p.plan, "--approve", p.digest, "--keep-source")
	p.loseLease()
	p.stage("erase", "cold", 0, "erase", "--plan", p.plan, "--approve", p.digest)
	p.amazon.SetFault(nil)
}

// listedStages moves what has access control lists, and is stopped in between.
func (p *permitted) listedStages() {
	c, ctx := p.client(p.from), p.t.Context()
	for _, b := range []string{"lists", "lists-plain"} {
		p.bucket(p.from, b, b == "lists")
		p.must(c.PutBucketOwnershipControls(ctx, &s3.PutBucketOwnershipControlsInput{Bucket: &b,
			OwnershipControls: &types.OwnershipControls{
				Rules: []types.OwnershipControlsRule{{ObjectOwnership: types.ObjectOwnershipObjectWriter}}}}))
		p.must(c.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{Bucket: &b,
			PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{BlockPublicPolicy: aws.Bool(true)}}))
		p.put(b, "shown", "shown", func(in *s3.PutObjectInput) {
			in.GrantRead = aws.String(`uri="http://acs.amazonaws.com/groups/global/AuthenticatedUsers"`)
		})
		p.parts(b, "large")
	}
	p.stage("plan", "lists", 0, "plan", "--to", p.to(), "--all", "-o", "json")
	p.stopAt("UploadPart", "", 2)
	p.stage("copy", "lists", anyCode, "migrate", "--plan", p.plan, "--approve", p.digest, "--keep-source")
	p.amazon.SetFault(nil)
	p.stage("copy", "lists", 0, "migrate", "--plan", p.plan, "--approve", p.digest, "--keep-source")
	p.stage("verify", "lists", 0, "verify", "--plan", p.plan)
	p.bare("erase", "lists", 0, "erase", "--plan", p.plan, "--approve", p.digest)
}

// lockedStages moves what is under locks.
func (p *permitted) lockedStages() {
	p.must(p.client(p.from).CreateBucket(p.t.Context(), &s3.CreateBucketInput{Bucket: aws.String("vault"),
		ObjectLockEnabledForBucket: aws.Bool(true)}))
	p.put("vault", "held", "held",
		func(in *s3.PutObjectInput) { in.ObjectLockLegalHoldStatus = types.ObjectLockLegalHoldStatusOn })
	p.put("vault", "kept", "kept", func(in *s3.PutObjectInput) {
		in.ObjectLockMode, in.ObjectLockRetainUntilDate = types.ObjectLockModeGovernance,
			aws.Time(time.Now().Add(time.Hour))
	})
	p.put("vault", "free", "free", nil)
	p.stage("plan", "vault", 0, "plan", "--to", p.to(), "--all", "-o", "json")
	p.stage("copy", "vault", 0, "migrate", "--plan", p.plan, "--approve", p.digest, "--keep-source")
	p.stage("erase", "vault", 6, "erase", "--plan", p.plan, "--approve", p.digest)
}

// lateStages moves into a bucket that is there and one that is not, puts up fences
// and takes all back.
func (p *permitted) lateStages() {
	for _, b := range []string{"late", "late-plain"} {
		p.bucket(p.from, b, b == "late")
		p.put(b, "k", "late", nil)
	}
	p.must(p.client(p.from).PutBucketPolicy(p.t.Context(), &s3.PutBucketPolicyInput{Bucket: aws.String("late"),
		Policy: aws.String(p.noTorrents("late"))}))
	p.encrypt(p.from, "late-plain")
	p.bucket(p.at, "late-"+p.at, true)
	p.encrypt(p.at, "late-"+p.at)
	p.begin(p.at, "late-"+p.at, objectstore.MarkKey)
	p.stage("plan", "late", 0, "plan", "--to", p.to(), "--all", "-o", "json")
	// The fence of one bucket comes into force after it was tried once.
	fence := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Sid":"ResidencyFence%s","Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::late-plain/*"}]}`, p.digest)
	var tried atomic.Bool
	p.amazon.SetFault(func(r amazon.Request) amazon.Fault {
		switch {
		case r.Bucket != "late-plain" || strings.HasPrefix(r.User, "owner") || tried.Load():
		case r.Operation == "PutBucketPolicy":
			return amazon.Fault{Status: 204}
		case r.Operation == "AbortMultipartUpload":
			tried.Store(true)
			p.must(p.client(p.from).PutBucketPolicy(p.t.Context(),
				&s3.PutBucketPolicyInput{Bucket: aws.String("late-plain"),
					Policy: &fence}))
		}
		return amazon.Fault{}
	})
	p.stage("copy,fence", "late", 0, "migrate", "--plan", p.plan, "--approve", p.digest, "--keep-source", "--fence")
	p.stopAt("DeleteObjects", "late-"+p.at, 1) // a probe is left
	p.stage("copy", "late", anyCode, "migrate", "--plan", p.plan, "--approve", p.digest, "--keep-source")
	p.loseLease()
	p.stage("abort,fence", "late", 0, "migrate", "--abort", p.plan, "--approve", p.digest)
	p.amazon.SetFault(nil)
}

func (p *permitted) noTorrents(bucket string) string {
	return `{"Version":"2012-10-17","Statement":[{"Sid":"NoTorrents","Effect":"Deny","Principal":"*","Action":"s3:GetObjectTorrent","Resource":"arn:` + p.partition(p.from) + `:s3:::` + bucket + `/*"}]}`
}

// stopAt has the service refuse the credentials from the n-th request of an operation
// on, of those to one bucket if it is named.
func (p *permitted) stopAt(operation, bucket string, n int64) {
	var seen atomic.Int64
	p.amazon.SetFault(func(r amazon.Request) amazon.Fault {
		if r.Operation != operation || bucket != "" && r.Bucket != bucket || strings.HasPrefix(r.User, "owner") ||
			seen.Add(1) < n {
			return amazon.Fault{}
		}
		return amazon.Fault{Status: 403, Code: "ExpiredToken"}
	})
}

// loseLease has the answer to the next lease at a destination be lost, and not the lease.
func (p *permitted) loseLease() {
	var lost atomic.Bool
	p.amazon.SetFault(func(r amazon.Request) amazon.Fault {
		if r.Operation == "PutObject" && objectstore.IsLease(r.Key) && !strings.HasPrefix(r.User, "owner") &&
			!lost.Swap(true) {
			return amazon.Fault{Status: 500, Code: "InternalError", Done: true}
		}
		return amazon.Fault{}
	})
}

// copiedStages runs them within one provider, whose service copies.
func copiedStages(p *permitted) {
	p.fill()
	p.stage("inventory", "acme", 0, "inventory")
	p.stage("plan", "acme", 0, "plan", "--to", p.to(), "--all", "-o", "json")
	// Of the first bucket it is not heard that it was made.
	var made atomic.Bool
	p.amazon.SetFault(func(r amazon.Request) amazon.Fault {
		if r.Operation == "CreateBucket" && !strings.HasPrefix(r.User, "owner") && !made.Swap(true) {
			return amazon.Fault{Status: 403, Code: "ExpiredToken", Done: true}
		}
		return amazon.Fault{}
	})
	p.stage("copy", "acme", anyCode, "migrate", "--plan", p.plan, "--approve", p.digest, "--keep-source")
	p.amazon.SetFault(nil)
	p.stage("plan", "acme", 0, "plan", "--to", p.to(), "--all", "-o", "json")
	p.stage("copy", "acme", 0, "migrate", "--plan", p.plan, "--approve", p.digest, "--keep-source")
	p.stage("inventory", "acme", 0, "inventory")
	p.stage("verify", "acme", 0, "verify", "--plan", p.plan, "--verify", "readback")
	p.stage("erase", "acme", 0, "erase", "--plan", p.plan, "--approve", p.digest)
	// All in one.
	for _, b := range []string{"late", "late-plain"} {
		p.bucket(p.from, b, b == "late")
		p.put(b, "k", "late", nil)
	}
	p.stage("plan,copy,erase", "late", 0, "migrate", "--to", p.to(), "--all", "--yes")
}
