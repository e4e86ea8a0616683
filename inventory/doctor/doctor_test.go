package doctor_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/residency/residency/inventory/doctor"
	"github.com/residency/residency/inventory/objectstore/s3store"
	"github.com/residency/residency/inventory/objectstore/storetest"
)

const region = "eu-west-1"

// What each server does not offer. A line too many or too few is news: change
// it here and in the help topic permissions.
var gaps = map[string][]string{
	"versitygw": {"escaped keys in listings", "settings: encryption, public access block, request payment, lifecycle, " +
		"replication, logging, notifications"},
	"minio": {"settings: ownership controls, public access block", "conditional deletes of versions"},
}

func TestServers(t *testing.T) {
	for kind, start := range map[string]func(t *testing.T) *storetest.Sandbox{
		"versitygw": func(t *testing.T) *storetest.Sandbox {
			return storetest.StartSandbox(t, storetest.SandboxOptions{Regions: []string{region}})
		},
		"minio": func(t *testing.T) *storetest.Sandbox { return storetest.StartMinIO(t, region) },
	} {
		t.Run(kind, func(t *testing.T) {
			box := start(t)
			if _, err := box.Client(region).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("probed"),
				ObjectLockEnabledForBucket: aws.Bool(true)}); err != nil {
				t.Fatal(err)
			}
			t.Setenv("AWS_SHARED_CREDENTIALS_FILE", box.CredentialsPath)
			proxy := box.Proxy(t, region)
			provider, err := s3store.Open(t.Context(), s3store.Options{Name: "cloud", Profile: "sandbox",
				Endpoints: map[string]string{region: proxy.URL()}})
			if err != nil {
				t.Fatal(err)
			}
			memory := cache{}
			d := &doctor.Doctor{Now: time.Now, Cache: memory}
			store := provider.Region(region)
			d.Region(t.Context(), "cloud", region, store)
			d.Source(t.Context(), "cloud", "probed", store)
			d.Destination(t.Context(), "cloud", "probed", store)
			var missing []string
			for _, c := range d.Checks {
				switch c.Outcome {
				case doctor.Failed:
					t.Errorf("%s: %s: %s", c.Place, c.What, c.Detail)
				case doctor.NotOffered:
					text := c.What
					if c.What == "settings" {
						text += ": " + c.Detail
					}
					if !strings.Contains(strings.Join(missing, "\n"), text) {
						missing = append(missing, text)
					}
				}
			}
			if got, want := strings.Join(missing, "\n"), strings.Join(gaps[kind], "\n"); got != want {
				t.Errorf("not offered by %s:\n%s\nknown:\n%s", kind, got, want)
			}
			again := &doctor.Doctor{Now: time.Now, Cache: memory}
			before := proxy.Counts()["PutObject"]
			again.Destination(t.Context(), "cloud", "probed", store)
			again.Known(t.Context(), "cloud", region, store)
			if n := proxy.Counts()["PutObject"] - before; n > 0 {
				t.Errorf("%d probes were written anew, want what is known", n)
			}
			for _, what := range []string{doctor.VersionsCompared, doctor.RefusesChecksums} {
				first, second := outcome(d.Checks, what), outcome(again.Checks, what)
				if first == "" || first != second {
					t.Errorf("%s: %q at first, %q from the cache", what, first, second)
				}
			}
			left, err := storetest.Snapshot(t.Context(), box.Client(region), "probed", "")
			if err != nil || len(left) > 0 {
				t.Errorf("left behind: %v, %v", left, err)
			}
		})
	}
}

// cache is one in memory.
type cache map[string]map[string]doctor.Sighting

func (c cache) Recall(_ context.Context, endpoint string) (map[string]doctor.Sighting, error) {
	return c[endpoint], nil
}

func (c cache) Remember(_ context.Context, endpoint string, seen map[string]doctor.Sighting) error {
	c[endpoint] = seen
	return nil
}

// outcome is what the last check of that name came to.
func outcome(checks []doctor.Check, what string) (out doctor.Outcome) {
	for _, c := range checks {
		if c.What == what {
			out = c.Outcome
		}
	}
	return out
}
