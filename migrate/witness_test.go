package migrate_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/residency/residency/inventory"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/memstore"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/progress"
	"github.com/residency/residency/migrate/state"
)

// interrupted is a store at which something happens before one key is read.
type interrupted struct {
	*memstore.Store
	key  string
	once func()
}

func (s *interrupted) Open(ctx context.Context, ref objectstore.Ref, part int) (*objectstore.Object, error) {
	if ref.Key == s.key && s.once != nil {
		s.once()
		s.once = nil
	}
	return s.Store.Open(ctx, ref, part)
}

// Tags become unreadable while versions are copied, and the version that was asked
// about before is deleted: that it is not found is no answer. What was copied without
// its tags is not taken for proven, and has them in the end.
func TestDeletedVersionIsNoWitness(t *testing.T) {
	ctx, bucket := t.Context(), "source-bucket"
	service := memstore.New(memstore.Options{Endpoint: "one", Now: time.Now})
	source := &interrupted{Store: service.Region(us), key: "tagged"}
	destination := memstore.New(memstore.Options{Endpoint: "two", Now: time.Now}).Region(eu)
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(source.CreateBucket(ctx, bucket, false))
	must(source.SetVersioning(ctx, bucket, objectstore.Enabled))
	ids := make(map[string]string)
	tags := []objectstore.Tag{{Key: "a", Value: "b"}}
	for _, key := range []string{"first", "second", "tagged"} {
		o := objectstore.NewObject{Bucket: bucket, Key: key}
		if key == "tagged" {
			o.Tags = tags
		}
		w, err := source.Put(ctx, o, objectstore.Body{Reader: strings.NewReader(key), Size: int64(len(key))})
		must(err)
		ids[key] = w.VersionID
	}
	stores := func(_, region string) objectstore.Store {
		if region == us {
			return source
		}
		return destination
	}
	home := state.NewDir(t.TempDir())
	p, err := plan.Make(ctx, home, plan.Request{
		Customer: "acme", Verify: "auto", Stores: stores, Now: time.Now(), Progress: &progress.Progress{},
		Destination: plan.Region{Provider: "cloud", Code: eu, Country: "IE"},
		Inventory: &inventory.Inventory{Places: []inventory.Place{{Customer: "acme", Provider: "cloud", Region: us,
			Bucket: bucket, Versioning: objectstore.Enabled}}},
		BucketName: func(at objectstore.Location, _ string) string { return at.Bucket + "-" + eu },
	})
	must(err)
	source.once = func() {
		_, err := source.Delete(ctx, bucket, []objectstore.Deletion{{Key: "first", VersionID: ids["first"]}})
		must(err)
		service.HideTags(true)
	}
	run := func() error {
		r := &migrate.Runner{Home: home, Stores: stores, Now: time.Now, Sleep: noSleep, Progress: &progress.Progress{},
			Workers: 1, Tool: "test", Host: "here"}
		_, err := r.Run(ctx, p, migrate.Options{Passes: migrate.DefaultPasses})
		return err
	}
	if err := run(); !errors.Is(err, migrate.ErrTags) {
		t.Fatalf("%v, want %v", err, migrate.ErrTags)
	}
	service.HideTags(false)
	if err := run(); err != nil && !errors.Is(err, migrate.ErrVerification) {
		t.Fatal(err)
	}
	left := false
	for v, err := range source.Versions(ctx, bucket, "", "") {
		must(err)
		left = left || v.Key == "tagged"
	}
	carried, err := destination.Tags(ctx, objectstore.Ref{Bucket: bucket + "-" + eu, Key: "tagged"})
	must(err)
	if !left && !slices.Equal(carried, tags) {
		t.Errorf("erased, and the copy has the tags %v, want %v", carried, tags)
	}
}
