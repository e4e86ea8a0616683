package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
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
	"github.com/residency/residency/inventory/objectstore/iam"
	"github.com/residency/residency/inventory/objectstore/storetest/amazon"
)

// permitted is a migration whose every stage runs under the policies that
// `residency permissions` prints for it, each provider with a user of its own.
type permitted struct {
	t      *testing.T
	amazon *amazon.Server
	users  []string // who the providers are, by their names
	config string
	env    []string
	idle   map[string]map[string]bool // by stage: what no run so far has used
	plan   string
	digest string
}

// permissionDocument is one document as `residency permissions -o json` has it.
type permissionDocument struct {
	End, Provider string
	Placeholders  bool
	Policy        iam.Policy
}

func (p *permitted) must(_ any, err error) {
	p.t.Helper()
	if err != nil {
		p.t.Fatal(err)
	}
}

// command is one of residency, which is this program.
func (p *permitted) command(out, errs *bytes.Buffer, args ...string) *exec.Cmd {
	c := exec.Command(os.Args[0], append([]string{"--config", p.config}, args...)...)
	c.Args[0] = "residency"
	c.Env, c.Dir, c.Stdout, c.Stderr = p.env, filepath.Dir(p.config), out, errs
	return c
}

func (p *permitted) run(args ...string) (code int, stdout, stderr string) {
	p.t.Helper()
	var out, errs bytes.Buffer
	err := p.command(&out, &errs, args...).Run()
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		code = exit.ExitCode()
	} else {
		p.must(nil, err)
	}
	return code, out.String(), errs.String()
}

// documents are the policies of stages, by provider.
func (p *permitted) documents(stages, customer string) map[string][]permissionDocument {
	p.t.Helper()
	args := []string{"permissions", "--stage", stages, "-o", "json", "--to", p.to(), "--customer", customer}
	if customer == "" {
		args = []string{"permissions", "--stage", stages, "-o", "json"}
	}
	code, out, errs := p.run(args...)
	if code != 0 {
		p.t.Fatalf("%v: exit code %d\n%s", args, code, errs)
	}
	var list []permissionDocument
	if err := json.Unmarshal([]byte(out), &list); err != nil {
		p.t.Fatalf("%v in\n%s", err, out)
	}
	by := make(map[string][]permissionDocument)
	for _, d := range list {
		if d.Placeholders {
			p.t.Errorf("%s: the %s has placeholders", stages, d.End)
		}
		by[d.Provider] = append(by[d.Provider], d)
	}
	return by
}

// to is where customers go: to the last provider's region in Ireland.
func (p *permitted) to() string { return p.users[len(p.users)-1] + ":eu-west-1" }

// allow gives a provider's user what documents allow, or everything.
func (p *permitted) allow(user string, documents []permissionDocument) {
	p.t.Helper()
	var all []iam.Statement
	for _, d := range documents {
		for _, s := range d.Policy.Statement {
			s.Sid = d.End + s.Sid
			all = append(all, s)
		}
	}
	if len(all) == 0 {
		all = []iam.Statement{iam.Allow("Nothing", []string{"sts:GetCallerIdentity"}, []string{"*"})}
	}
	text, err := iam.NewPolicy(all).JSON()
	p.must(nil, err)
	p.must(nil, p.amazon.SetPolicy(user, string(text)))
}

// stage runs a command under exactly the policies of these stages.
func (p *permitted) stage(stages, customer string, want int, args ...string) string {
	p.t.Helper()
	by := p.documents(stages, customer)
	for _, user := range p.users {
		p.allow(user, by[user])
	}
	p.amazon.Forget()
	if customer != "" {
		args = append(args, "--customer", customer)
	}
	code, out, errs := p.run(args...)
	if code != want && want != anyCode {
		p.t.Errorf("%s: residency %s: exit code %d, want %d\n%s%s", stages, strings.Join(args, " "), code, want, out, errs)
	}
	used := make(map[string][]string)
	for _, user := range p.users {
		used[user] = p.amazon.UsedOn(user)
		for _, d := range p.amazon.Denied(user) {
			if strings.Contains(stages, "fence") && strings.Contains(d, objectstore.ProbePrefix) {
				used[user] = append(used[user], d) // by the fence, which is what was to be seen
				continue
			}
			p.t.Errorf("%s, provider %s: denied %s", stages, user, d)
		}
		for _, h := range p.amazon.Hidden(user) {
			if !strings.Contains(stages, "copy") {
				break // no other looks at tags and locks
			}
			p.t.Errorf("%s, provider %s: hidden for want of %s", stages, user, h)
		}
	}
	for stage := range strings.SplitSeq(stages, ",") {
		for user, documents := range p.documents(stage, customer) {
			p.unused(stage, documents, used[user])
		}
	}
	if id := regexp.MustCompile(`"(?:id|plan)": "([a-z0-9-]+-([0-9a-f]{12}))"`).FindStringSubmatch(out); id != nil {
		p.plan, p.digest = id[1], id[2]
	}
	return out
}

// unused keeps what no run of a stage so far has used.
func (p *permitted) unused(stage string, documents []permissionDocument, used []string) {
	if p.idle[stage] == nil {
		p.idle[stage] = make(map[string]bool)
	}
	for _, d := range documents {
		for _, s := range d.Policy.Statement {
			for _, action := range s.Action {
				name := d.End + " " + s.Sid + " " + action
				idle, known := p.idle[stage][name]
				p.idle[stage][name] = (!known || idle) && !slices.ContainsFunc(used, func(u string) bool {
					what, on, _ := strings.Cut(u, " ")
					return what == action && slices.ContainsFunc(s.Resource, func(r string) bool { return iam.Matches(r, on) })
				})
			}
		}
	}
}

// anyCode is for a run that is stopped.
const anyCode = -1

// TestPermissions runs each stage under exactly the policies that are printed for
// it, with all that a migration can meet. Nothing may be denied, nothing hidden, and
// no action may be there that nothing uses.
func TestPermissions(t *testing.T) {
	idle := map[string]map[string]bool{}
	t.Run("between two providers", func(t *testing.T) { streamedStages(newPermitted(t, idle, "us", "eu")) })
	t.Run("within one", func(t *testing.T) { copiedStages(newPermitted(t, idle, "aws")) })
	for _, name := range slices.Sorted(maps.Keys(idle)) {
		for _, use := range slices.Sorted(maps.Keys(idle[name])) {
			if idle[name][use] {
				t.Errorf("%s: nothing uses %s", name, use)
			}
		}
	}
}

// newPermitted has one provider, or one for the source and one for the destination,
// and its state in a bucket at the destination.
func newPermitted(t *testing.T, idle map[string]map[string]bool, providers ...string) *permitted {
	t.Helper()
	p := &permitted{t: t, idle: idle, users: providers}
	var users []amazon.User
	credentials, config := "", "version: 1\n"
	for i, name := range providers {
		account := strings.Repeat(fmt.Sprint(i+1), 12)
		users = append(users, amazon.User{Name: name, Account: account, AccessKey: "AKIA" + strings.ToUpper(name), SecretKey: "secret of " + name},
			amazon.User{Name: "owner of " + name, Account: account, Root: true})
		credentials += fmt.Sprintf("[%s]\naws_access_key_id = AKIA%s\naws_secret_access_key = secret of %s\n", name, strings.ToUpper(name), name)
		regions := map[int]string{0: "us-east-1", 1: "eu-west-1"}[i]
		if len(providers) == 1 {
			regions = "us-east-1, eu-west-1"
		}
		config += map[int]string{0: "providers:\n"}[i] + fmt.Sprintf("  %s: {type: aws, profile: %s, regions: [%s]}\n", name, name, regions)
	}
	p.amazon = amazon.Start(t, amazon.Options{Users: users})
	dir := t.TempDir()
	p.config = filepath.Join(dir, "residency.yaml")
	from := providers[0]
	config += "state: " + providers[len(providers)-1] + ":ci-state/here\ncustomers:\n" +
		fmt.Sprintf("  acme: {data: [%[1]q, %[2]q, %[3]q]}\n", from+":acme-prod", from+":acme-plain", from+":shared/tenants/acme/") +
		fmt.Sprintf("  vault: {data: [%q]}\n  late: {data: [%q, %q]}\n", from+":vault", from+":late", from+":late-plain") +
		fmt.Sprintf("  lists: {data: [%q, %q]}\ndestination: {kms_key: %q}\n", from+":lists", from+":lists-plain", p.key("eu-west-1"))
	p.must(nil, os.WriteFile(p.config, []byte(config), 0o600))
	p.must(nil, os.WriteFile(filepath.Join(dir, "credentials"), []byte(credentials), 0o600))
	p.env = append(os.Environ(), p.amazon.Env(providers[0])...)
	p.env = append(p.env, "AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=", "AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(dir, "credentials"), "RESIDENCY_CONFIG=", "GORACE=atexit_sleep_ms=0")
	p.bucket("eu-west-1", "ci-state", false)
	p.encrypt("eu-west-1", "ci-state")
	return p
}

// client is that of the account that owns a region's buckets.
func (p *permitted) client(region string) *s3.Client {
	if region == "us-east-1" {
		return p.amazon.ClientAs("owner of "+p.users[0], region)
	}
	return p.amazon.ClientAs("owner of "+p.users[len(p.users)-1], region)
}

func (p *permitted) bucket(region, name string, versioned bool) {
	p.t.Helper()
	c, in := p.client(region), &s3.CreateBucketInput{Bucket: &name}
	if region != "us-east-1" {
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(region)}
	}
	p.must(c.CreateBucket(p.t.Context(), in))
	if versioned {
		p.must(c.PutBucketVersioning(p.t.Context(), &s3.PutBucketVersioningInput{Bucket: &name, VersioningConfiguration: enabled()}))
	}
}

func enabled() *types.VersioningConfiguration {
	return &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}
}

// key is the customer's key of KMS in a region.
func (p *permitted) key(region string) string {
	account := strings.Repeat("1", 12)
	if region != "us-east-1" {
		account = strings.Repeat(fmt.Sprint(len(p.users)), 12)
	}
	return "arn:aws:kms:" + region + ":" + account + ":key/own-" + region
}

// encrypt has a bucket encrypt with the customer's key.
func (p *permitted) encrypt(region, bucket string) {
	p.t.Helper()
	p.must(p.client(region).PutBucketEncryption(p.t.Context(), &s3.PutBucketEncryptionInput{Bucket: &bucket, ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{
		Rules: []types.ServerSideEncryptionRule{{ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{
			SSEAlgorithm: types.ServerSideEncryptionAwsKms, KMSMasterKeyID: aws.String(p.key(region))}}},
	}}))
}

func (p *permitted) put(bucket, key, text string, with func(*s3.PutObjectInput)) {
	p.t.Helper()
	in := &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: strings.NewReader(text), ChecksumAlgorithm: types.ChecksumAlgorithmCrc32}
	if with != nil {
		with(in)
	}
	p.must(p.client("us-east-1").PutObject(p.t.Context(), in))
}

// parts puts an object of two parts.
func (p *permitted) parts(bucket, key string) {
	p.t.Helper()
	c, ctx := p.client("us-east-1"), p.t.Context()
	up, err := c.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &bucket, Key: &key, Tagging: aws.String("large=yes")})
	p.must(up, err)
	var done []types.CompletedPart
	for n := range int32(2) {
		part, err := c.UploadPart(ctx, &s3.UploadPartInput{Bucket: &bucket, Key: &key, UploadId: up.UploadId, PartNumber: aws.Int32(n + 1),
			Body: bytes.NewReader(bytes.Repeat([]byte{byte('a' + n)}, 5<<20))})
		p.must(part, err)
		done = append(done, types.CompletedPart{PartNumber: aws.Int32(n + 1), ETag: part.ETag})
	}
	p.must(c.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: &bucket, Key: &key, UploadId: up.UploadId,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: done}}))
}

// begin leaves an unfinished upload.
func (p *permitted) begin(region, bucket, key string) {
	p.t.Helper()
	p.must(p.client(region).CreateMultipartUpload(p.t.Context(), &s3.CreateMultipartUploadInput{Bucket: &bucket, Key: &key}))
}

const endedLease = `{"schema":"residency/lease/1","holder":"an earlier migration","token":1,"expires":"0001-01-01T00:00:00Z"}`

// fill makes the sources of customer acme.
func (p *permitted) fill() {
	c, ctx := p.client("us-east-1"), p.t.Context()
	for _, b := range []string{"acme-prod", "acme-plain", "shared"} {
		p.bucket("us-east-1", b, false)
	}
	p.encrypt("us-east-1", "acme-prod")
	p.put("acme-prod", "tenants/acme/null", "before versions", nil)
	p.must(c.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: aws.String("acme-prod"), VersioningConfiguration: enabled()}))
	for _, b := range []string{"acme-prod", "acme-plain", "shared"} {
		for i := range 3 {
			p.put(b, fmt.Sprintf("tenants/acme/%d", i), fmt.Sprint(b, i), func(in *s3.PutObjectInput) {
				in.Tagging, in.Metadata = aws.String("a=b"), map[string]string{"m": "1"}
			})
		}
		p.parts(b, "tenants/acme/large")
		p.begin("us-east-1", b, "tenants/acme/unfinished")
		p.must(c.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{Bucket: &b, Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("team"), Value: aws.String("x")}}}}))
	}
	p.must(c.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String("acme-prod"), Key: aws.String("tenants/acme/1")}))
	p.put("shared", "tenants/other/1", "not theirs", nil)
	p.put("shared", objectstore.LeaseName("tenants/")+"/"+objectstore.LeaseFile, endedLease, nil) // of keys that overlap
	p.must(c.PutBucketRequestPayment(ctx, &s3.PutBucketRequestPaymentInput{Bucket: aws.String("acme-prod"), RequestPaymentConfiguration: &types.RequestPaymentConfiguration{Payer: types.PayerRequester}}))
	p.must(c.PutBucketLifecycleConfiguration(ctx, &s3.PutBucketLifecycleConfigurationInput{Bucket: aws.String("acme-prod"), LifecycleConfiguration: &types.BucketLifecycleConfiguration{Rules: []types.LifecycleRule{{
		ID: aws.String("tidy"), Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("")}, AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(7)}}}}}))
	p.must(c.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: aws.String("acme-prod"), Policy: aws.String(noTorrents("acme-prod"))}))
	p.must(c.PutBucketCors(ctx, &s3.PutBucketCorsInput{Bucket: aws.String("acme-prod"), CORSConfiguration: &types.CORSConfiguration{CORSRules: []types.CORSRule{{AllowedMethods: []string{"GET"}, AllowedOrigins: []string{"*"}}}}}))
	p.must(c.PutBucketWebsite(ctx, &s3.PutBucketWebsiteInput{Bucket: aws.String("acme-prod"), WebsiteConfiguration: &types.WebsiteConfiguration{IndexDocument: &types.IndexDocument{Suffix: aws.String("i")}}}))
	for _, b := range []string{"acme-plain", "acme-prod"} {
		p.put(b, objectstore.LeaseName("tenants/")+"/"+objectstore.LeaseFile, endedLease, nil)
	}
}

// streamedStages runs the stages between two services.
func streamedStages(p *permitted) {
	p.fill()
	p.stage("inventory", "", 0, "inventory")
	p.stage("inventory", "acme", 0, "inventory")
	p.stage("plan", "acme", 0, "plan", "--to", p.to(), "-o", "json")
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
	p.must(p.client("eu-west-1").PutBucketVersioning(p.t.Context(), &s3.PutBucketVersioningInput{Bucket: aws.String("ci-state"), VersioningConfiguration: enabled()}))
	p.lateStages()
	p.listedStages()
}

// listedStages moves what has access control lists, and is stopped in between.
func (p *permitted) listedStages() {
	c, ctx := p.client("us-east-1"), p.t.Context()
	for _, b := range []string{"lists", "lists-plain"} {
		p.bucket("us-east-1", b, b == "lists")
		p.must(c.PutBucketOwnershipControls(ctx, &s3.PutBucketOwnershipControlsInput{Bucket: &b, OwnershipControls: &types.OwnershipControls{
			Rules: []types.OwnershipControlsRule{{ObjectOwnership: types.ObjectOwnershipObjectWriter}}}}))
		p.must(c.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{Bucket: &b, PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{BlockPublicPolicy: aws.Bool(true)}}))
		p.put(b, "shown", "shown", func(in *s3.PutObjectInput) {
			in.GrantRead = aws.String(`uri="http://acs.amazonaws.com/groups/global/AuthenticatedUsers"`)
		})
		p.parts(b, "large")
	}
	p.stage("plan", "lists", 0, "plan", "--to", p.to(), "-o", "json")
	p.stopAt("UploadPart", "", 2)
	p.stage("copy", "lists", anyCode, "migrate", "--plan", p.plan, "--approve", p.digest, "--keep-source")
	p.amazon.SetFault(nil)
	p.stage("copy", "lists", 0, "migrate", "--plan", p.plan, "--approve", p.digest, "--keep-source")
	p.stage("verify", "lists", 0, "verify", "--plan", p.plan)
	p.stage("erase", "lists", 0, "erase", "--plan", p.plan, "--approve", p.digest)
}

// lockedStages moves what is under locks.
func (p *permitted) lockedStages() {
	p.must(p.client("us-east-1").CreateBucket(p.t.Context(), &s3.CreateBucketInput{Bucket: aws.String("vault"), ObjectLockEnabledForBucket: aws.Bool(true)}))
	p.put("vault", "held", "held", func(in *s3.PutObjectInput) { in.ObjectLockLegalHoldStatus = types.ObjectLockLegalHoldStatusOn })
	p.put("vault", "kept", "kept", func(in *s3.PutObjectInput) {
		in.ObjectLockMode, in.ObjectLockRetainUntilDate = types.ObjectLockModeGovernance, aws.Time(time.Now().Add(time.Hour))
	})
	p.put("vault", "free", "free", nil)
	p.stage("plan", "vault", 0, "plan", "--to", p.to(), "-o", "json")
	p.stage("copy", "vault", 0, "migrate", "--plan", p.plan, "--approve", p.digest, "--keep-source")
	p.stage("erase", "vault", 6, "erase", "--plan", p.plan, "--approve", p.digest)
}

// lateStages moves into a bucket that is there and one that is not, puts up fences
// and takes all back.
func (p *permitted) lateStages() {
	for _, b := range []string{"late", "late-plain"} {
		p.bucket("us-east-1", b, b == "late")
		p.put(b, "k", "late", nil)
	}
	p.must(p.client("us-east-1").PutBucketPolicy(p.t.Context(), &s3.PutBucketPolicyInput{Bucket: aws.String("late"), Policy: aws.String(noTorrents("late"))}))
	p.encrypt("us-east-1", "late-plain")
	p.bucket("eu-west-1", "late-eu-west-1", true)
	p.encrypt("eu-west-1", "late-eu-west-1")
	p.begin("eu-west-1", "late-eu-west-1", objectstore.MarkKey)
	p.stage("plan", "late", 0, "plan", "--to", p.to(), "-o", "json")
	// The fence of one bucket comes into force after it was tried once.
	fence := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Sid":"ResidencyFence%s","Effect":"Deny","Principal":"*","Action":"s3:PutObject","Resource":"arn:aws:s3:::late-plain/*"}]}`, p.digest)
	tried := false
	p.amazon.SetFault(func(r amazon.Request) amazon.Fault {
		switch {
		case r.Bucket != "late-plain" || strings.HasPrefix(r.User, "owner") || tried:
		case r.Operation == "PutBucketPolicy":
			return amazon.Fault{Status: 204}
		case r.Operation == "AbortMultipartUpload":
			tried = true
			p.must(p.client("us-east-1").PutBucketPolicy(p.t.Context(), &s3.PutBucketPolicyInput{Bucket: aws.String("late-plain"), Policy: &fence}))
		}
		return amazon.Fault{}
	})
	p.stage("copy,fence", "late", 0, "migrate", "--plan", p.plan, "--approve", p.digest, "--keep-source", "--fence")
	p.stopAt("DeleteObjects", "late-eu-west-1", 1) // a probe is left
	p.stage("copy", "late", anyCode, "migrate", "--plan", p.plan, "--approve", p.digest, "--keep-source")
	p.amazon.SetFault(nil)
	p.stage("abort,fence", "late", 0, "migrate", "--abort", p.plan, "--approve", p.digest)
}

func noTorrents(bucket string) string {
	return `{"Version":"2012-10-17","Statement":[{"Sid":"NoTorrents","Effect":"Deny","Principal":"*","Action":"s3:GetObjectTorrent","Resource":"arn:aws:s3:::` + bucket + `/*"}]}`
}

// stopAt has the service refuse the credentials from the n-th request of an operation
// on, of those to one bucket if it is named.
func (p *permitted) stopAt(operation, bucket string, n int64) {
	var seen atomic.Int64
	p.amazon.SetFault(func(r amazon.Request) amazon.Fault {
		if r.Operation != operation || bucket != "" && r.Bucket != bucket || strings.HasPrefix(r.User, "owner") || seen.Add(1) < n {
			return amazon.Fault{}
		}
		return amazon.Fault{Status: 403, Code: "ExpiredToken"}
	})
}

// copiedStages runs them within one provider, whose service copies.
func copiedStages(p *permitted) {
	p.fill()
	p.stage("inventory", "acme", 0, "inventory")
	p.stage("plan", "acme", 0, "plan", "--to", p.to(), "-o", "json")
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
	p.stage("plan", "acme", 0, "plan", "--to", p.to(), "-o", "json")
	p.stage("copy", "acme", 0, "migrate", "--plan", p.plan, "--approve", p.digest, "--keep-source")
	p.stage("inventory", "acme", 0, "inventory")
	p.stage("verify", "acme", 0, "verify", "--plan", p.plan, "--verify", "readback")
	p.stage("erase", "acme", 0, "erase", "--plan", p.plan, "--approve", p.digest)
}
