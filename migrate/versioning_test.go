package migrate_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/plan"
)

// version turns on a bucket's versioning.
func (f *fixture) version(region, bucket string) {
	f.t.Helper()
	f.must(f.box.Client(region).PutBucketVersioning(f.t.Context(), &s3.PutBucketVersioningInput{
		Bucket: &bucket, VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	}))
}

// A source that is given versioning after it was planned without is not carried
// to a destination that may have one version of a key: the plan is refused, and a
// new one moves all.
func TestVersioningTurnedOn(t *testing.T) {
	for _, midst := range []bool{false, true} {
		during := midst
		f := newFixture(t, false)
		f.fill(20, 100)
		p := f.plan("auto")
		write := func() {
			f.version(us, f.bucket)
			f.put("plain/00003", []byte("one more"), nil)
			f.put("plain/00003", []byte("and another"), nil)
		}
		keep := migrate.Options{KeepSource: true, Passes: 3}
		if during {
			f.to.SetFault(func(r storetest.Request) storetest.Fault {
				if r.Operation == "PutObject" && r.N == 15 {
					write()
				}
				return storetest.Fault{}
			})
		} else {
			f.must(f.runner().Run(t.Context(), p, keep))
			write()
		}
		for _, o := range []migrate.Options{keep, {Passes: 3}} {
			if !during {
				f.open() // as another process
			}
			r, err := f.runner().Run(t.Context(), p, o)
			if !errors.Is(err, migrate.ErrVersions) || !errors.Is(err, migrate.ErrChanged) {
				t.Fatalf("during the run %t: %v; want %v\n%s", during, err, migrate.ErrVersions, problems(r))
			}
			f.to.SetFault(nil)
			during = false
		}
		if _, err := f.runner().Erase(t.Context(), p); !errors.Is(err, migrate.ErrNotEmpty) && !errors.Is(err,
			migrate.ErrNotCopied) {
			t.Errorf("erase: %v, want %v", err, migrate.ErrNotEmpty)
		}
		before := f.snapshot(us, f.bucket)
		if n := len(before["plain/00003"]); n != 3 {
			t.Fatalf("%d versions at the source, want all three", n)
		}
		if copies := f.snapshot(eu, f.destination()); len(copies["plain/00003"]) > 1 || len(copies) != 20 {
			t.Errorf("the destination has %d keys, %d of them one that was written", len(copies), len(copies["plain/00003"]))
		}
		// What to do next is said by the new plan, and ends.
		p = f.plan("auto")
		if !slices.ContainsFunc(p.Blockers, func(i plan.Issue) bool {
			return i.Rule == "destination-unversioned" && strings.Contains(i.Remedy, "enable versioning there")
		}) {
			t.Fatalf("blockers %+v; want destination-unversioned", p.Blockers)
		}
		f.version(eu, f.destination())
		f.open() // as another process
		if r, err := f.run(f.plan("auto")); err != nil {
			t.Fatalf("the new plan: %v\n%s", err, problems(r))
		}
		f.moved(before)
	}
}

// Where nobody writes, versioning that is turned on changes nothing: the plan ends,
// and nothing of our own is left at the source.
func TestVersioningTurnedOnAndNothingWritten(t *testing.T) {
	f := newFixture(t, false)
	f.fill(20, 100)
	before := f.snapshot(us, f.bucket)
	p := f.plan("auto")
	f.must(f.runner().Run(t.Context(), p, migrate.Options{KeepSource: true}))
	f.version(us, f.bucket)
	f.open() // as another process
	if r, err := f.run(p); err != nil || !r.SourceEmpty {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	f.moved(before)
}

// So it is with what was being erased by then.
func TestVersioningTurnedOnWhileErasing(t *testing.T) {
	f := newFixture(t, false)
	f.fill(20, 100)
	before := f.snapshot(us, f.bucket)
	p := f.plan("auto")
	f.from.SetFault(func(r storetest.Request) storetest.Fault {
		if r.Operation == "DeleteObject" && r.N > 5 {
			return storetest.Fault{Status: 500, Code: "InternalError"}
		}
		return storetest.Fault{}
	})
	r, err := f.run(p)
	if err == nil {
		t.Fatalf("the run came to its end\n%s", problems(r))
	}
	f.from.SetFault(nil)
	if left := len(f.snapshot(us, f.bucket)); left == 0 || left == 20 {
		t.Fatalf("%d keys are left of 20; want a part: %v", left, err)
	}
	f.version(us, f.bucket)
	f.open() // as another process
	if r, err := f.run(p); err != nil || !r.SourceEmpty {
		t.Fatalf("%v\n%s", err, problems(r))
	}
	f.moved(before)
}
