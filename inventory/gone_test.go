package inventory_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/residency/residency/inventory"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/s3store"
	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/regions"
)

const region = "eu-west-1"

// A bucket that is deleted between the list and its own turn is gone, and nothing is
// left to look at; one that the configuration names is missed.
func TestBucketDeletedMeanwhile(t *testing.T) {
	box := storetest.StartSandbox(t, storetest.SandboxOptions{Regions: []string{region}})
	client := box.Client(region)
	for _, name := range []string{"going", "named", "staying"} {
		if _, err := client.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(name)}); err != nil {
			t.Fatal(err)
		}
	}
	proxy := box.Proxy(t, region)
	proxy.SetFault(func(r storetest.Request) storetest.Fault {
		if r.Operation == "GetBucketVersioning" && r.Bucket != "staying" {
			if _, err := client.DeleteBucket(t.Context(), &s3.DeleteBucketInput{Bucket: &r.Bucket}); err != nil && r.N == 1 {
				t.Errorf("delete %s: %v", r.Bucket, err)
			}
		}
		return storetest.Fault{}
	})
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", box.CredentialsPath)
	inv := take(t, proxy.URL(), inventory.Request{
		Claims: []inventory.Claim{{Customer: "acme", Location: objectstore.Location{Provider: "cloud", Bucket: "named"}}},
	})
	gone := slices.ContainsFunc(inv.Findings, func(f inventory.Finding) bool {
		return f.Rule == "bucket-gone" && f.Severity == inventory.Note && f.Location == "cloud:going"
	})
	if !gone {
		t.Errorf("findings: %+v, want one that says that going is gone", inv.Findings)
	}
	var unread []string
	for _, c := range inv.Coverage {
		if !c.Looked {
			unread = append(unread, c.Bucket)
		}
	}
	if !slices.Equal(unread, []string{"named"}) {
		t.Errorf("not looked at: %v, want the bucket that the configuration names", unread)
	}
	if inv.Complete || inv.Compliance != nil {
		t.Errorf("complete %v, within the policy %v, want neither known", inv.Complete, inv.Compliance)
	}
}

// A service that is asked too much is not one that denies access.
func TestThrottledList(t *testing.T) {
	box := storetest.StartSandbox(t, storetest.SandboxOptions{Regions: []string{region}})
	proxy := box.Proxy(t, region)
	proxy.SetFault(func(r storetest.Request) storetest.Fault {
		if r.Operation == "ListBuckets" {
			return storetest.Fault{Status: 503, Code: "SlowDown"}
		}
		return storetest.Fault{}
	})
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", box.CredentialsPath)
	inv := take(t, proxy.URL(), inventory.Request{})
	if len(inv.Coverage) != 1 || inv.Coverage[0].Looked {
		t.Fatalf("coverage %+v, want one that was not looked at", inv.Coverage)
	}
	if said := inv.Coverage[0].Remedy; !strings.Contains(said, "SlowDown") || !strings.Contains(said, "later") {
		t.Errorf("remedy %q, want to wait", said)
	}
}

// take scans one region behind an address.
func take(t *testing.T, endpoint string, r inventory.Request) *inventory.Inventory {
	t.Helper()
	catalog, err := regions.Load()
	if err != nil {
		t.Fatal(err)
	}
	provider, err := s3store.Open(t.Context(), s3store.Options{Name: "cloud", Profile: "sandbox",
		Endpoints: map[string]string{region: endpoint}, Now: time.Now,
		Backoff: func(int, error) (time.Duration, error) { return 0, nil }})
	if err != nil {
		t.Fatal(err)
	}
	r.Providers = []inventory.Provider{{
		Name: "cloud", Regions: []string{region},
		Region:   func(code string) inventory.Store { return provider.Region(code) },
		Country:  func(string) string { return "IE" },
		Operator: func(string) regions.Operator { return regions.Operator{} },
	}}
	r.TagKey, r.Catalog, r.Now = "customer", catalog, time.Now()
	r.Policy = func(string) regions.Policy { return regions.Policy{} }
	inv, err := inventory.Scan(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return inv
}
