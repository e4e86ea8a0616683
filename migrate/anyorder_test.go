package migrate_test

import (
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/s3store"
	"github.com/residency/residency/inventory/objectstore/storetest"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/plan"
)

// unordered is a source whose listings come in an order of their own, in short pages.
func unordered(t *testing.T, versioned, configured bool) *fixture {
	t.Helper()
	f := newFixture(t, versioned)
	f.from.SetFault(storetest.AnyOrder(t.Context(), f.box.Client(us)))
	var err error
	f.source, err = s3store.Open(t.Context(), s3store.Options{Name: "cloud", Profile: "sandbox", Backoff: atOnce,
		Endpoints: map[string]string{us: f.from.URL()}, PageSize: 37, AnyOrder: configured})
	f.must(nil, err)
	return f
}

// A source that lists in an order of its own is moved exactly, if the configuration says
// so, and the plan and the certificate name what its listings rest on.
func TestAnyOrder(t *testing.T) {
	for name, versioned := range map[string]bool{"histories": true, "objects": false} {
		t.Run(name, func(t *testing.T) {
			f := unordered(t, versioned, true)
			if versioned {
				f.mixed()
			}
			f.fill(100, 20)
			before := f.snapshot(us, f.bucket)
			p := f.plan("auto")
			warned := slices.ContainsFunc(p.Warnings, func(i plan.Issue) bool { return strings.Contains(i.Text, plan.AnyOrder) })
			if !warned || !p.Moves[0].AnyOrder {
				t.Errorf("the plan warns of %v", p.Warnings)
			}
			r, err := f.run(p)
			if err != nil {
				t.Fatalf("%v\n%s", err, problems(r))
			}
			f.moved(before)
		})
	}
}

// Without that word nothing is planned, and what was planned otherwise does not run.
func TestAnyOrderUnsaid(t *testing.T) {
	f := unordered(t, true, false)
	f.fill(100, 20)
	before := f.snapshot(us, f.bucket)
	if p, err := f.tryPlan("auto"); !errors.Is(err, objectstore.ErrOrder) || !strings.Contains(err.Error(), "ordering: any") {
		t.Errorf("planned %v, with %v", p, err)
	}
	f.from.SetFault(nil)
	p := f.plan("auto")
	f.source, _ = s3store.Open(t.Context(), s3store.Options{Name: "cloud", Profile: "sandbox", Backoff: atOnce,
		Endpoints: map[string]string{us: f.from.URL()}, AnyOrder: true})
	if r, err := f.run(p); !errors.Is(err, migrate.ErrChanged) || !strings.Contains(err.Error(), "ordering") {
		t.Errorf("run: %v\n%s", err, problems(r))
	}
	f.intact(before)
}

// What is written while such a source is listed shows as two listings that differ. One that
// passes over the same entry each time is not found out, which the plan says.
func TestAnyOrderUnderWrites(t *testing.T) {
	f := unordered(t, true, true)
	f.fill(60, 20)
	f.versioning(us, f.bucket, types.BucketVersioningStatusEnabled)
	shuffled := storetest.AnyOrder(t.Context(), f.box.Client(us))
	var written atomic.Int64
	f.from.SetFault(func(r storetest.Request) storetest.Fault {
		if r.Operation == "ListObjectVersions" && r.Query.Get("version-id-marker") == "" && r.Query.Get("prefix") == "" {
			f.put("again", []byte{byte(written.Add(1))}, nil) // at the beginning of each listing
		}
		return shuffled(r)
	})
	if _, err := f.tryPlan("auto"); !errors.Is(err, objectstore.ErrOrder) || !strings.Contains(err.Error(), "do not tell the same") {
		t.Errorf("planned while others wrote: %v", err)
	}
	if written.Load() < 2 {
		t.Errorf("written %d times", written.Load())
	}
}
