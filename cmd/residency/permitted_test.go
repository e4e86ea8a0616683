package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/iam"
	"github.com/residency/residency/inventory/objectstore/storetest/amazon"
	"github.com/residency/residency/regions"
)

// world is where a migration goes from, and to: two regions.
type world struct{ from, at string }

// permitted is a migration whose every stage runs under the policies that
// `residency permissions` prints for it, each provider with a user of its own.
type permitted struct {
	t      *testing.T
	amazon *amazon.Server
	users  []string // who the providers are, by their names
	world
	config string
	env    []string
	idle   map[string]map[string]bool // by stage: what no run so far has used
	known  *regions.Catalog
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

// to is where customers go: to the last provider's region.
func (p *permitted) to() string { return p.users[len(p.users)-1] + ":" + p.at }

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

// without leaves what is optional out of documents.
func without(documents []permissionDocument) []permissionDocument {
	documents = slices.Clone(documents)
	for i, d := range documents {
		d.Policy.Statement = slices.DeleteFunc(slices.Clone(d.Policy.Statement), func(s iam.Statement) bool {
			return strings.HasSuffix(s.Sid, "Optional")
		})
		documents[i] = d
	}
	return documents
}

// bare runs a command under the policies of a stage without what is optional.
func (p *permitted) bare(stage, customer string, want int, args ...string) {
	p.t.Helper()
	by := p.documents(stage, customer)
	for _, user := range p.users {
		p.allow(user, without(by[user]))
	}
	if code, out, errs := p.run(append(args, "--customer", customer)...); code != want {
		p.t.Errorf("%s without what is optional: exit code %d, want %d\n%s%s", stage, code, want, out, errs)
	}
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
			if h == "s3:ListBucket arn:"+p.partition(p.from)+":s3:::shared" {
				continue // who may list a prefix alone is not told what is gone, and lists that
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
				name := d.End + " " + strings.TrimRight(s.Sid, "0123456789") + " " + action
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

// newPermitted has one provider, or one for the source and one for the destination,
// and its state in a bucket at the destination.
func newPermitted(t *testing.T, w world, providers ...string) *permitted {
	t.Helper()
	catalog, err := regions.Load()
	if err != nil {
		t.Fatal(err)
	}
	p := &permitted{t: t, idle: map[string]map[string]bool{}, users: providers, world: w, known: catalog}
	var users []amazon.User
	credentials, config := "", "version: 1\n"
	for i, name := range providers {
		account := strings.Repeat(fmt.Sprint(i+1), 12)
		key, in := "AKIA"+strings.ToUpper(name), p.partition([]string{p.from, p.at}[i])
		users = append(users,
			amazon.User{Name: name, Account: account, Partition: in, AccessKey: key, SecretKey: "secret-of-" + name},
			amazon.User{Name: "owner of " + name, Account: account, Partition: in, Root: true})
		credentials += fmt.Sprintf("[%s]\naws_access_key_id = %s\naws_secret_access_key = secret-of-%s\n", name, key, name)
		regions := map[int]string{0: p.from, 1: p.at}[i]
		if len(providers) == 1 {
			regions = p.from + ", " + p.at
		}
		config += map[int]string{0: "providers:\n"}[i] +
			fmt.Sprintf("  %s: {type: aws, profile: %s, not_used: %s, regions: [%s]}\n", name, name, notUsed, regions)
	}
	p.amazon = amazon.Start(t, amazon.Options{Regions: []string{p.from, p.at}, Users: users})
	dir := t.TempDir()
	p.config = filepath.Join(dir, "residency.yaml")
	config += "state: " + providers[len(providers)-1] + ":ci-state/here\ncustomers:\n" + strings.ReplaceAll(`
  acme: {data: ["@:acme-prod", "@:acme-plain", "@:shared/tenants/acme/", "@:kept/tenants/acme/"]}
  vault: {data: ["@:vault"]}
  late: {data: ["@:late", "@:late-plain"]}
  lists: {data: ["@:lists", "@:lists-plain"]}
  cold: {data: ["@:cold"]}
`, "@", providers[0]) + "destination: {kms_key: \"" + p.key(p.at) + "\"}\n"
	p.must(nil, os.WriteFile(p.config, []byte(config), 0o600))
	p.must(nil, os.WriteFile(filepath.Join(dir, "credentials"), []byte(credentials), 0o600))
	p.env = append(os.Environ(), p.amazon.Env(providers[0])...)
	// No lease is renewed while a stage runs, on however slow a machine: a renewal clears up
	// after one whose answer was lost.
	p.env = append(p.env, "RESIDENCY_LEASE_TERM=30m", "AWS_ACCESS_KEY_ID=", "AWS_SECRET_ACCESS_KEY=", "RESIDENCY_CONFIG=",
		"AWS_SHARED_CREDENTIALS_FILE="+filepath.Join(dir, "credentials"), "GORACE=atexit_sleep_ms=0")
	p.bucket(p.at, "ci-state", false)
	p.encrypt(p.at, "ci-state")
	return p
}

// partition is that of a region.
func (p *permitted) partition(region string) string {
	known, _ := p.known.Lookup("aws", region)
	return known.Partition
}

// client is that of the account that owns a region's buckets.
func (p *permitted) client(region string) *s3.Client {
	if region == p.from {
		return p.amazon.ClientAs("owner of "+p.users[0], region)
	}
	return p.amazon.ClientAs("owner of "+p.users[len(p.users)-1], region)
}

func (p *permitted) bucket(region, name string, versioned bool) {
	p.t.Helper()
	c, in := p.client(region), &s3.CreateBucketInput{Bucket: &name}
	if region != "us-east-1" {
		in.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(
			region)}
	}
	p.must(c.CreateBucket(p.t.Context(), in))
	if versioned {
		p.versions(region, name)
	}
}

// versions turns a bucket's versioning on.
func (p *permitted) versions(region, name string) {
	p.t.Helper()
	p.must(p.client(region).PutBucketVersioning(p.t.Context(), &s3.PutBucketVersioningInput{
		Bucket: &name, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	}))
}

// key is the customer's key of KMS in a region.
func (p *permitted) key(region string) string {
	account := strings.Repeat("1", 12)
	if region != p.from {
		account = strings.Repeat(fmt.Sprint(len(p.users)), 12)
	}
	return "arn:" + p.partition(region) + ":kms:" + region + ":" + account + ":key/own-" + region
}

// encrypt has a bucket encrypt with the customer's key.
func (p *permitted) encrypt(region, bucket string) {
	p.t.Helper()
	own := &types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAwsKms,
		KMSMasterKeyID: aws.String(p.key(region))}
	p.must(p.client(region).PutBucketEncryption(p.t.Context(), &s3.PutBucketEncryptionInput{
		Bucket: &bucket, ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{
			Rules: []types.ServerSideEncryptionRule{{ApplyServerSideEncryptionByDefault: own}},
		},
	}))
}

func (p *permitted) put(bucket, key, text string, with func(*s3.PutObjectInput)) {
	p.t.Helper()
	in := &s3.PutObjectInput{
		Bucket: &bucket, Key: &key, Body: strings.NewReader(text), ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
	}
	if with != nil {
		with(in)
	}
	p.must(p.client(p.from).PutObject(p.t.Context(), in))
}

// parts puts an object of two parts.
func (p *permitted) parts(bucket, key string) {
	p.t.Helper()
	c, ctx := p.client(p.from), p.t.Context()
	up, err := c.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &bucket, Key: &key,
		Tagging: aws.String("large=yes")})
	p.must(up, err)
	var done []types.CompletedPart
	for n := range int32(2) {
		part, err := c.UploadPart(ctx, &s3.UploadPartInput{Bucket: &bucket, Key: &key, UploadId: up.UploadId,
			PartNumber: aws.Int32(n + 1),
			Body:       bytes.NewReader(bytes.Repeat([]byte{byte('a' + n)}, 5<<20))})
		p.must(part, err)
		done = append(done, types.CompletedPart{PartNumber: aws.Int32(n + 1), ETag: part.ETag})
	}
	p.must(c.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: &bucket, Key: &key,
		UploadId:        up.UploadId,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: done}}))
}

// begin leaves an unfinished upload.
func (p *permitted) begin(region, bucket, key string) {
	p.t.Helper()
	p.must(p.client(region).CreateMultipartUpload(p.t.Context(), &s3.CreateMultipartUploadInput{Bucket: &bucket,
		Key: &key}))
}
