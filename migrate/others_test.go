package migrate_test

import (
	"errors"
	"maps"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/plan"
)

// stopInErase runs a plan, which is stopped after the first deletions.
func (f *fixture) stopInErase(p *plan.Plan) {
	f.t.Helper()
	root := f.home.String()
	f.to.SetFault(func(r storetest.Request) storetest.Fault {
		intents, err := filepath.Glob(filepath.Join(root, p.ID, "intents", "*"))
		if err != nil {
			f.t.Error(err)
		}
		if len(intents) > 0 && r.Operation == "ListObjectVersions" {
			return storetest.Fault{Status: 403, Code: "AccessDenied"}
		}
		return storetest.Fault{}
	})
	defer f.to.SetFault(nil)
	if _, err := f.runner().Run(f.t.Context(), p, migrate.Options{}); err == nil {
		f.t.Fatal("the run was not stopped")
	}
}

// Of a source whose erase has begun, what we did not begin to erase and is gone
// was deleted by its owners, and a null version with the same bytes and other
// attributes is another: both are carried. What we have begun stays.
func TestOthersInTheErase(t *testing.T) {
	f := newFixture(t, false)
	null := func(metadata string) {
		f.put("z-null", []byte("the same bytes"), func(
			in *s3.PutObjectInput) {
			in.Metadata = map[string]string{"by": metadata}
		})
	}
	versioning := func(status types.BucketVersioningStatus) {
		f.must(f.box.Client(us).PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: &f.bucket,
			VersioningConfiguration: &types.VersioningConfiguration{Status: status}}))
	}
	null("its owner")
	f.put("a-null", []byte("below"), nil)
	versioning(types.BucketVersioningStatusEnabled)
	f.put("a-null", []byte("above"), nil)
	f.fill(30, 50)
	want := maps.Clone(f.snapshot(us, f.bucket))
	p := f.plan("auto")
	f.stopInErase(p)
	left := f.snapshot(us, f.bucket)
	if len(left) == 0 || len(left) == len(want) {
		t.Fatalf("%d keys are left of %d, want some", len(left), len(want))
	}

	key := "plain/00020"
	f.must(f.box.Client(us).DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &f.bucket, Key: &key,
		VersionId: &left[key][0].VersionID}))
	delete(want, key)
	versioning(types.BucketVersioningStatusSuspended)
	// The server's dates are whole seconds, and within one such a write does not show.
	for old := want["z-null"][0].Modified; want["z-null"][0].Modified.Equal(old); want["z-null"] = f.snapshot(us,
		f.bucket)["z-null"] {
		null("somebody else")
	}
	versioning(types.BucketVersioningStatusEnabled)
	if want["z-null"][0].Metadata["by"] != "somebody else" {
		t.Fatalf("metadata %v", want["z-null"][0].Metadata)
	}
	r, err := f.runner().Run(t.Context(), p, migrate.Options{Passes: 2})
	if err != nil || r.Passes != 2 {
		t.Fatalf("again: %v, %v\n%s", err, r, problems(r))
	}
	f.moved(want)
}

// Of a source that loses the larger part of what was copied, or all that was left of it
// after an erase had begun, the copies stay until a person has said how many were lost: it
// may be another disk, or somebody who does harm.
func TestDepletedSource(t *testing.T) {
	start := func(t *testing.T, versioned bool, o migrate.Options) (*fixture, *plan.Plan, storetest.Histories) {
		f := newFixture(t, versioned)
		f.fill(30, 50)
		want := maps.Clone(f.snapshot(us, f.bucket))
		p := f.plan("auto")
		if o.KeepSource {
			if _, err := f.runner().Run(t.Context(), p, o); err != nil {
				t.Fatal(err)
			}
			return f, p, want
		}
		f.stopInErase(p)
		return f, p, want
	}
	remove := func(f *fixture, most int) (n int64) {
		for key, history := range f.snapshot(us, f.bucket) {
			if int(n) == most {
				break
			}
			in := &s3.DeleteObjectInput{Bucket: &f.bucket, Key: &key}
			if history[0].VersionID != objectstore.NullVersion {
				in.VersionId = &history[0].VersionID
			}
			f.must(f.box.Client(us).DeleteObject(t.Context(), in))
			n++
		}
		return n
	}
	replace := func(f *fixture, most int) (n int64) {
		for key := range f.snapshot(us, f.bucket) {
			if int(n) == most {
				break
			}
			f.put(key, []byte("taken hostage"), nil)
			n++
		}
		return n
	}
	for _, tt := range []struct {
		name      string
		versioned bool
		options   migrate.Options
		lose      func(f *fixture) int64
		asks      bool
	}{
		{"all that an erase left", true, migrate.Options{}, func(f *fixture) int64 { return remove(f, 100) }, true},
		{"most", true, migrate.Options{KeepSource: true}, func(f *fixture) int64 { return remove(f, 20) }, true},
		{"less than half", true, migrate.Options{KeepSource: true}, func(f *fixture) int64 { return remove(f, 14) }, false},
		{"all, replaced", false, migrate.Options{KeepSource: true}, func(f *fixture) int64 { return replace(f, 30) }, true},
		{"most, replaced", false, migrate.Options{KeepSource: true}, func(f *fixture) int64 { return replace(f, 20) }, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f, p, want := start(t, tt.versioned, tt.options)
			before := len(f.snapshot(us, f.bucket))
			lost := tt.lose(f)
			if lost == 0 || reflect.DeepEqual(tt.options, migrate.Options{}) && before == len(want) {
				t.Fatalf("%d lost, of %d that were left of %d", lost, before, len(want))
			}
			keep := migrate.Options{Passes: 2, KeepSource: tt.options.KeepSource}
			if !tt.asks {
				if _, err := f.runner().Run(t.Context(), p, keep); err != nil {
					t.Fatal(err)
				}
				follows(t, f)
				return
			}
			var lacks *migrate.UnexplainedError
			if _, err := f.runner().Run(t.Context(), p, keep); !errors.As(err, &lacks) || lacks.Entries() != lost {
				t.Fatalf("%v, want an error that names %d entries", err, lost)
			}
			if d := storetest.Diff(want, f.snapshot(eu, f.destination())); d != "" {
				t.Fatalf("copies were touched:\n%s", d)
			}
			keep.RemoveOutdated = lost
			if _, err := f.runner().Run(t.Context(), p, keep); err != nil {
				t.Fatalf("with the number: %v", err)
			}
			if keep.KeepSource {
				follows(t, f)
			}
		})
	}
}

// follows checks that the destination has what its source has now.
func follows(t *testing.T, f *fixture) {
	t.Helper()
	if d := storetest.Diff(f.snapshot(us, f.bucket), f.snapshot(eu, f.destination())); d != "" {
		t.Errorf("the destination does not follow:\n%s", d)
	}
}

// What another plan of the same state has erased originals in reliance on is not removed,
// whatever number somebody gives.
func TestCopiesThatAnotherPlanReliesOn(t *testing.T) {
	f := newFixture(t, true)
	f.fill(12, 50)
	p := f.plan("auto")
	if _, err := f.runner().Run(t.Context(), p, migrate.Options{KeepSource: true}); err != nil {
		t.Fatal(err)
	}
	f.put("later", []byte("one more"), nil)
	want := maps.Clone(f.snapshot(us, f.bucket))
	other := f.plan("auto")
	if other.ID == p.ID {
		t.Fatal("the second plan is the first")
	}
	if _, err := f.runner().Run(t.Context(), other, migrate.Options{}); err != nil {
		t.Fatal(err)
	}
	for _, word := range []int64{0, 12} {
		var lacks *migrate.UnexplainedError
		_, err := f.runner().Run(t.Context(), p, migrate.Options{Passes: 2, RemoveOutdated: word})
		if !errors.As(err, &lacks) || word > 0 && lacks.By != other.ID {
			t.Errorf("with the number %d: %v, want one that names plan %s", word, err, other.ID)
		}
		if d := storetest.Diff(want, f.snapshot(eu, f.destination())); d != "" {
			t.Fatalf("copies were touched:\n%s", d)
		}
	}
}
