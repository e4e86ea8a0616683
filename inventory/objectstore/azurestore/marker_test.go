package azurestore_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/azurestore"
	"github.com/residency/residency/inventory/objectstore/storetest/azure"
)

// TestMarkerOn deletes what is current with one request, if it is the version that was seen.
func TestMarkerOn(t *testing.T) {
	server, s := start(t, nil)
	bucket := versioned + records
	one, two := put(t, s, bucket, "k", "one"), put(t, s, bucket, "k", "two")
	put(t, s, plain+records, "k", "one")
	on := s.(objectstore.MarkerPutter)
	for name, test := range map[string]struct {
		bucket, key string
		guard       objectstore.Guard
		want        error
	}{
		"another":           {bucket, "k", one.Current(), objectstore.ErrPrecondition},
		"no key":            {bucket, "none", one.Current(), objectstore.ErrPrecondition},
		"no container":      {versioned + ".nothing", "k", two.Current(), objectstore.ErrNoBucket},
		"no ETag":           {bucket, "k", objectstore.Guard{VersionID: two.VersionID}, objectstore.ErrRejected},
		"no version ID":     {bucket, "k", objectstore.Guard{ETag: two.ETag}, objectstore.ErrNotOffered},
		"nothing":           {bucket, "k", objectstore.Guard{}, objectstore.ErrNotOffered},
		"no current one":    {bucket, "k", objectstore.Guard{Absent: true}, objectstore.ErrNotOffered},
		"null":              {bucket, "k", objectstore.Guard{VersionID: "null", ETag: two.ETag}, objectstore.ErrNotOffered},
		"no versions there": {plain + records, "k", two.Current(), objectstore.ErrNotOffered},
		"a marker": {bucket, "k", objectstore.Guard{VersionID: objectstore.MarkerOf(two.VersionID), ETag: two.ETag},
			objectstore.ErrNotOffered},
		"a snapshot": {bucket, "k", objectstore.Guard{VersionID: "snapshot:" + two.VersionID, ETag: two.ETag},
			objectstore.ErrNotOffered},
	} {
		w, err := on.PutMarkerOn(t.Context(), test.bucket, test.key, test.guard)
		if !errors.Is(err, test.want) || w != (objectstore.Written{}) {
			t.Errorf("%s: %+v, %v", name, w, err)
		}
	}
	if got := server.History(versioned, "records", "k") + server.History(plain, "records", "k"); got != "pcc" {
		t.Fatalf("what was refused was done: %s", got)
	}
	server.Requests()
	w, err := on.PutMarkerOn(t.Context(), bucket, "k", two.Current())
	if err != nil || w.VersionID != objectstore.MarkerOf(two.VersionID) || w.Answered.IsZero() {
		t.Errorf("%+v, %v", w, err)
	}
	sent := server.Requests()
	if len(sent) != 1 || sent[0].Header.Get("If-Match") != `"`+two.ETag+`"` || sent[0].Query != "" {
		t.Errorf("sent %v", sent)
	}
	if got := entries(t, s, bucket); len(got) != 3 || got[0].VersionID != w.VersionID || !got[0].Marker {
		t.Errorf("listed %+v", got)
	}
	if _, err := on.PutMarkerOn(t.Context(), bucket, "k", two.Current()); !errors.Is(err, objectstore.ErrPrecondition) {
		t.Errorf("a second time: %v", err)
	}
}

// TestMarkerOnUnknown deletes nothing where nobody tells whether versions are kept.
func TestMarkerOnUnknown(t *testing.T) {
	server, s := start(t, func(_ *azure.Options, o *azurestore.Options) {
		o.Regions = map[string][]string{"westeurope": {versioned}}
	})
	w := put(t, s, versioned+records, "k", "one")
	_, err := s.(objectstore.MarkerPutter).PutMarkerOn(t.Context(), versioned+records, "k", w.Current())
	if !errors.Is(err, objectstore.ErrNotOffered) || server.History(versioned, "records", "k") != "c" {
		t.Errorf("%v, %s", err, server.History(versioned, "records", "k"))
	}
}

// TestMarkerOnOther does not take an answer about another version for that about its own.
func TestMarkerOnOther(t *testing.T) {
	inner, _ := start(t, nil)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodDelete {
			w.Header().Set("x-ms-version-id", "2000-01-01T00:00:00.0000000Z")
		}
		inner.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	inner.URL = server.URL
	s := open(t, azurestore.Options{Endpoint: server.URL, ARMEndpoint: server.URL,
		Subscription: inner.Subscription()}).Region("westeurope")
	w := put(t, s, versioned+records, "k", "one")
	if _, err := s.(objectstore.MarkerPutter).PutMarkerOn(t.Context(), versioned+records, "k", w.Current()); err == nil {
		t.Error("taken for the version that was meant")
	}
}
