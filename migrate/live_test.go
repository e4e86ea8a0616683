package migrate_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/residency/residency/inventory/objectstore/s3store"
	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/plan"
)

// writer does the same to the source and to a second bucket beside it, which
// nobody moves: in the end the destination has to hold what that holds.
type writer struct {
	f         *fixture
	client    *s3.Client
	mirror    string
	versioned bool
	random    *rand.Rand
	ids       map[string][][2]string // by key: version IDs in both buckets
	done      int
	refused   error // a write that the source refused
}

func (f *fixture) writer(seed uint64, versioned bool) *writer {
	w := &writer{f: f, client: f.box.Client(us), mirror: "mirror-bucket", versioned: versioned,
		random: rand.New(rand.NewPCG(seed, 0)), ids: map[string][][2]string{}}
	f.must(w.client.CreateBucket(f.t.Context(), &s3.CreateBucketInput{Bucket: &w.mirror}))
	if versioned {
		f.must(w.client.PutBucketVersioning(f.t.Context(), &s3.PutBucketVersioningInput{Bucket: &w.mirror,
			VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}}))
	}
	return w
}

// write does one thing at random, first to the source.
func (w *writer) write(ctx context.Context) error {
	key := fmt.Sprintf("live/%03d", w.random.IntN(60))
	kind := w.random.IntN(10)
	var ids [2]string
	old := -1
	if kind == 9 && w.versioned && len(w.ids[key]) > 0 {
		old = w.random.IntN(len(w.ids[key]))
	}
	body := fmt.Appendf(nil, "%s %d", key, w.random.Uint64())
	for i, bucket := range []string{w.f.bucket, w.mirror} {
		var err error
		switch {
		case old >= 0:
			_, err = w.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: &key,
				VersionId: &w.ids[key][old][i]})
		case kind >= 7:
			var out *s3.DeleteObjectOutput
			if out, err = w.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: &key}); err == nil {
				ids[i] = aws.ToString(out.VersionId)
			}
		default:
			var out *s3.PutObjectOutput
			if out, err = w.client.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: &key,
				Body: bytes.NewReader(body)}); err == nil {
				ids[i] = aws.ToString(out.VersionId)
			}
		}
		if err != nil {
			return fmt.Errorf("%s %s: %w", bucket, key, err)
		}
	}
	if old >= 0 {
		w.ids[key] = append(w.ids[key][:old:old], w.ids[key][old+1:]...)
	} else if w.versioned {
		w.ids[key] = append(w.ids[key], ids)
	}
	w.done++
	return nil
}

// until writes until the source refuses or the context ends. A write is done to
// both buckets or, if the source refuses it, to none.
func (w *writer) until(ctx context.Context) {
	for ctx.Err() == nil {
		if err := w.write(context.WithoutCancel(ctx)); err != nil {
			w.refused = err
			return
		}
	}
}

func isDenied(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api) && api.ErrorCode() == "AccessDenied"
}

// While somebody goes on writing, nothing of it is lost, and nothing is erased.
// When they have stopped, the same run ends exact.
func TestLiveWriter(t *testing.T) {
	for _, versioned := range []bool{true, false} {
		t.Run(fmt.Sprintf("versioned %v", versioned), func(t *testing.T) {
			f := newFixture(t, versioned)
			seed := rand.Uint64()
			t.Logf("seed %d", seed)
			w := f.writer(seed, versioned)
			for range 80 {
				f.must(nil, w.write(t.Context()))
			}
			p := f.plan("auto")
			ctx, stop := context.WithCancel(t.Context())
			var writing sync.WaitGroup
			// The plan is held against the source before the first copy: the
			// writer goes on from there.
			start := sync.OnceFunc(func() { writing.Go(func() { w.until(ctx) }) })
			f.to.SetFault(func(r storetest.Request) storetest.Fault {
				if r.Operation == "PutObject" && r.N == 5 {
					start()
				}
				return storetest.Fault{}
			})
			r, err := f.runner().Run(t.Context(), p, migrate.Options{Passes: 2})
			stop()
			writing.Wait()
			if w.refused != nil {
				t.Fatal(w.refused)
			}
			t.Logf("first run: %v after %d writes; %s", err, w.done, problems(r))
			if !errors.Is(err, migrate.ErrNotEmpty) && !errors.Is(err, migrate.ErrPartial) {
				t.Fatalf("run beside a writer: %v, want %v or %v", err, migrate.ErrNotEmpty, migrate.ErrPartial)
			}
			if len(r.Erasures) > 0 {
				t.Errorf("something was erased while the source changed: %s", problems(r))
			}
			mirror := f.snapshot(us, w.mirror)
			f.intact(mirror)
			if r, err = f.runner().Run(t.Context(), p, migrate.Options{Passes: 2}); err != nil {
				t.Fatalf("again, without a writer: %v\n%s", err, problems(r))
			}
			f.moved(mirror)
			if r.Passes < 2 {
				t.Errorf("%d passes, want more than the plan's own", r.Passes)
			}
			// The passes are part of what can be verified and looked at later.
			if v, err := f.runner().Verify(t.Context(), p, true); err != nil || v.Entries != r.Entries {
				t.Errorf("verify: %+v, %v; want %d entries", v, err, r.Entries)
			}
			if s, err := f.runner().Status(t.Context(), p); err != nil || s.Stage != migrate.Certified ||
				s.Passes != r.Passes {
				t.Errorf("status: %+v, %v", s, err)
			}
		})
	}
}

// Behind a fence the first run ends empty and exact. It binds users, not root.
func TestFence(t *testing.T) {
	for _, versioned := range []bool{true, false} {
		t.Run(fmt.Sprintf("versioned %v", versioned), func(t *testing.T) {
			f := newTenantFixture(t, versioned)
			f.permit()
			f.waits = true // a write that was under way when the policy came is over after the pause
			w := f.writer(rand.Uint64(), versioned)
			for range 60 {
				f.must(nil, w.write(t.Context()))
			}
			p := f.plan("auto")
			ctx, stop := context.WithCancel(t.Context())
			defer stop()
			var writing sync.WaitGroup
			start := sync.OnceFunc(func() { writing.Go(func() { w.until(ctx) }) })
			f.to.SetFault(func(r storetest.Request) storetest.Fault {
				if r.Operation == "PutObject" && r.N == 5 {
					start()
				}
				return storetest.Fault{}
			})
			r, err := f.runner().Run(t.Context(), p, migrate.Options{Passes: 2, Fence: true})
			stop()
			writing.Wait()
			if err != nil {
				t.Fatalf("%v\n%s", err, problems(r))
			}
			if versioned && !isDenied(w.refused) {
				t.Errorf("the writer ended with %v, want a refusal", w.refused)
			}
			if len(r.Fence) != 1 || r.Fence[0] != "cloud:"+f.bucket {
				t.Errorf("fence %v, want the source bucket", r.Fence)
			}
			t.Logf("%d writes, %d passes", w.done, r.Passes)
			f.moved(f.snapshot(us, w.mirror))
		})
	}
}

// Root is bound by no policy on this server: that is found out, the policy is
// put back, and the run goes on without a fence.
func TestFenceNotHonoured(t *testing.T) {
	f := newFixture(t, true)
	f.fill(10, 100)
	before := f.snapshot(us, f.bucket)
	const policy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:GetObject","Resource":"arn:aws:s3:::source-bucket/*"}]}`
	client := f.box.Client(us)
	f.must(client.PutBucketPolicy(t.Context(), &s3.PutBucketPolicyInput{Bucket: &f.bucket, Policy: aws.String(policy)}))
	r := f.runner()
	result, err := r.Run(t.Context(), f.plan("auto"), migrate.Options{Passes: 2, Fence: true})
	if err != nil || len(result.Fence) != 0 {
		t.Fatalf("fence %v, %v; want none\n%s", result.Fence, err, problems(result))
	}
	if want := "the endpoint still accepts writes to cloud:source-bucket"; result.NotFenced != want {
		t.Errorf("not fenced: %q, want %q", result.NotFenced, want)
	}
	out, err := client.GetBucketPolicy(t.Context(), &s3.GetBucketPolicyInput{Bucket: &f.bucket})
	if err != nil || aws.ToString(out.Policy) != policy {
		t.Errorf("the policy is %s, %v; want it as it was", aws.ToString(out.Policy), err)
	}
	f.moved(before)
}

// Who cannot do without a fence is told that there is none, and nothing is erased.
func TestFenceRequired(t *testing.T) {
	f := newFixture(t, true)
	f.fill(10, 100)
	before := f.snapshot(us, f.bucket)
	r := f.runner()
	_, err := r.Run(t.Context(), f.plan("auto"), migrate.Options{Passes: 2, Fence: true, FenceRequired: true})
	if !errors.Is(err, migrate.ErrNotFenced) {
		t.Fatalf("%v, want %v", err, migrate.ErrNotFenced)
	}
	if diff := storetest.Diff(before, f.snapshot(us, f.bucket)); diff != "" {
		t.Errorf("the source has changed:\n%s", diff)
	}
}

// An abort takes away what passes wrote, and the fence.
func TestAbortPasses(t *testing.T) {
	f := newTenantFixture(t, true)
	f.permit()
	f.fill(20, 100)
	p := f.plan("auto")
	keep := migrate.Options{KeepSource: true, Passes: 2, Fence: true}
	f.to.SetFault(func(r storetest.Request) storetest.Fault {
		if r.Operation == "PutObject" && r.N == 5 {
			f.put("plain/00001", []byte("newer"), nil)
			f.put("added", []byte("newer"), nil)
		}
		return storetest.Fault{}
	})
	if r, err := f.runner().Run(t.Context(), p, keep); err != nil || r.Entries != 22 || r.Passes != 2 {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	if _, err := f.box.Client(us).PutObject(t.Context(), &s3.PutObjectInput{Bucket: &f.bucket,
		Key: aws.String("late")}); !isDenied(err) {
		t.Errorf("a write behind the fence: %v, want a refusal", err)
	}
	before := f.snapshot(us, f.bucket)
	u, err := f.runner().Abort(t.Context(), p)
	if err != nil || u.Removed != 22 || u.Fence != "lifted" {
		t.Fatalf("abort: %+v, %v", u, err)
	}
	if left := f.snapshot(eu, f.destination()); len(left) > 0 {
		t.Errorf("%d keys are left at the destination", len(left))
	}
	f.intact(before)
	f.put("late", []byte("x"), nil)
	// As if never started: what is there now is not what was planned.
	if _, err := f.run(p); !errors.Is(err, migrate.ErrDrift) {
		t.Errorf("run again: %v, want %v", err, migrate.ErrDrift)
	}
	before = f.snapshot(us, f.bucket)
	if r, err := f.run(f.plan("auto")); err != nil {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	f.moved(before)
}

// Where the first policy of a bucket might lock its owner out, as on this
// server, none is put up.
func TestFenceWithoutPolicy(t *testing.T) {
	f := newTenantFixture(t, true)
	f.fill(5, 100)
	before := f.snapshot(us, f.bucket)
	result, err := f.runner().Run(t.Context(), f.plan("auto"), migrate.Options{Passes: 1, Fence: true})
	if err != nil || len(result.Fence) != 0 {
		t.Fatalf("fence %v, %v; want none\n%s", result.Fence, err, problems(result))
	}
	if n := f.from.Counts()["PutBucketPolicy"]; n > 0 {
		t.Errorf("%d policies were put", n)
	}
	f.moved(before)
}

// permit gives the bucket a policy that permits all: beside any policy this
// server permits nothing else, even to the bucket's owner.
func (f *fixture) permit() {
	f.t.Helper()
	policy := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::%[1]s","arn:aws:s3:::%[1]s/*"]}]}`, f.bucket)
	f.must(f.box.Client(us).PutBucketPolicy(f.t.Context(),
		&s3.PutBucketPolicyInput{Bucket: &f.bucket, Policy: &policy}))
}

// newTenantFixture sees the servers as a user whom policies bind.
func newTenantFixture(t *testing.T, versioned bool) *fixture {
	t.Helper()
	box := storetest.StartSandbox(t, storetest.SandboxOptions{Regions: []string{us, eu}})
	f := newFixtureOn(t, box.Tenant())
	provider, err := s3store.Open(t.Context(), s3store.Options{Name: "cloud", Profile: "tenant", Backoff: atOnce,
		Endpoints: map[string]string{us: f.from.URL(), eu: f.to.URL()}})
	f.must(nil, err)
	f.provider = provider
	f.must(f.box.Client(us).CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &f.bucket}))
	if versioned {
		f.must(f.box.Client(us).PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: &f.bucket,
			VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled}}))
	}
	return f
}

// An erase that was interrupted, and whose state is lost, is taken up by looking
// at both ends: what the destination holds beneath is what the source has lost.
func TestEraseWithoutState(t *testing.T) {
	f := newFixture(t, true)
	f.mixed()
	before := f.snapshot(us, f.bucket)
	if _, err := f.runner().Run(t.Context(), f.plan("auto"), migrate.Options{KeepSource: true}); err != nil {
		t.Fatal(err)
	}
	for _, v := range before["history"][:3] {
		f.must(f.box.Client(us).DeleteObject(t.Context(),
			&s3.DeleteObjectInput{Bucket: &f.bucket, Key: aws.String("history"),
				VersionId: &v.VersionID}))
	}
	f.home = newHome(t)
	p := f.plan("auto")
	if len(p.Blockers) > 0 || !slices.ContainsFunc(p.Warnings,
		func(i plan.Issue) bool { return i.Rule == "destination-has-more" && i.Count == 1 }) {
		t.Errorf("blockers %+v, warnings %+v; want the warning destination-has-more for one key", p.Blockers,
			p.Warnings)
	}
	r, err := f.run(p)
	if err != nil || r.Held != r.Entries {
		t.Fatalf("%v, %d of %d entries found\n%s", err, r.Held, r.Entries, problems(r))
	}
	f.moved(before)
}
