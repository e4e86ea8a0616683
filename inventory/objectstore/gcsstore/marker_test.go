package gcsstore_test

import (
	"errors"
	"testing"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/storetest/google"
)

// TestMarkerOn has the live version become noncurrent, if it is the one that was seen.
func TestMarkerOn(t *testing.T) {
	server, s := start(t, google.Options{})
	one, two := put(t, s, "versioned", "key", "one"), put(t, s, "versioned", "key", "two")
	other := put(t, s, "plain", "key", "one")
	for name, test := range map[string]struct {
		bucket, key string
		guard       objectstore.Guard
		want        error
	}{
		"another":           {"versioned", "key", one.Current(), objectstore.ErrPrecondition},
		"no key":            {"versioned", "none", one.Current(), objectstore.ErrPrecondition},
		"no bucket":         {"nowhere", "key", two.Current(), objectstore.ErrNoBucket},
		"no version ID":     {"versioned", "key", objectstore.Guard{ETag: two.ETag}, objectstore.ErrNotOffered},
		"nothing":           {"versioned", "key", objectstore.Guard{}, objectstore.ErrNotOffered},
		"generation 0":      {"versioned", "none", objectstore.Guard{VersionID: "0"}, objectstore.ErrNotOffered},
		"no versions there": {"plain", "key", other.Current(), objectstore.ErrNotOffered},
		"a marker": {"versioned", "key", objectstore.Guard{VersionID: objectstore.MarkerOf(two.VersionID)},
			objectstore.ErrNotOffered},
	} {
		w, err := s.PutMarkerOn(t.Context(), test.bucket, test.key, test.guard)
		if !errors.Is(err, test.want) || w != (objectstore.Written{}) {
			t.Errorf("%s: %+v, %v", name, w, err)
		}
	}
	if got := shape(mustList(t, s, "versioned")) + shape(mustList(t, s, "plain")); got != "v*vv*" {
		t.Fatalf("what was refused was done: %s", got)
	}
	reads, deletions := server.Count("storage.objects.get"), server.Count("storage.objects.delete")
	w, err := s.PutMarkerOn(t.Context(), "versioned", "key", two.Current())
	if err != nil || w.VersionID != objectstore.MarkerOf(two.VersionID) || w.Answered.IsZero() {
		t.Errorf("%+v, %v", w, err)
	}
	if n := server.Count("storage.objects.get") - reads; n != 1 {
		t.Errorf("%d looks at the object, and one behind the deletion is needed", n)
	}
	if n := server.Count("storage.objects.delete") - deletions; n != 1 {
		t.Errorf("%d deletions", n)
	}
	if all := mustList(t, s, "versioned"); shape(all) != "m*vv" || all[0].VersionID != w.VersionID {
		t.Errorf("listed %+v", all)
	}
	_, err = s.PutMarkerOn(t.Context(), "versioned", "key", two.Current())
	if !errors.Is(err, objectstore.ErrPrecondition) {
		t.Errorf("a second time: %v", err)
	}
}

// TestMarkerOnRace has others write, and switch versioning off, in front of the deletion.
func TestMarkerOnRace(t *testing.T) {
	server, s := start(t, google.Options{})
	w := put(t, s, "versioned", "key", "one")
	meanwhile(server, "storage.objects.delete", 0, func() {
		server.PutObject("versioned", google.Object{Name: "key", Data: []byte("somebody's")})
	})
	_, err := s.PutMarkerOn(t.Context(), "versioned", "key", w.Current())
	if text, _ := read(t, s, objectstore.Ref{Bucket: "versioned", Key: "key"}); string(text) != "somebody's" ||
		!errors.Is(err, objectstore.ErrPrecondition) {
		t.Errorf("%q is live, %v", text, err)
	}
	w = put(t, s, "versioned", "other", "one")
	meanwhile(server, "storage.objects.delete", 0, func() {
		if err := s.SetVersioning(t.Context(), "versioned", objectstore.Unversioned); err != nil {
			t.Error(err)
		}
	})
	if _, err := s.PutMarkerOn(t.Context(), "versioned", "other", w.Current()); err == nil {
		t.Error("a version that is gone for good is taken for one that is noncurrent")
	}
}
