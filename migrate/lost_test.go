package migrate_test

import (
	"errors"
	"os"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/state"
)

// cut is the run of a process that is killed as it seems to its destination: from
// its nth copy on nothing reaches that any more. The next one waits for its lease.
func (f *fixture) cut(p *plan.Plan, n int32) {
	f.t.Helper()
	var copies atomic.Int32
	f.to.SetFault(func(r storetest.Request) storetest.Fault {
		if r.Operation == "PutObject" && len(r.Key) > 6 && r.Key[:6] == "plain/" {
			copies.Add(1)
		}
		return storetest.Fault{Reset: copies.Load() >= n}
	})
	runner := f.runner()
	runner.LeaseTerm = 2 * time.Second
	if r, err := runner.Run(f.t.Context(), p, migrate.Options{}); err == nil {
		f.t.Fatalf("the run ended well\n%s", problems(r))
	}
	f.to.SetFault(nil)
	f.waits = true
}

// A plan that is made once more after its state was lost is the same plan where
// its run was killed: the lease that it left at the destination says so. It waits
// for that lease, takes the bucket for its own and finds the copies.
func TestServersStateLost(t *testing.T) {
	for kind, start := range servers() {
		t.Run(kind, func(t *testing.T) {
			f := newFixtureOn(t, start(t))
			f.must(f.box.Client(us).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &f.bucket}))
			f.versioning(us, f.bucket, types.BucketVersioningStatusEnabled)
			f.must(f.box.Client(us).PutBucketTagging(t.Context(), &s3.PutBucketTaggingInput{Bucket: &f.bucket,
				Tagging: &types.Tagging{TagSet: []types.Tag{{Key: aws.String("team"), Value: aws.String("payments")}}}}))
			f.fill(30, 100)
			before := f.snapshot(us, f.bucket)
			p := f.plan("auto")
			f.cut(p, 15)
			f.home = newHome(t)
			again := f.plan("auto")
			if again.Digest != p.Digest || again.Moves[0].Held == 0 {
				t.Fatalf("digest %s with %d entries there, want %s and some", again.Digest, again.Moves[0].Held, p.Digest)
			}
			r, err := f.run(again)
			if err != nil {
				t.Fatalf("%v\n%s", err, problems(r))
			}
			if r.Held != again.Moves[0].Held {
				t.Errorf("%d entries were found there, want %d", r.Held, again.Moves[0].Held)
			}
			if d := storetest.Diff(allowed(before, f.snapshot(eu, f.destination()))); d != "" {
				t.Errorf("the destination differs from what the source held:\n%s", d)
			}
			if left := f.snapshot(us, f.bucket); len(left) > 0 {
				t.Errorf("the source still holds %d keys", len(left))
			}
		})
	}
}

// The old state comes back after the new one has moved everything: it removes no
// copy, and neither does its abort.
func TestLostStateComesBack(t *testing.T) {
	f := newFixture(t, true)
	f.fill(30, 100)
	before := f.snapshot(us, f.bucket)
	old := f.home
	p := f.plan("auto")
	f.cut(p, 15)
	f.home = newHome(t)
	if r, err := f.run(f.plan("auto")); err != nil {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	f.moved(before)
	f.home = old
	for _, do := range []func() error{
		func() error { _, err := f.run(p); return err },
		func() error { _, err := f.runner().Abort(t.Context(), p); return err },
	} {
		err := do()
		t.Logf("%v", err)
		if err == nil {
			t.Error("the old state found nothing amiss")
		}
		f.moved(before)
	}
}

// Of a state there is a copy, as a cache of a CI system makes one. The plan is
// aborted from the copy while the original erases: only one of them is at work.
func TestCopiedState(t *testing.T) {
	f := newFixture(t, true)
	f.fill(30, 100)
	before := f.snapshot(us, f.bucket)
	dir := t.TempDir()
	f.waits = true // whether a lease is renewed shows in time
	f.home = state.NewDir(dir)
	p := f.plan("auto")
	runner := func() *migrate.Runner {
		r := f.runner()
		r.LeaseTerm = 6 * time.Second
		return r
	}
	if r, err := runner().Run(t.Context(), p, migrate.Options{KeepSource: true}); err != nil {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	copied := t.TempDir()
	f.must(nil, os.CopyFS(copied, os.DirFS(dir)))

	var begun atomic.Bool
	var aborted error
	f.from.SetFault(func(r storetest.Request) storetest.Fault {
		if r.Operation == "DeleteObjects" && begun.CompareAndSwap(false, true) {
			other := runner()
			other.Home = state.NewDir(copied)
			_, aborted = other.Abort(t.Context(), p)
		}
		return storetest.Fault{}
	})
	if r, err := runner().Erase(t.Context(), p); err != nil {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	if !begun.Load() || !errors.Is(aborted, state.ErrLeased) {
		t.Errorf("the abort: begun %t, %v; want %v", begun.Load(), aborted, state.ErrLeased)
	}
	f.moved(before)
}
