package s3store_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/s3store"
	"github.com/residency/residency/inventory/objectstore/storetest/amazon"
)

// Who is asked what is of no region is one of those that are configured, or what the
// environment or the profile names, before it is Amazon's oldest.
func TestHome(t *testing.T) {
	profiles := filepath.Join(t.TempDir(), "config")
	if err := os.WriteFile(profiles, []byte("[profile bavaria]\nregion = eu-central-1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CONFIG_FILE", profiles)
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	for _, tt := range []struct {
		name, configured, environment, profile, want string
		other                                        bool // not Amazon
	}{
		{name: "nothing known", want: "us-east-1"},
		{name: "environment", environment: "eusc-de-east-1", want: "eusc-de-east-1"},
		{name: "environment names a partition", environment: "aws-global", want: "us-east-1"},
		{name: "profile", profile: "bavaria", want: "eu-central-1"},
		{name: "environment before profile", profile: "bavaria", environment: "eu-west-3", want: "eu-west-3"},
		{name: "configured", configured: "eu-west-3 eu-west-1", want: "eu-west-1"},
		{name: "configured before environment", configured: "eu-west-3 eu-west-1", environment: "us-east-1",
			want: "eu-west-1"},
		{name: "environment among the configured", configured: "eu-west-3 eu-west-1", environment: "eu-west-3",
			want: "eu-west-3"},
		{name: "outside of the United States", configured: "us-east-1 sa-east-1 us-west-2", want: "sa-east-1"},
		{name: "inside alone", configured: "us-west-2 us-west-1", want: "us-west-1"},
		{name: "China", configured: "cn-northwest-1", want: "cn-northwest-1"},
		{name: "GovCloud", configured: "us-gov-west-1", want: "us-gov-west-1"},
		{name: "another service's regions are none of Amazon's", configured: "gra", want: "us-east-1", other: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("AWS_REGION", tt.environment)
			endpoints := make(map[string]string)
			for _, code := range strings.Fields(tt.configured) {
				endpoints[code] = ""
			}
			p, err := s3store.Open(t.Context(), s3store.Options{Name: "aws", Amazon: !tt.other, Profile: tt.profile,
				Endpoints: endpoints})
			if err != nil {
				t.Fatal(err)
			}
			if p.Home() != tt.want {
				t.Errorf("home %s, want %s", p.Home(), tt.want)
			}
			if s := p.Region(""); !strings.Contains(s.URL(), tt.want) {
				t.Errorf("asks %s, want %s", s.URL(), tt.want)
			}
		})
	}
}

// Where a bucket is, is read off the answer of whichever region is asked; nobody else
// is asked then. What is denied in the right region stays denied, and says which.
func TestBucketRegion(t *testing.T) {
	server := amazon.Start(t, amazon.Options{Users: []amazon.User{{Name: "nobody"}}})
	if _, err := server.Client("us-east-1").CreateBucket(t.Context(),
		&s3.CreateBucketInput{Bucket: aws.String("here")}); err != nil {
		t.Fatal(err)
	}
	if _, err := server.Client("eu-west-1").CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("there"),
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "eu-west-1"}}); err != nil {
		t.Fatal(err)
	}
	open := func(user string) *s3store.Provider {
		server.Setenv(t, user)
		p, err := s3store.Open(t.Context(), s3store.Options{Name: "aws", Amazon: true, Account: "111122223333",
			Proxy: server.Through})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	root, nobody := open("root"), open("nobody")
	server.Forget()
	for _, tt := range []struct {
		p                  *s3store.Provider
		ask, bucket, where string
	}{
		{root, "us-east-1", "here", "us-east-1"}, {root, "us-east-1", "there", "eu-west-1"},
		{root, "eu-west-1", "here", "us-east-1"}, {nobody, "us-east-1", "there", "eu-west-1"},
	} {
		if got, err := tt.p.Region(tt.ask).BucketRegion(t.Context(), tt.bucket); err != nil || got != tt.where {
			t.Errorf("%s asked for %s: %q, %v; want %s", tt.ask, tt.bucket, got, err, tt.where)
		}
	}
	if _, err := root.Region("eu-west-1").BucketRegion(t.Context(), "nowhere"); !errors.Is(err, objectstore.ErrNotFound) {
		t.Errorf("no bucket: %v", err)
	}
	_, err := nobody.Region("eu-west-1").BucketRegion(t.Context(), "there")
	if !errors.Is(err, objectstore.ErrDenied) || !strings.Contains(err.Error(), "aws:there in eu-west-1") {
		t.Errorf("denied: %v", err)
	}
	server.Forget()
	if _, err := root.Region("eu-west-1").BucketRegion(t.Context(), "here"); err != nil {
		t.Fatal(err)
	}
	if hosts := server.Hosts(); slices.ContainsFunc(hosts,
		func(h string) bool { return strings.Contains(h, "us-east-1") }) {
		t.Errorf("asked %v to find out where a bucket is", hosts)
	}
	_, err = root.Region("eu-west-1").Versioning(t.Context(), "here")
	if !errors.Is(err, objectstore.ErrElsewhere) || !strings.Contains(err.Error(), "the bucket is in us-east-1") {
		t.Errorf("of another region: %v", err)
	}
}
