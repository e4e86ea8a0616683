package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// box is a running sandbox as its users see it.
type box struct {
	dir     string
	regions []server
	clouds  *clouds // nil: none
}

type server struct {
	region, endpoint string
	pid              int
}

func newBox(dir string, children []*child) *box {
	b := &box{dir: dir}
	for _, c := range children {
		b.regions = append(b.regions, server{c.region, c.endpoint, c.cmd.Process.Pid})
	}
	return b
}

func (b *box) path(name string) string { return filepath.Join(b.dir, name) }

// client talks to one region.
func (b *box) client(region string) (*s3.Client, error) {
	for _, s := range b.regions {
		if s.region == region {
			return s3.New(s3.Options{
				Region: region, BaseEndpoint: aws.String(s.endpoint), UsePathStyle: true,
				Credentials:                credentials.NewStaticCredentialsProvider(accessKey, secretKey, ""),
				RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
				ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
			}), nil
		}
	}
	return nil, fmt.Errorf("no region %s in this sandbox", region)
}

// environment is what a user of the sandbox needs to have set.
func (b *box) environment() [][2]string {
	return append([][2]string{
		{"AWS_SHARED_CREDENTIALS_FILE", b.path("credentials")},
		{"AWS_PROFILE", "sandbox"},
		{"AWS_REGION", "us-east-1"},
		{"AWS_EC2_METADATA_DISABLED", "true"},
		{"RESIDENCY_METADATA", "off"}, // where the sandbox stands says nothing of where the samples would be
		{"RESIDENCY_CONFIG", b.path("residency.yaml")},
	}, b.clouds.environment()...)
}

// programs is the directory of this program, if residency is there too, as make build
// leaves them.
func programs() (string, bool) {
	self, err := os.Executable()
	if err != nil {
		return "", false
	}
	dir := filepath.Dir(self)
	_, err = os.Stat(filepath.Join(dir, "residency"+filepath.Ext(self)))
	return dir, err == nil
}

// quoted is a text as a shell takes it for one word.
func quoted(text string) string { return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'" }

const profile = "[%s]\naws_access_key_id = %s\naws_secret_access_key = %s\n"

func (b *box) write(samples bool) error {
	var env strings.Builder
	for _, kv := range b.environment() {
		fmt.Fprintf(&env, "export %s=%s\n", kv[0], quoted(kv[1]))
	}
	if dir, ok := programs(); ok {
		fmt.Fprintf(&env, "export PATH=%s:\"$PATH\"\n", quoted(dir))
	}
	type regionInfo struct {
		Endpoint string `json:"endpoint"`
		PID      int    `json:"pid"`
	}
	info := map[string]any{"access_key": accessKey, "secret_key": secretKey, "tenant_access_key": tenantKey,
		"tenant_secret_key": tenantSecret, "config": b.path("residency.yaml"), "credentials": b.path("credentials"),
		"dir": b.dir}
	regions := map[string]regionInfo{}
	for _, s := range b.regions {
		regions[s.region] = regionInfo{s.endpoint, s.pid}
	}
	info["regions"] = regions
	further := map[string]string{}
	for _, kv := range b.clouds.environment() {
		further[kv[0]] = kv[1]
	}
	info["environment"] = further // besides that of AWS
	b.clouds.describe(info)
	encoded, err := json.MarshalIndent(info, "", "  ")
	if err != nil {
		return err
	}
	for name, text := range map[string]string{
		"residency.yaml": b.config(samples),
		"credentials": fmt.Sprintf(profile, "sandbox", accessKey, secretKey) + fmt.Sprintf(profile, "tenant", tenantKey,
			tenantSecret),
		"env":          env.String(),
		"sandbox.json": string(encoded) + "\n",
	} {
		if err := os.WriteFile(b.path(name), []byte(text), 0o600); err != nil {
			return err
		}
	}
	return nil
}

func (b *box) config(samples bool) string {
	var c strings.Builder
	fmt.Fprintf(&c, "version: 1\nstate: %s\nproviders:\n  cloud:\n    type: s3\n    profile: sandbox\n    operator: "+
		"{name: \"Example Cloud Inc.\", country: US}\n    regions:\n", b.path("state"))
	for _, s := range b.regions {
		fmt.Fprintf(&c, "      %s: {endpoint: %s}\n", s.region, s.endpoint)
	}
	c.WriteString(b.clouds.providers())
	if b.clouds != nil && b.clouds.azure != nil {
		c.WriteString("destination:\n  accounts: {northeurope: acmene}\n")
	}
	c.WriteString("policy:\n  allowed: [EU]\ndiscovery:\n  bucket_tag: customer\ncustomers:\n")
	if !samples {
		c.WriteString("  acme:\n    data: [\"cloud:acme-prod\"]\n")
		return c.String()
	}
	c.WriteString(`  acme:
    data:
      - cloud:acme-prod
      - cloud:acme-archive
      - cloud:shared-uploads/tenants/acme/
` + b.clouds.data() + `  globex:
    data:
      - cloud:globex-data
      - cloud:shared-uploads/tenants/globex/
  initech:
    data:
      - cloud:initech-eu
      - cloud:shared-uploads/tenants/acme2/
`)
	return c.String()
}

func (b *box) explain(w io.Writer, samples bool) {
	fmt.Fprintln(w, "S3 servers on this machine:")
	for _, s := range b.regions {
		fmt.Fprintf(w, "  %-16s %s\n", s.region, s.endpoint)
	}
	env := b.path("env")
	if strings.ContainsAny(env, " \t'\"$`\\&;()<>|*?#~") {
		env = quoted(env)
	}
	fmt.Fprintf(w, "\nIn another terminal, as they are (the first line sets the PATH too):\n  . %s\n"+
		"  residency inventory\n",
		env)
	if _, ok := programs(); !ok {
		fmt.Fprintln(w, "  # residency is not beside this program: it has to be on the PATH")
	}
	if samples {
		fmt.Fprintln(w, "  residency plan --to eu-west --customer acme\n  residency migrate --to eu-west --customer acme")
	}
	fmt.Fprintln(w, "\nStop with Ctrl-C.")
}
