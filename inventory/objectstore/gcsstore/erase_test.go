package gcsstore_test

import (
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/storetest/google"
)

// TestErasureIsOfOneGeneration: the live version is deleted for good where its generation is
// named, and the others stay.
func TestErasureIsOfOneGeneration(t *testing.T) {
	for _, bucket := range []string{"versioned", "plain"} {
		_, s := start(t, google.Options{})
		var written []objectstore.Written
		for i := range 3 {
			written = append(written, put(t, s, bucket, "key", fmt.Sprint(i)))
		}
		live := written[2]
		if err := s.DeleteIf(t.Context(), bucket, objectstore.Deletion{Key: "key", VersionID: live.VersionID,
			ETag: live.ETag}); err != nil {
			t.Fatal(err)
		}
		for _, v := range mustList(t, s, bucket) {
			if v.VersionID == live.VersionID {
				t.Errorf("%s: it is there still", bucket)
			}
		}
		want := map[string]string{"versioned": "m*vv", "plain": ""}[bucket]
		if got := shape(mustList(t, s, bucket)); got != want {
			t.Errorf("%s: %s is left, want %s", bucket, got, want)
		}
		if err := s.DeleteIf(t.Context(), bucket, objectstore.Deletion{Key: "key", VersionID: live.VersionID,
			ETag: live.ETag}); !errors.Is(err, objectstore.ErrNotFound) {
			t.Errorf("%s: a second time: %v", bucket, err)
		}
	}
}

func TestErasureUnderAnETag(t *testing.T) {
	server, s := start(t, google.Options{})
	w, other := put(t, s, "versioned", "key", "one"), put(t, s, "versioned", "other", "one")
	patch(t, server, "versioned", "key", `{"metadata":{"a":"b"}}`)
	for name, d := range map[string]objectstore.Deletion{
		"before a change":      {VersionID: w.VersionID, ETag: w.ETag},
		"another version's":    {VersionID: w.VersionID, ETag: other.ETag},
		"none that there is":   {VersionID: w.VersionID, ETag: objectstore.ImpossibleETag},
		"and no version":       {ETag: w.ETag},
		"impossible, and none": {ETag: objectstore.ImpossibleETag},
	} {
		d.Key = "key"
		if err := s.DeleteIf(t.Context(), "versioned", d); !errors.Is(err, objectstore.ErrPrecondition) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := shape(mustList(t, s, "versioned")); got != "v*v*" {
		t.Errorf("%s is left", got)
	}
	if err := s.DeleteIf(t.Context(), "versioned", objectstore.Deletion{Key: "other", ETag: other.ETag}); err != nil {
		t.Error(err)
	}
	if got := shape(mustList(t, s, "versioned")); got != "v*" {
		t.Errorf("%s is left: the live version by its ETag is not gone for good", got)
	}
}

func TestDeletionOfMany(t *testing.T) {
	server, s := start(t, google.Options{})
	w := put(t, s, "versioned", "key", "one")
	server.PutObject("versioned", google.Object{Name: "held", TemporaryHold: true})
	held := mustList(t, s, "versioned")[0]
	result, err := s.Delete(t.Context(), "versioned", []objectstore.Deletion{
		{Key: "key", VersionID: w.VersionID},
		{Key: "gone", VersionID: "12"},
		{Key: "held", VersionID: held.VersionID},
		{Key: "key"},
		{Key: "key", VersionID: objectstore.NullVersion},
		{VersionID: "12"},
		{Key: "key", VersionID: objectstore.MarkerOf(w.VersionID)},
	})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []error{nil, nil, objectstore.ErrLocked, objectstore.ErrRejected, objectstore.ErrRejected,
		objectstore.ErrRejected, nil} {
		if !errors.Is(result[i], want) {
			t.Errorf("entry %d: %v, want %v", i, result[i], want)
		}
	}
	if n := server.Count("storage.objects.delete"); n != 3 {
		t.Errorf("%d requests: none may go without a generation", n)
	}
	if _, err := s.Delete(t.Context(), "nowhere", []objectstore.Deletion{{Key: "a", VersionID: "1"}}); !errors.Is(err,
		objectstore.ErrNoBucket) {
		t.Errorf("of no bucket: %v", err)
	}
}

func TestWhatIsDeletedAndKept(t *testing.T) {
	now := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	server, s := start(t, google.Options{PageSize: 1, Now: func() time.Time { return now }})
	kept := func(bucket string) (all []objectstore.Deleted) {
		for d, err := range s.Deleted(t.Context(), bucket, "a") {
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, d)
		}
		return all
	}
	erase := func(bucket, key string) {
		w := put(t, s, bucket, key, "text")
		if err := s.DeleteIf(t.Context(), bucket, objectstore.Deletion{Key: key, VersionID: w.VersionID}); err != nil {
			t.Fatal(err)
		}
	}
	server.MakeBucket(google.Bucket{Name: "paused", Paused: true})
	for _, bucket := range []string{"versioned", "plain", "paused"} {
		erase(bucket, "a1")
		erase(bucket, "a2")
		erase(bucket, "b")
	}
	if all := kept("versioned"); len(all) != 2 || !all[0].Until.Equal(now.AddDate(0, 0, 7)) || all[0].Latest ||
		all[0].Size != 4 {
		t.Errorf("kept: %+v", all)
	}
	if all := kept("plain"); len(all) != 0 {
		t.Errorf("kept without a policy: %+v", all)
	}
	if all := kept("paused"); len(all) != 2 || !all[0].Until.IsZero() {
		t.Errorf("kept while paused: %+v", all)
	}
	if all := mustList(t, s, "versioned"); len(all) != 0 {
		t.Errorf("listed: %+v", all)
	}
	now = now.AddDate(0, 0, 8)
	if all := kept("versioned"); len(all) != 0 {
		t.Errorf("after a week: %+v", all)
	}
	for _, err := range s.Deleted(t.Context(), "nowhere", "") {
		if !errors.Is(err, objectstore.ErrNoBucket) {
			t.Errorf("of no bucket: %v", err)
		}
	}
}

func TestErasureThatIsDenied(t *testing.T) {
	server, s := start(t, google.Options{})
	w := put(t, s, "plain", "secret", "one")
	server.SetFault(func(google.Request) google.Fault {
		return google.Fault{Status: http.StatusForbidden, Reason: "forbidden"}
	})
	err := s.DeleteIf(t.Context(), "plain", objectstore.Deletion{Key: "secret", VersionID: w.VersionID})
	var answer *objectstore.Error
	if !errors.Is(err, objectstore.ErrDenied) || !errors.As(err, &answer) || len(answer.Needs) != 1 ||
		answer.Needs[0] != "storage.objects.delete" {
		t.Errorf("got %v", err)
	}
}
