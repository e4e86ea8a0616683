package migrate_test

import (
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/s3store"
	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/progress"
	"github.com/residency/residency/migrate/state"
)

const (
	central = "eu-central-1"
	shared  = "data" // the name of both buckets
)

// opposite is two regions with a bucket of the same name, between which plans
// lead both ways. The bucket in Ireland has three objects.
func opposite(t *testing.T) *fixture {
	t.Helper()
	box := storetest.StartSandbox(t, storetest.SandboxOptions{Regions: []string{eu, central}})
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", box.CredentialsPath)
	f := &fixture{t: t, box: box, from: box.Proxy(t, eu), to: box.Proxy(t, central)}
	var err error
	f.provider, err = s3store.Open(t.Context(), s3store.Options{Name: "cloud", Profile: "sandbox", Backoff: atOnce,
		Endpoints: map[string]string{eu: f.from.URL(), central: f.to.URL()}})
	f.must(nil, err)
	name := shared
	for _, region := range []string{eu, central} {
		f.must(box.Client(region).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name}))
		f.versioning(region, shared, types.BucketVersioningStatusEnabled)
	}
	for _, key := range []string{"cust/a", "cust/b", "cust/c"} {
		f.must(box.Client(eu).PutObject(t.Context(), &s3.PutObjectInput{Bucket: &name, Key: &key}))
	}
	return f
}

// between plans the move of a prefix of one bucket into the other.
func (f *fixture) between(home state.Home, prefix, from, to, country string) *plan.Plan {
	f.t.Helper()
	p, err := plan.Make(f.t.Context(), home, plan.Request{
		Customer: "acme", Verify: "auto", Stores: f.stores, Now: time.Now(), Progress: &progress.Progress{},
		Destination: plan.Region{Provider: "cloud", Code: to, Country: country},
		Inventory: &inventory.Inventory{Places: []inventory.Place{{Customer: "acme", Provider: "cloud", Region: from,
			Bucket: shared, Prefix: prefix, Versioning: objectstore.Enabled}}},
		BucketName: func(at objectstore.Location, _ string) string { return at.Bucket },
	})
	f.must(nil, err)
	if len(p.Blockers) > 0 {
		f.t.Fatalf("blockers %+v", p.Blockers)
	}
	return p
}

func (f *fixture) runFrom(home state.Home, p *plan.Plan, o migrate.Options) error {
	r := &migrate.Runner{Home: home, Stores: f.stores, Now: time.Now, Progress: &progress.Progress{}, Workers: 4,
		Tool: "test", Host: "here"}
	_, err := r.Run(f.t.Context(), p, o)
	return err
}

// Two plans in opposite directions, each with a state of its own, each of which
// finds at its destination what it would erase at its source: only one of them
// may be at work.
func TestOppositePlans(t *testing.T) {
	for _, prefix := range []string{"", "cust/"} {
		t.Run("prefix "+prefix, func(t *testing.T) { oppositePlans(t, prefix) })
	}
}

func oppositePlans(t *testing.T, prefix string) {
	f := opposite(t)
	before := f.snapshot(eu, shared)
	out, back := newHome(t), newHome(t)
	away := f.between(out, prefix, eu, central, "DE")
	f.must(nil, f.runFrom(out, away, migrate.Options{KeepSource: true}))
	home := f.between(back, prefix, central, eu, "IE")
	if prefix != "" { // the mark of a whole bucket's destination would keep the way out from erasing
		f.must(nil, f.runFrom(back, home, migrate.Options{KeepSource: true}))
	}

	// The way back is begun when the way out has passed its gate and erases.
	var begun atomic.Bool
	var second error
	f.from.SetFault(func(r storetest.Request) storetest.Fault {
		if r.Operation == "DeleteObjects" && begun.CompareAndSwap(false, true) {
			second = f.runFrom(back, home, migrate.Options{})
		}
		return storetest.Fault{}
	})
	f.must(nil, f.runFrom(out, away, migrate.Options{}))
	var held *state.LeasedError
	if !begun.Load() || !errors.As(second, &held) {
		t.Errorf("the plan back: begun %t, %v; want %T", begun.Load(), second, held)
	}
	f.from.SetFault(nil)
	if prefix != "" {
		if err := f.runFrom(back, home, migrate.Options{}); !errors.Is(err, migrate.ErrVerification) {
			t.Errorf("the plan back, once its copies are erased: %v, want %v", err, migrate.ErrVerification)
		}
	}
	if d := storetest.Diff(before, f.snapshot(central, shared)); d != "" {
		t.Errorf("the destination differs from what the source held:\n%s", d)
	}
	if left := f.snapshot(eu, shared); len(left) > 0 {
		t.Errorf("the source still holds %d keys", len(left))
	}
}

// What another plan, which has not ended, has as its destination is not erased.
func TestOppositePlanNotEnded(t *testing.T) {
	const prefix = ""
	f := opposite(t)
	before := f.snapshot(eu, shared)
	out, back := newHome(t), newHome(t)
	away := f.between(out, prefix, eu, central, "DE")
	f.must(nil, f.runFrom(out, away, migrate.Options{KeepSource: true}))
	home := f.between(back, prefix, central, eu, "IE")
	f.must(nil, f.runFrom(back, home, migrate.Options{KeepSource: true}))
	if err := f.runFrom(out, away, migrate.Options{}); !errors.Is(err, migrate.ErrNotEmpty) ||
		!errors.Is(err, migrate.ErrReserved) {
		t.Errorf("the plan out: %v, want %v and %v", err, migrate.ErrNotEmpty, migrate.ErrReserved)
	}
	for _, region := range []string{eu, central} {
		if d := storetest.Diff(before, f.snapshot(region, shared)); d != "" {
			t.Errorf("%s differs from what it held:\n%s", region, d)
		}
	}
	// The one whose destination nobody reserves ends, and then the other can.
	f.must(nil, f.runFrom(back, home, migrate.Options{}))
	if d := storetest.Diff(before, f.snapshot(eu, shared)); d != "" {
		t.Errorf("%s differs from what it held:\n%s", eu, d)
	}
}
