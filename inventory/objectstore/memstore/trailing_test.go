package memstore_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/memstore"
)

// What a service without delete markers shows of a key follows what is beneath.
func TestTrailingMarkers(t *testing.T) {
	now := time.Date(2026, 11, 29, 0, 0, 0, 0, time.UTC)
	service := memstore.New(memstore.Options{Endpoint: "https://x", Now: func() time.Time { return now },
		Traits: memstore.Traits{TrailingMarkers: true, Keeps: time.Hour}})
	store := service.Region("eu")
	ctx := t.Context()
	if err := errors.Join(store.CreateBucket(ctx, "b", false), store.SetVersioning(ctx, "b", objectstore.Enabled)); err != nil {
		t.Fatal(err)
	}
	put := func(text string, guard objectstore.Guard) string {
		w, err := store.Put(ctx, objectstore.NewObject{Bucket: "b", Key: "k", Guard: guard},
			objectstore.Body{Reader: strings.NewReader(text), Size: int64(len(text))})
		if err != nil {
			t.Fatal(err)
		}
		return w.VersionID
	}
	shows := func(when string, want ...string) {
		t.Helper()
		var got []string
		for v, err := range store.Versions(ctx, "b", "", "") {
			if err != nil {
				t.Fatal(err)
			}
			if v.Latest != (len(got) == 0) || v.Marker != objectstore.IsMarkerOf(v.VersionID) {
				t.Errorf("%s: %+v", when, v)
			}
			got = append(got, v.VersionID)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", when, got, want)
		}
	}
	absent := objectstore.Guard{Absent: true}
	one := put("one", absent)
	w, err := store.PutMarker(ctx, "b", "k")
	if err != nil || w.VersionID != objectstore.MarkerOf(one) {
		t.Fatalf("PutMarker = %+v, %v", w, err)
	}
	shows("deleted", objectstore.MarkerOf(one), one)
	if _, err := store.PutMarker(ctx, "b", "k"); !errors.Is(err, objectstore.ErrNotOffered) {
		t.Errorf("a second marker: %v", err)
	}
	two := put("two", absent)
	shows("written again", two, one)
	erase := func(id string) {
		t.Helper()
		results, err := store.Delete(ctx, "b", []objectstore.Deletion{{Key: "k", VersionID: id}})
		if err := errors.Join(append(results, err)...); err != nil {
			t.Fatal(err)
		}
	}
	erase(two)
	shows("without the current one", objectstore.MarkerOf(one), one)
	erase(objectstore.MarkerOf(one))
	shows("a marker that is shown cannot be deleted", objectstore.MarkerOf(one), one)
	erase(one)
	shows("all gone")
	kept := func() (n int) {
		for d, err := range store.Deleted(ctx, "b", "k") {
			if err != nil || d.Until != now.Add(time.Hour) && n == 0 {
				t.Errorf("kept: %+v, %v", d, err)
			}
			n++
		}
		return n
	}
	if n := kept(); n != 2 {
		t.Errorf("%d kept, want 2", n)
	}
	if now = now.Add(time.Hour); kept() != 0 {
		t.Error("kept beyond its time")
	}
}
