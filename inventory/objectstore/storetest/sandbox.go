package storetest

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// SandboxOptions says what a sandbox has in it. The zero value is the default
// regions without any bucket.
type SandboxOptions struct {
	Regions []string // default: the sandbox's own five
	Samples bool     // seed the sample customers
	Clouds  bool     // also have stand-ins for Azure and Google Cloud
	Scale   int      // so many times the plain objects in the samples; default 1
	Dir     string   // where it keeps its data; default: a temporary directory, removed at the end
}

// Sandbox is a set of running S3 servers on loopback, one per region.
type Sandbox struct {
	Dir             string // holds all its files
	ConfigPath      string // of a residency.yaml that names its regions
	CredentialsPath string // of an AWS credentials file with the profile sandbox
	AccessKey       string
	SecretKey       string
	Endpoints       map[string]string // by region: address without a trailing slash

	tenantKey, tenantSecret string
	further                 []string // of the environment, besides that of AWS

	processes []*process
	transport *http.Transport
	temporary bool           // remove Dir at the end
	roots     *x509.CertPool // that signed the servers' certificates; nil: plain http
}

// StartSandbox is Launch for a test: the sandbox ends with it, and its data
// lies in the test's temporary directory.
func StartSandbox(t testing.TB, opts SandboxOptions) *Sandbox {
	t.Helper()
	if opts.Dir == "" {
		opts.Dir = t.TempDir()
	}
	s, err := Launch(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Launch starts a sandbox and returns when all its servers answer. The first
// call in a process builds the sandbox program from this module's cmd/sandbox,
// unless RESIDENCY_SANDBOX names one. The context bounds the start only; the
// caller closes the sandbox.
func Launch(ctx context.Context, opts SandboxOptions) (*Sandbox, error) {
	if opts.Scale < 0 || opts.Scale > 1 && !opts.Samples {
		return nil, fmt.Errorf("sandbox: scale %d, samples %t; scale multiplies samples", opts.Scale, opts.Samples)
	}
	binary, err := sandboxBinary()
	if err != nil {
		return nil, err
	}
	s := &Sandbox{Dir: opts.Dir, transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64}}
	if s.Dir == "" {
		if s.Dir, err = os.MkdirTemp("", "residency-storetest-*"); err != nil {
			return nil, fmt.Errorf("sandbox: %w", err)
		}
		s.temporary = true
	}
	args := []string{"up", "--exit-on-stdin-close", "--dir", s.Dir, "--samples=" + strconv.FormatBool(opts.Samples)}
	if opts.Clouds {
		args = append(args, "--azure", "--gcs")
	}
	if len(opts.Regions) > 0 {
		args = append(args, "--regions", strings.Join(opts.Regions, ","))
	}
	if opts.Scale > 1 {
		args = append(args, "--scale", strconv.Itoa(opts.Scale))
	}
	p, err := startProcess(ctx, binary, args...)
	if err == nil {
		s.processes = append(s.processes, p)
		err = s.read()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("sandbox: %w", err), s.Close())
	}
	return s, nil
}

// Attach returns the running sandbox that keeps its data in dir. Closing it
// leaves the servers to whoever started them.
func Attach(dir string) (*Sandbox, error) {
	s := &Sandbox{Dir: dir, transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 64}}
	if err := s.read(); err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	return s, nil
}

// read fills in what the sandbox says of itself.
func (s *Sandbox) read() error {
	text, err := os.ReadFile(filepath.Join(s.Dir, "sandbox.json"))
	if err != nil {
		return err
	}
	var info struct {
		Regions map[string]struct {
			Endpoint string `json:"endpoint"`
		} `json:"regions"`
		Environment  map[string]string `json:"environment"`
		AccessKey    string            `json:"access_key"`
		SecretKey    string            `json:"secret_key"`
		TenantKey    string            `json:"tenant_access_key"`
		TenantSecret string            `json:"tenant_secret_key"`
		Config       string            `json:"config"`
		Credentials  string            `json:"credentials"`
		Dir          string            `json:"dir"`
	}
	if err := json.Unmarshal(text, &info); err != nil {
		return fmt.Errorf("sandbox.json: %w", err)
	}
	if len(info.Regions) == 0 || info.AccessKey == "" {
		return fmt.Errorf("sandbox.json: no regions or no access key in %s", text)
	}
	s.Dir, s.ConfigPath, s.CredentialsPath = info.Dir, info.Config, info.Credentials
	s.AccessKey, s.SecretKey = info.AccessKey, info.SecretKey
	s.tenantKey, s.tenantSecret = info.TenantKey, info.TenantSecret
	for _, name := range slices.Sorted(maps.Keys(info.Environment)) {
		s.further = append(s.further, name+"="+info.Environment[name])
	}
	s.Endpoints = map[string]string{}
	for region, r := range info.Regions {
		s.Endpoints[region] = strings.TrimSuffix(r.Endpoint, "/")
	}
	return nil
}

// Close stops the servers and returns when they have ended.
func (s *Sandbox) Close() error {
	s.transport.CloseIdleConnections() // a server waits for them
	var err error
	for _, p := range s.processes {
		err = errors.Join(err, p.stop())
	}
	if s.temporary {
		err = errors.Join(err, os.RemoveAll(s.Dir))
	}
	return err
}

// Tenant is the same sandbox seen by a user whom buckets' policies bind, as they
// do not bind root. Its profile in the credentials file is "tenant". It is not
// to be closed.
func (s *Sandbox) Tenant() *Sandbox {
	t := *s
	t.AccessKey, t.SecretKey, t.processes, t.temporary = s.tenantKey, s.tenantSecret, nil, false
	return &t
}

// Client returns a client of one region's server. It never retries and adds no
// checksums by itself. An unknown region is a mistake in the test: it panics.
func (s *Sandbox) Client(region string) *s3.Client {
	return s.ClientAt(region, s.endpoint(region))
}

// ClientAt is Client for a server reached by another address, such as a
// proxy's.
func (s *Sandbox) ClientAt(region, address string) *s3.Client {
	return s3.New(s3.Options{
		Region:                     region,
		BaseEndpoint:               &address,
		UsePathStyle:               true,
		Credentials:                credentials.NewStaticCredentialsProvider(s.AccessKey, s.SecretKey, ""),
		HTTPClient:                 &http.Client{Transport: s.transport},
		Retryer:                    aws.NopRetryer{},
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired,
		ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
	})
}

// Proxy starts a proxy in front of one region's server, able to sign with the
// sandbox's credentials. It ends with the test.
func (s *Sandbox) Proxy(t testing.TB, region string, opts ...ProxyOption) *Proxy {
	t.Helper()
	opts = append([]ProxyOption{WithSigner(s.AccessKey, s.SecretKey, region), withRoots(s.roots)}, opts...)
	return StartProxy(t, s.endpoint(region), opts...)
}

// Env returns the variables, as NAME=value, with which residency and other S3
// tools use the sandbox.
func (s *Sandbox) Env() []string {
	return append([]string{
		"AWS_SHARED_CREDENTIALS_FILE=" + s.CredentialsPath,
		"AWS_PROFILE=sandbox",
		"AWS_REGION=us-east-1",
		"AWS_EC2_METADATA_DISABLED=true",
		"RESIDENCY_METADATA=off",
		"RESIDENCY_CONFIG=" + s.ConfigPath,
	}, s.further...)
}

func (s *Sandbox) endpoint(region string) string {
	endpoint, ok := s.Endpoints[region]
	if !ok {
		panic(fmt.Sprintf("storetest: no region %q in this sandbox", region))
	}
	return endpoint
}
