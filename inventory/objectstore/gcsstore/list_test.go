package gcsstore_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/gcsstore"
	"github.com/residency/residency/inventory/objectstore/storetest/google"
)

// keys are in the order of their bytes, which is not that of UTF-16.
var keys = []string{" leading", "100%", "a", "a/../b", "a//b", "b+c?d#e&f", "cafe\u0301", "caf\u00e9", "dir", "dir/",
	"dir/file", "quote\"", "tab\there", "\ue000", "\uffee", "\U0001f600"}

func TestListing(t *testing.T) {
	server, s := start(t, google.Options{PageSize: 2, EmptyPages: true})
	for _, key := range keys {
		for i := range 3 {
			server.PutObject("versioned", google.Object{Name: key, Data: []byte(fmt.Sprint(key, i))})
		}
	}
	all := mustList(t, s, "versioned")
	var seen []string
	for i, v := range all {
		if i%3 == 0 {
			seen = append(seen, v.Key)
		}
		if v.Latest != (i%3 == 0) || v.Marker {
			t.Errorf("entry %d of %q: latest %v, marker %v", i%3, v.Key, v.Latest, v.Marker)
		}
		if text, _ := read(t, s, objectstore.Ref{Bucket: "versioned", Key: v.Key, VersionID: v.VersionID}); string(text) !=
			fmt.Sprint(v.Key, 2-i%3) {
			t.Errorf("entry %d of %q reads %q", i%3, v.Key, text)
		}
	}
	if !slices.Equal(seen, keys) {
		t.Errorf("listed %q\nwant   %q", seen, keys)
	}
	whole := mustList(t, open(t, server, func(o *gcsstore.Options) { o.PageSize = 1000 }), "versioned")
	if !slices.EqualFunc(all, whole, objectstore.Version.Same) {
		t.Error("a listing of other pages differs")
	}
	for i := 0; i < len(all); i += 3 { // behind each key are the others
		rest, err := listed(t.Context(), s, "versioned", "", all[i].Key)
		if err != nil || !slices.EqualFunc(rest, all[i+3:], objectstore.Version.Same) {
			t.Errorf("behind %q: %d entries, %v; want %d", all[i].Key, len(rest), err, len(all)-i-3)
		}
	}
	if dirs, err := listed(t.Context(), s, "versioned", "dir/", ""); err != nil || len(dirs) != 6 {
		t.Errorf("beneath dir/: %d entries, %v", len(dirs), err)
	}
	for range s.Versions(t.Context(), "versioned", "", "") {
		break // which ends it without an error
	}
}

// TestMarkersAreMadeUp: without them a copy of the history would bring back what was deleted.
func TestMarkersAreMadeUp(t *testing.T) {
	_, s := start(t, google.Options{PageSize: 1})
	first := put(t, s, "versioned", "key", "one")
	mark, err := s.PutMarker(t.Context(), "versioned", "key")
	if err != nil || mark.VersionID != "deleted:"+first.VersionID {
		t.Fatalf("marker %q, %v", mark.VersionID, err)
	}
	all := mustList(t, s, "versioned")
	if shape(all) != "m*v" || all[0].VersionID != mark.VersionID || all[0].Modified.IsZero() ||
		all[1].VersionID != first.VersionID {
		t.Errorf("listed %+v", all)
	}
	ref := objectstore.Ref{Bucket: "versioned", Key: "key", VersionID: mark.VersionID}
	if _, err := s.Stat(t.Context(), ref, 0); !errors.Is(err, objectstore.ErrMarker) {
		t.Errorf("stat of a marker: %v", err)
	}
	if _, err := s.Open(t.Context(), ref, 0); !errors.Is(err, objectstore.ErrMarker) {
		t.Errorf("open of a marker: %v", err)
	}
	if _, err := s.PutMarker(t.Context(), "versioned", "key"); !errors.Is(err, objectstore.ErrNotOffered) {
		t.Errorf("a second marker: %v", err)
	}
	result, err := s.Delete(t.Context(), "versioned", []objectstore.Deletion{{Key: "key", VersionID: mark.VersionID}})
	if err != nil || result[0] != nil {
		t.Errorf("deletion of a marker: %v, %v", err, result)
	}
	if again := mustList(t, s, "versioned"); shape(again) != "m*v" {
		t.Errorf("then %s", shape(again))
	}
	put(t, s, "versioned", "key", "two") // brought back
	if again := mustList(t, s, "versioned"); shape(again) != "v*v" {
		t.Errorf("brought back: %s", shape(again))
	}
}

func TestNoMarkerWithoutVersions(t *testing.T) {
	_, s := start(t, google.Options{})
	put(t, s, "plain", "key", "one")
	if _, err := s.PutMarker(t.Context(), "plain", "key"); !errors.Is(err, objectstore.ErrNotOffered) {
		t.Errorf("marker: %v", err)
	}
	if _, err := s.PutMarker(t.Context(), "versioned", "nothing"); !errors.Is(err, objectstore.ErrNotOffered) {
		t.Errorf("marker on nothing: %v", err)
	}
	if all := mustList(t, s, "plain"); shape(all) != "v*" {
		t.Errorf("then %s", shape(all))
	}
}

func TestListingOfNoBucket(t *testing.T) {
	_, s := start(t, google.Options{})
	if _, err := listed(t.Context(), s, "nowhere", "", ""); !errors.Is(err, objectstore.ErrNoBucket) {
		t.Errorf("got %v", err)
	}
	for _, err := range s.Uploads(t.Context(), "nowhere", "") {
		if !errors.Is(err, objectstore.ErrNoBucket) {
			t.Errorf("uploads: %v", err)
		}
	}
}
