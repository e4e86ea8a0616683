package migrate_test

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/s3store"
	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/progress"
	"github.com/residency/residency/migrate/record"
	"github.com/residency/residency/migrate/state"
)

const (
	us = "us-east-1"
	eu = "eu-west-1"
)

// fixture is a source in the United States and a destination in Ireland, each a
// real server with a proxy before it; the program under test sees the proxies,
// the test's own clients the servers.
type fixture struct {
	t        *testing.T
	box      *storetest.Sandbox
	from, to *storetest.Proxy
	provider *s3store.Provider
	source   *s3store.Provider // of the source alone, if set
	home     *state.Dir
	bucket   string
	kmsKey   string // of the destination
	buckets  int    // made by anew
	restore  string // the tier at which plans restore
	tag      string // of buckets, that names their customer
	keys     int    // of SSE-C that the program has
	anyClass bool   // at the destination
	// encryption is what writes to the destination ask for
	encryption string
	without    bool // settings that cannot be read
	unguarded  bool // writes without conditions
	workers    int  // default 8
	waits      bool // for real: for a server's replication, or a lease's end
	// fromURL and toURL are before the proxies, if set
	fromURL, toURL string
	third          string // a further region, in the United States, that the program knows
}

// newFixture has one bucket, which the caller fills.
func newFixture(t *testing.T, versioned bool) *fixture {
	t.Helper()
	f := newFixtureOn(t, storetest.StartSandbox(t, storetest.SandboxOptions{Regions: []string{us, eu}}))
	f.must(f.box.Client(us).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &f.bucket}))
	if versioned {
		f.must(f.box.Client(us).PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: &f.bucket,
			VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}}))
	}
	return f
}

// newFixtureOn has no bucket yet.
func newFixtureOn(t *testing.T, box *storetest.Sandbox) *fixture {
	t.Helper()
	f := &fixture{t: t, box: box, bucket: "source-bucket", home: state.NewDir(t.TempDir())}
	f.from, f.to = f.box.Proxy(t, us), f.box.Proxy(t, eu)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", f.box.CredentialsPath)
	f.open()
	return f
}

// open gives the program under test these keys of SSE-C.
func (f *fixture) open(keys ...s3store.CustomerKey) {
	f.t.Helper()
	var err error
	f.keys = len(keys)
	endpoints := map[string]string{us: cmp.Or(f.fromURL, f.from.URL()), eu: cmp.Or(f.toURL, f.to.URL())}
	if f.third != "" {
		endpoints[f.third] = f.box.Endpoints[f.third]
	}
	f.provider, err = s3store.Open(f.t.Context(), s3store.Options{Name: "cloud", Profile: "sandbox", Backoff: atOnce,
		CustomerKeys: keys, Endpoints: endpoints})
	f.must(nil, err)
}

func (f *fixture) must(_ any, err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *fixture) put(key string, body []byte, with func(*s3.PutObjectInput)) {
	f.t.Helper()
	in := &s3.PutObjectInput{Bucket: &f.bucket, Key: &key, Body: bytes.NewReader(body),
		ContentType: aws.String("text/plain")}
	if with != nil {
		with(in)
	}
	f.must(f.box.Client(us).PutObject(f.t.Context(), in))
}

// fill puts n plain objects, several at a time.
func (f *fixture) fill(n, size int) {
	f.t.Helper()
	var wg sync.WaitGroup
	errs := make([]error, 8)
	client := f.box.Client(us)
	for w := range errs {
		wg.Go(func() {
			for i := w; i < n && errs[w] == nil; i += len(errs) {
				key := fmt.Sprintf("plain/%05d", i)
				_, errs[w] = client.PutObject(f.t.Context(), &s3.PutObjectInput{Bucket: &f.bucket, Key: &key,
					Body: bytes.NewReader(bytes.Repeat([]byte(key[6:]), size/5+1)[:size])})
			}
		})
	}
	wg.Wait()
	for _, err := range errs {
		f.must(nil, err)
	}
}

func (f *fixture) stores(_, region string) objectstore.Store {
	if f.source != nil && region == us {
		return f.source.Region(region)
	}
	return f.provider.Region(region)
}

func (f *fixture) destination() string { return f.bucket + "-" + eu }

// plan plans the move of the whole bucket.
func (f *fixture) plan(verify string) *plan.Plan {
	f.t.Helper()
	p, err := f.tryPlan(verify)
	if err != nil {
		f.t.Fatal(err)
	}
	return p
}

func (f *fixture) tryPlan(verify string) (*plan.Plan, error) {
	f.t.Helper()
	versioning, err := f.provider.Region(us).Versioning(f.t.Context(), f.bucket)
	if err != nil {
		f.t.Fatal(err)
	}
	coverage := []inventory.Coverage{{Provider: "cloud", Region: us, Looked: true}, {Provider: "cloud", Region: eu,
		Looked: true}}
	if f.third != "" {
		coverage = append(coverage, inventory.Coverage{Provider: "cloud", Region: f.third, Looked: true})
	}
	return plan.Make(f.t.Context(), f.home, plan.Request{
		Country:  func(_, region string) string { return map[bool]string{true: "US"}[strings.HasPrefix(region, "us-")] },
		Customer: "acme", Verify: verify, TagKey: f.tag, KMSKey: f.kmsKey, Restore: f.restore, CustomerKeys: f.keys > 0,
		Encryption: f.encryption, AnyClass: f.anyClass, WithoutSettings: f.without, UnguardedWrites: f.unguarded,
		Seen: record.Endpoints{Home: f.home}, Stores: f.stores, Now: time.Now(), Progress: &progress.Progress{},
		Destination: plan.Region{Provider: "cloud", Code: eu, Country: "IE"},
		Inventory: &inventory.Inventory{Coverage: coverage, Places: []inventory.Place{{Customer: "acme", Provider: "cloud",
			Region: us, Bucket: f.bucket, Versioning: versioning}}},
		BucketName: func(at objectstore.Location, _ string) string { return at.Bucket + "-" + eu },
	})
}

func (f *fixture) runner() *migrate.Runner {
	r := &migrate.Runner{Home: f.home, Stores: f.stores, Now: time.Now, Sleep: noSleep, Progress: &progress.Progress{},
		Workers: cmp.Or(f.workers, 8), Tool: "test", Host: "here"}
	if f.waits {
		r.Sleep = nil
	}
	return r
}

func noSleep(ctx context.Context, _ time.Duration) error { return ctx.Err() }

// atOnce has requests repeated without a pause.
func atOnce(int, error) (time.Duration, error) { return 0, nil }

func (f *fixture) run(p *plan.Plan) (*migrate.Result, error) {
	f.t.Helper()
	return f.runner().Run(f.t.Context(), p, migrate.Options{})
}

func (f *fixture) snapshot(region, bucket string) storetest.Histories {
	f.t.Helper()
	h, err := storetest.Snapshot(context.WithoutCancel(f.t.Context()), f.box.Client(region), bucket, "")
	if err != nil {
		f.t.Fatal(err)
	}
	return h
}

// moved checks that the destination holds exactly what the source held, and
// the source nothing.
func (f *fixture) moved(before storetest.Histories) {
	f.t.Helper()
	if d := storetest.Diff(before, f.snapshot(eu, f.destination())); d != "" {
		f.t.Errorf("the destination differs from what the source held:\n%s", d)
	}
	if left := f.snapshot(us, f.bucket); len(left) > 0 {
		f.t.Errorf("the source still holds %d keys: %v", len(left), slices.Sorted(maps.Keys(left)))
	}
	uploads, err := storetest.Uploads(f.t.Context(), f.box.Client(us), f.bucket, "")
	if err != nil || len(uploads) > 0 {
		f.t.Errorf("unfinished uploads at the source: %v, %v", uploads, err)
	}
}

// intact checks that the source holds exactly what it held.
func (f *fixture) intact(before storetest.Histories) {
	f.t.Helper()
	if d := storetest.Diff(before, f.snapshot(us, f.bucket)); d != "" {
		f.t.Errorf("the source was changed:\n%s", d)
	}
}

func newHome(t *testing.T) *state.Dir { return state.NewDir(t.TempDir()) }

func problems(r *migrate.Result) string {
	if r == nil {
		return "no result"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "verdicts %v, erasures %v", r.Verdicts, r.Erasures)
	for _, p := range r.Problems {
		fmt.Fprintf(&b, "\n  %s %q: %s", p.What, string(p.Key), p.Reason)
	}
	return b.String()
}

// own tells whether a key is one that the program itself writes.
func own(key string) bool { return strings.HasPrefix(key, ".residency-") }
