package migrate_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/residency/residency/inventory"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/memstore"
	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/progress"
	"github.com/residency/residency/migrate/state"
)

var errRefused = errors.New("refused by the test")

// refusing is a state that refuses to write one file.
type refusing struct {
	state.Home
	name string
}

func (r *refusing) Put(ctx context.Context, name string, data []byte) error {
	if r.name != "" && strings.HasSuffix(name, r.name) {
		return errRefused
	}
	return r.Home.Put(ctx, name, data)
}

// again is a plan in memory that is carried out in part, by several runs, while
// people write to its source.
type again struct {
	t        *testing.T
	from, to *memstore.Service
	home     *refusing
	plan     *plan.Plan
	lose     atomic.Int64 // the number of the write whose answer is lost
	keep     string       // the version at the destination that cannot be deleted
	begins   int          // the number of the upload begun at the source whose answer is lost
	asking   sync.Mutex
}

// forgetful is a source that loses one answer.
type forgetful struct {
	*memstore.Store
	mu   *sync.Mutex // guards left: a fence is tried on several connections
	left *int
}

func (f forgetful) CreateUpload(ctx context.Context, o objectstore.NewObject) (string, error) {
	id, err := f.Store.CreateUpload(ctx, o)
	f.mu.Lock()
	defer f.mu.Unlock()
	if *f.left--; *f.left == 0 {
		return "", errRefused
	}
	return id, err
}

// losing is a destination that loses one answer.
type losing struct {
	*memstore.Store
	left *atomic.Int64
	keep *string // a version that is not deleted, for an error of its key
}

func (l losing) Delete(ctx context.Context, bucket string, entries []objectstore.Deletion) ([]error, error) {
	results := make([]error, len(entries))
	for i, e := range entries {
		if results[i] = errRefused; e.VersionID != *l.keep {
			done, err := l.Store.Delete(ctx, bucket, entries[i:i+1])
			if err != nil {
				return nil, err
			}
			results[i] = done[0]
		}
	}
	return results, nil
}

func (l losing) Put(ctx context.Context, o objectstore.NewObject, body objectstore.Body) (objectstore.Written, error) {
	w, err := l.Store.Put(ctx, o, body)
	if strings.HasPrefix(o.Key, ".residency-") {
		return w, err
	}
	if l.left.Add(-1) == 0 {
		return objectstore.Written{}, errRefused
	}
	return w, err
}

func newAgain(t *testing.T) *again {
	a := &again{t: t, home: &refusing{Home: newHome(t)}}
	a.from = memstore.New(memstore.Options{Endpoint: "one", Now: time.Now})
	a.to = memstore.New(memstore.Options{Endpoint: "two", Now: time.Now})
	must(t, a.from.Region(us).CreateBucket(t.Context(), "bucket", false))
	must(t, a.from.Region(us).SetVersioning(t.Context(), "bucket", objectstore.Enabled))
	for range 3 {
		a.put("key")
	}
	a.make()
	return a
}

// make makes the plan, always the same one.
func (a *again) make() {
	a.t.Helper()
	var err error
	a.plan, err = plan.Make(a.t.Context(), a.home, plan.Request{
		Customer: "acme", Verify: "auto", Stores: a.stores, Now: time.Unix(1e9, 0), Progress: &progress.Progress{},
		Destination: plan.Region{Provider: "cloud", Code: eu, Country: "IE"},
		Inventory: &inventory.Inventory{Places: []inventory.Place{{Customer: "acme", Provider: "cloud", Region: us,
			Bucket: "bucket", Versioning: objectstore.Enabled}}},
		BucketName: func(at objectstore.Location, _ string) string { return at.Bucket + "-" + eu },
	})
	must(a.t, err)
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (a *again) stores(_, region string) objectstore.Store {
	if region == us {
		return forgetful{a.from.Region(us), &a.asking, &a.begins}
	}
	return losing{a.to.Region(eu), &a.lose, &a.keep}
}

func (a *again) put(key string) (id string) {
	a.t.Helper()
	w, err := a.from.Region(us).Put(a.t.Context(), objectstore.NewObject{Bucket: "bucket", Key: key},
		objectstore.Body{Reader: strings.NewReader(key), Size: int64(len(key))})
	must(a.t, err)
	return w.VersionID
}

func (a *again) delete(key, id string) {
	a.t.Helper()
	_, err := a.from.Region(us).Delete(a.t.Context(), "bucket", []objectstore.Deletion{{Key: key, VersionID: id}})
	must(a.t, err)
}

func (a *again) runner() *migrate.Runner {
	return &migrate.Runner{Home: a.home, Stores: a.stores, Now: time.Now, Progress: &progress.Progress{}, Workers: 2,
		Tool: "test", Host: "here"}
}

// copy runs the plan without its erase; passes is how many there are then.
func (a *again) copy(passes int) {
	a.t.Helper()
	r, err := a.runner().Run(a.t.Context(), a.plan, migrate.Options{KeepSource: true, Passes: 1})
	if err != nil || r.Passes != passes {
		a.t.Fatalf("%v, want %d passes\n%s", err, passes, problems(r))
	}
}

// comesAndGoes makes two further passes, from the one with this number on: one
// that adds a key, and one that takes it away again.
func (a *again) comesAndGoes(passes int) {
	a.t.Helper()
	id := a.put("added")
	a.copy(passes + 1)
	a.delete("added", id)
	a.copy(passes + 2)
}

// keys checks what the destination has.
func (a *again) keys(want ...string) {
	a.t.Helper()
	if got := a.to.Keys("bucket-" + eu); strings.Join(got, " ") != strings.Join(want, " ") {
		a.t.Errorf("the destination has %q, want %q", got, want)
	}
}

// A plan that is run again after its abort makes passes of its own: what those
// before have done counts for nothing.
func TestPassesAfterAbort(t *testing.T) {
	a := newAgain(t)
	a.copy(1)
	a.comesAndGoes(1)
	a.keys("key")
	_, err := a.runner().Abort(t.Context(), a.plan)
	must(t, err)
	a.keys()
	a.copy(1)
	a.comesAndGoes(1)
	a.keys("key")
}

// An abort that is interrupted while it takes its passes back leaves none of
// them behind for later.
func TestAbortInterrupted(t *testing.T) {
	for _, pass := range []string{"pass-2/pass.json", "pass-3/pass.json"} {
		a := newAgain(t)
		a.copy(1)
		a.comesAndGoes(1)
		a.home.name = pass
		if _, err := a.runner().Abort(t.Context(), a.plan); !errors.Is(err, errRefused) {
			t.Fatalf("abort: %v, want %v", err, errRefused)
		}
		a.home.name = ""
		_, err := a.runner().Abort(t.Context(), a.plan)
		must(t, err)
		a.copy(1)
		a.put("more")
		a.copy(2)
		a.copy(2)
		a.keys("key", "more")
	}
}

// What was found at the destination stays, and what lies beneath it too: a
// history with a gap could not be continued.
func TestAbortLeavesNoGap(t *testing.T) {
	a := newAgain(t)
	a.lose.Store(2)
	a.copy(1)
	u, err := a.runner().Abort(t.Context(), a.plan)
	if !errors.Is(err, migrate.ErrStays) || u.Stays[0].Entries != 2 {
		t.Errorf("abort: %v, %+v; want %v, of two", err, u, migrate.ErrStays)
	}
	if left := len(a.to.History("bucket-"+eu, "key")); left != 2 || u.Removed != 1 || u.Kept != 2 {
		t.Errorf("%d versions are left, %+v; want two", left, u)
	}
	a.copy(1)
	if n := len(a.to.History("bucket-"+eu, "key")); n != 3 {
		t.Errorf("%d versions after another run, want 3", n)
	}
}

// Where a service shows a key as deleted once its newest version is removed, a copy stays
// that lies above what was there before: people who read that key would find nothing.
func TestAbortHidesNothing(t *testing.T) {
	none, steps := memstore.Traits{TrailingMarkers: true, ComparesVersions: true},
		memstore.Traits{TrailingMarkers: true, ComparesVersions: true, TwoSteps: true}
	for _, tt := range []struct {
		name    string
		traits  memstore.Traits
		deleted bool   // at the source, and so by the plan
		stays   string // of the versions v and markers m that are there before the abort
		hidden  int64
	}{
		{"another becomes current", memstore.Traits{}, false, "v", 0},
		{"another becomes current, deleted", memstore.Traits{}, true, "v", 0},
		{"none does", none, false, "vvvv", 0},
		{"none does, deleted", none, true, "vm", 1},
		{"none does, in two steps", steps, false, "vvvv", 0},
		{"none does, in two steps, deleted", steps, true, "vm", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			a := newAgain(t)
			tt.traits.PageSize, tt.traits.DefaultType = a.to.Traits.PageSize, a.to.Traits.DefaultType
			a.to.Traits = tt.traits
			to, bucket := a.to.Region(eu), "bucket-"+eu
			must(t, to.CreateBucket(t.Context(), bucket, false))
			must(t, to.SetVersioning(t.Context(), bucket, objectstore.Enabled))
			_, err := to.Put(t.Context(), objectstore.NewObject{Bucket: bucket, Key: "key"},
				objectstore.Body{Reader: strings.NewReader("key"), Size: 3})
			must(t, err)
			a.put("key")
			a.put("other")
			if tt.deleted {
				_, err := a.from.Region(us).PutMarker(t.Context(), "bucket", "key")
				must(t, err)
			}
			a.make()
			a.copy(1)
			u, err := a.runner().Abort(t.Context(), a.plan)
			if (tt.hidden > 0) != errors.Is(err, migrate.ErrLookDeleted) || tt.hidden == 0 && err != nil {
				t.Errorf("abort: %v", err)
			}
			a.keys("key")
			var left strings.Builder
			for _, v := range a.to.History(bucket, "key") {
				left.WriteString(map[bool]string{false: "v", true: "m"}[v.Marker])
			}
			_, err = to.Stat(t.Context(), objectstore.Ref{Bucket: bucket, Key: "key"}, 0)
			if left.String() != tt.stays || u.Hidden != tt.hidden || (err != nil) != (tt.hidden > 0) {
				t.Errorf("%q are left, want %q; %+v; read: %v", left.String(), tt.stays, u, err)
			}
		})
	}
}

// A fence of the plan's own that an earlier run had put up, and that the state
// has forgotten, is not what the bucket's policy was before.
func TestFenceOfALostState(t *testing.T) {
	for name, again := range map[string]bool{"put up again": true, "forgotten": false} {
		t.Run(name, func(t *testing.T) {
			a := newAgain(t)
			// Others made the bucket: it was there whatever the state remembers.
			must(t, a.to.Region(eu).CreateBucket(t.Context(), "bucket-"+eu, false))
			must(t, a.to.Region(eu).SetVersioning(t.Context(), "bucket-"+eu, objectstore.Enabled))
			a.make()
			run := func(fence bool) {
				t.Helper()
				if r, err := a.runner().Run(t.Context(), a.plan, migrate.Options{KeepSource: true, Fence: fence}); err != nil ||
					fence && len(r.Fence) != 1 {
					t.Fatalf("%v, want a fence\n%s", err, problems(r))
				}
			}
			run(true)
			id := a.plan.ID
			a.home.Home = newHome(t)
			if a.make(); a.plan.ID != id {
				t.Fatalf("plan %s, want %s again", a.plan.ID, id)
			}
			run(again)
			u, err := a.runner().Abort(t.Context(), a.plan)
			must(t, err)
			policy, err := a.from.Region(us).Setting(t.Context(), "bucket", objectstore.Policy)
			must(t, err)
			if len(policy) > 0 || u.Fence != "lifted" {
				t.Errorf("the policy is %s, want none; fence %q", policy, u.Fence)
			}
		})
	}
}

// An upload that was begun to try a fence, and never taken back, does not keep
// the source from being erased, nor stay there after an abort.
func TestFenceLeavesNoUpload(t *testing.T) {
	for _, abort := range []bool{false, true} {
		a := newAgain(t)
		a.from.Traits.IgnoresPolicy = true
		a.begins = 2
		run := func() error {
			r := a.runner()
			r.Sleep = noSleep
			_, err := r.Run(t.Context(), a.plan, migrate.Options{Fence: true})
			return err
		}
		if err := run(); !errors.Is(err, errRefused) {
			t.Fatalf("run: %v, want %v", err, errRefused)
		}
		if abort {
			_, err := a.runner().Abort(t.Context(), a.plan)
			must(t, err)
		} else {
			must(t, run())
		}
		for u, err := range a.from.Region(us).Uploads(t.Context(), "bucket", "") {
			must(t, err)
			t.Errorf("abort %t: %s is left at the source", abort, u.Key)
		}
	}
}

// A fence that a run put up, and did not come to try, does not stay behind when a
// later run ends that puts up none.
func TestFenceThatNobodyTried(t *testing.T) {
	a := newAgain(t)
	a.begins = 2
	run := func(fence bool) error {
		r := a.runner()
		r.Sleep = noSleep
		_, err := r.Run(t.Context(), a.plan, migrate.Options{Fence: fence, KeepSource: true})
		return err
	}
	a.from.Traits.IgnoresPolicy = true // the first upload begins
	if err := run(true); !errors.Is(err, errRefused) {
		t.Fatalf("run: %v, want %v", err, errRefused)
	}
	policy := func() []byte {
		value, err := a.from.Region(us).Setting(t.Context(), "bucket", objectstore.Policy)
		must(t, err)
		return value
	}
	if len(policy()) == 0 {
		t.Fatal("no fence was put up")
	}
	must(t, run(false))
	if left := policy(); len(left) > 0 {
		t.Errorf("the policy is %s, want none", left)
	}
}

// The pass that a fence allows is made by the next run where the one that put the
// fence up did not come to it.
func TestFenceAllowsItsPassLater(t *testing.T) {
	a := newAgain(t)
	a.put("more")
	a.home.name = "pass-2/pass.json"
	run := func() error {
		_, err := a.runner().Run(t.Context(), a.plan, migrate.Options{Fresh: true, Fence: true})
		return err
	}
	if err := run(); !errors.Is(err, errRefused) {
		t.Fatalf("run: %v, want %v", err, errRefused)
	}
	a.home.name = ""
	must(t, run())
	a.keys("key", "more")
	if left := a.from.Keys("bucket"); len(left) > 0 {
		t.Errorf("the source still has %q", left)
	}
}

// An abort that could not take all away may have left a history without its
// beginning: nothing goes on with the plan before the abort has ended.
func TestAbortMustEnd(t *testing.T) {
	a := newAgain(t)
	a.copy(1)
	copies := a.to.History("bucket-"+eu, "key")
	a.keep = copies[len(copies)-1].ID
	if u, err := a.runner().Abort(t.Context(), a.plan); !errors.Is(err, migrate.ErrPartial) || u.Left != 1 ||
		u.Removed != 2 {
		t.Fatalf("%+v, %v; want 1 left, 2 removed", u, err)
	}
	if _, err := a.runner().Run(t.Context(), a.plan, migrate.Options{}); !errors.Is(err, migrate.ErrAborting) {
		t.Errorf("run: %v, want %v", err, migrate.ErrAborting)
	}
	if _, err := a.runner().Erase(t.Context(), a.plan); !errors.Is(err, migrate.ErrAborting) {
		t.Errorf("erase: %v, want %v", err, migrate.ErrAborting)
	}
	if s, err := a.runner().Status(t.Context(), a.plan); err != nil || s.Stage != migrate.Aborting {
		t.Errorf("status: %+v, %v; want stage %s", s, err, migrate.Aborting)
	}
	a.keep = ""
	if u, err := a.runner().Abort(t.Context(), a.plan); err != nil || u.Removed != 1 {
		t.Fatalf("%+v, %v; want the last one removed", u, err)
	}
	if n := len(a.to.History("bucket-"+eu, "key")); n != 0 {
		t.Errorf("%d copies are left", n)
	}
	a.copy(1)
	if n := len(a.to.History("bucket-"+eu, "key")); n != 3 {
		t.Errorf("%d copies after the plan was run again, want 3", n)
	}
}

// A run that comes to a plan which another has ended puts up no fence.
func TestNoFenceAfterTheEnd(t *testing.T) {
	a := newAgain(t)
	if r, err := a.runner().Run(t.Context(), a.plan, migrate.Options{}); err != nil || !r.SourceEmpty {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	if r, err := a.runner().Run(t.Context(), a.plan, migrate.Options{Fence: true}); err != nil || len(r.Fence) != 0 {
		t.Fatalf("%v; fence %v\n%s", err, r.Fence, problems(r))
	}
	policy, err := a.from.Region(us).Setting(t.Context(), "bucket", objectstore.Policy)
	must(t, err)
	if len(policy) > 0 {
		t.Errorf("the policy is %s, want none", policy)
	}
}

// A copy whose proof fails, in the run that wrote it and in the next, which finds it,
// stays the plan's own: an abort takes it back.
func TestAbortRemovesWhatWasFoundAgain(t *testing.T) {
	f := tagged(t)
	before := f.snapshot(us, f.bucket)
	p := f.plan("auto")
	f.to.SetFault(answer("GetObjectTagging", storetest.Fault{Status: http.StatusForbidden}))
	for range 2 {
		if r, err := f.run(p); err == nil {
			t.Fatalf("run: copies were proven whose tags cannot be read\n%s", problems(r))
		}
	}
	f.to.SetFault(nil)
	undone, err := f.runner().Abort(t.Context(), p)
	if err != nil || undone.Kept > 0 {
		t.Errorf("abort: %v, %+v; want nothing kept", err, undone)
	}
	if left := f.snapshot(eu, f.destination()); len(left) > 0 {
		t.Errorf("%d keys are left at the destination", len(left))
	}
	f.intact(before)
}

// Where an original was written anew with the same bytes, its copy is taken back only if the
// original has all that the copy has: another plan may have erased what this one copied.
func TestAbortLooksAtOriginalsWrittenAnew(t *testing.T) {
	for _, tt := range []struct {
		name string
		anew string // its metadata
		want int    // copies that stay
	}{{"as it was", "their owner", 0}, {"without its metadata", "", 1}} {
		t.Run(tt.name, func(t *testing.T) {
			f := newFixture(t, false)
			put := func(by string) {
				f.put("one", []byte("the same bytes"), func(in *s3.PutObjectInput) {
					if by != "" {
						in.Metadata = map[string]string{"by": by}
					}
				})
			}
			put("their owner")
			before := f.snapshot(us, f.bucket)
			p := f.plan("auto")
			if _, err := f.runner().Run(t.Context(), p, migrate.Options{KeepSource: true}); err != nil {
				t.Fatal(err)
			}
			// The server's dates are whole seconds, and within one such a write does not show.
			for anew := before; anew["one"][0].Modified.Equal(before["one"][0].Modified); anew = f.snapshot(us, f.bucket) {
				put(tt.anew)
			}
			undone, err := f.runner().Abort(t.Context(), p)
			if tt.want == 0 && err != nil || tt.want > 0 && !errors.Is(err, migrate.ErrUnexplained) {
				t.Errorf("abort: %v", err)
			}
			if undone == nil || undone.Orphans != int64(tt.want) || undone.Removed != int64(1-tt.want) {
				t.Errorf("abort: %+v, want %d orphans", undone, tt.want)
			}
			after := f.snapshot(eu, f.destination())
			if len(after) != tt.want {
				t.Errorf("%d copies stay, want %d", len(after), tt.want)
			}
			if d := storetest.Diff(before, after); tt.want > 0 && d != "" {
				t.Errorf("the copy is another now:\n%s", d)
			}
		})
	}
}

// stopping is a destination whose run is stopped in the middle of a write, which is done.
type stopping struct {
	losing
	writes *atomic.Int64
	stop   context.CancelFunc
}

func (s stopping) Put(
	ctx context.Context, o objectstore.NewObject, body objectstore.Body,
) (objectstore.Written, error) {
	if o.Key == "key" && s.writes.Add(-1) == 0 {
		s.stop()
		return objectstore.Written{}, context.Canceled
	}
	return s.losing.Put(ctx, o, body)
}

// An abort after a stop takes back the older versions of a history too whose newest were not come to: a listing shows
// that they are not there.
func TestAbortAfterStop(t *testing.T) {
	for n := int64(1); n <= 3; n++ {
		a := newAgain(t)
		ctx, stop := context.WithCancel(t.Context())
		var writes atomic.Int64
		writes.Store(n)
		r := a.runner()
		r.Stores = func(provider, region string) objectstore.Store {
			if l, ok := a.stores(provider, region).(losing); ok {
				return stopping{l, &writes, stop}
			}
			return a.stores(provider, region)
		}
		if _, err := r.Run(ctx, a.plan, migrate.Options{KeepSource: true}); !errors.Is(err, context.Canceled) {
			t.Fatalf("run: %v", err)
		}
		if left := len(a.to.History("bucket-"+eu, "key")); left != int(n)-1 {
			t.Fatalf("%d versions were copied before the stop, want %d", left, n-1)
		}
		u, err := a.runner().Abort(t.Context(), a.plan)
		if err != nil || u.Removed != n-1 || u.Kept != 0 {
			t.Errorf("stopped in write %d: %v, %+v", n, err, u)
		}
		a.keys()
	}
}

// deceiving is a destination that makes one write, and says that it may not be made.
type deceiving struct {
	losing
	writes *atomic.Int64
}

func (d deceiving) Put(
	ctx context.Context, o objectstore.NewObject, body objectstore.Body,
) (objectstore.Written, error) {
	w, err := d.losing.Put(ctx, o, body)
	if o.Key == "key" && d.writes.Add(-1) == 0 {
		return objectstore.Written{}, objectstore.ErrDenied
	}
	return w, err
}

// An abort says what stays of a write that was answered as if it had failed, also in a bucket that was there before.
func TestAbortNamesWhatFailed(t *testing.T) {
	a := newAgain(t)
	must(t, a.to.Region(eu).CreateBucket(t.Context(), "bucket-"+eu, false))
	must(t, a.to.Region(eu).SetVersioning(t.Context(), "bucket-"+eu, objectstore.Enabled))
	a.make()
	var writes atomic.Int64
	writes.Store(2)
	r := a.runner()
	r.Stores = func(provider, region string) objectstore.Store {
		if l, ok := a.stores(provider, region).(losing); ok {
			return deceiving{l, &writes}
		}
		return a.stores(provider, region)
	}
	if _, err := r.Run(t.Context(), a.plan, migrate.Options{KeepSource: true}); err == nil {
		t.Fatal("the run did not fail")
	}
	u, err := a.runner().Abort(t.Context(), a.plan)
	if !errors.Is(err, migrate.ErrStays) || len(u.Stays) != 1 || u.Stays[0].Entries != 2 || u.Stays[0].Made {
		t.Errorf("%v, %+v; want two entries that stay", err, u)
	}
}
