package s3store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/residency/residency/inventory/objectstore"
)

// What the environment or a profile puts in Amazon's place is not taken for
// Amazon, unless it is Amazon's own.
func TestAmbientEndpoints(t *testing.T) {
	profile := func(lines string) string {
		return "[profile there]\n" + lines
	}
	for _, tt := range []struct {
		name    string
		env     map[string]string
		profile string
		options Options
		said    string // in the refusal; empty: allowed
	}{
		{name: "none"},
		{name: "all services", env: map[string]string{"AWS_ENDPOINT_URL": "http://127.0.0.1:9000"},
			said: "gives S3 the endpoint http://127.0.0.1:9000, which is not Amazon's"},
		{name: "S3", env: map[string]string{"AWS_ENDPOINT_URL_S3": "https://s3.example.net"}, said: "https://s3.example.net"},
		{name: "STS", env: map[string]string{"AWS_ENDPOINT_URL_STS": "https://sts.example.net"},
			said: "gives STS the endpoint https://sts.example.net"},
		{name: "STS that is not asked", env: map[string]string{"AWS_ENDPOINT_URL_STS": "https://sts.example.net"},
			options: Options{Account: "123456789012"}},
		{name: "a password", env: map[string]string{"AWS_ENDPOINT_URL_S3": "https://me:secret@s3.example.net/x?y"},
			said: "the endpoint https://s3.example.net, which"},
		{name: "no URL", env: map[string]string{"AWS_ENDPOINT_URL_S3": "s3.example.net"}, said: "no URL"},
		{name: "profile", profile: profile("endpoint_url = http://127.0.0.1:9000\n"), said: "http://127.0.0.1:9000"},
		{name: "profile's service", profile: profile(
			"services = here\n[services here]\ns3 =\n  endpoint_url = http://127.0.0.1:9001\n"), said: "http://127.0.0.1:9001"},
		{name: "ignored by the environment", env: map[string]string{"AWS_ENDPOINT_URL": "http://127.0.0.1:9000",
			"AWS_ENDPOINT_URL_S3": "http://127.0.0.1:9000", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"}},
		{name: "ignored by the profile", profile: profile(
			"endpoint_url = http://127.0.0.1:9000\nignore_configured_endpoint_urls = true\n")},
		{name: "VPC endpoint",
			env: map[string]string{"AWS_ENDPOINT_URL_S3": "https://bucket.vpce-0a1b2c-d3e4.s3.eu-west-1.vpce.amazonaws.com"}},
		{name: "China", env: map[string]string{"AWS_ENDPOINT_URL_S3": "https://s3.cn-north-1.amazonaws.com.cn"}},
		{name: "dual stack", env: map[string]string{"AWS_ENDPOINT_URL_S3": "https://s3.eu-west-1.api.aws"}},
		{name: "Amazon's STS", env: map[string]string{"AWS_ENDPOINT_URL_STS": "https://sts.eu-west-1.amazonaws.com"}},
		{name: "like Amazon's", env: map[string]string{"AWS_ENDPOINT_URL_S3": "https://s3.amazonaws.com.example.net"},
			said: "not Amazon's"},
		{name: "a load balancer at Amazon",
			env:  map[string]string{"AWS_ENDPOINT_URL_S3": "https://minio-1a2b.eu-west-1.elb.amazonaws.com"},
			said: "not Amazon's"},
		{name: "ends like Amazon's", env: map[string]string{"AWS_ENDPOINT_URL_S3": "https://notamazonaws.com"},
			said: "not Amazon's"},
		{name: "configured", env: map[string]string{"AWS_ENDPOINT_URL": "http://127.0.0.1:9000"},
			options: Options{Endpoint: "http://127.0.0.1:9001"}},
		{name: "configured for one region of two", env: map[string]string{"AWS_ENDPOINT_URL": "http://127.0.0.1:9000"},
			options: Options{Endpoints: map[string]string{"a": "http://127.0.0.1:9001", "b": ""}}, said: "not Amazon's"},
		{name: "every region configured", env: map[string]string{"AWS_ENDPOINT_URL": "http://127.0.0.1:9000"},
			options: Options{Endpoints: map[string]string{"a": "http://127.0.0.1:9001"}}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "config")
			if err := os.WriteFile(file, []byte(tt.profile), 0o600); err != nil {
				t.Fatal(err)
			}
			t.Setenv("AWS_CONFIG_FILE", file)
			t.Setenv("AWS_SHARED_CREDENTIALS_FILE", file+".none")
			o := tt.options
			o.Name, o.Amazon = "aws", true
			if tt.profile != "" {
				o.Profile = "there"
			}
			for name, value := range tt.env {
				t.Setenv(name, value)
			}
			_, err := Open(t.Context(), o)
			switch {
			case tt.said == "" && err != nil:
				t.Errorf("Open = %v", err)
			case tt.said != "" && (!errors.Is(err, objectstore.ErrAmbient) || !strings.Contains(err.Error(), tt.said) ||
				strings.Contains(err.Error(), "secret")):
				t.Errorf("Open = %v, want ErrAmbient with %q", err, tt.said)
			}
		})
	}
}
