package azurestore_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/azurestore"
	"github.com/residency/residency/inventory/objectstore/storetest/azure"
)

// erase deletes entries that must all go.
func erase(t *testing.T, s objectstore.Store, bucket string, entries ...objectstore.Deletion) {
	t.Helper()
	errs, err := s.Delete(t.Context(), bucket, entries)
	for i, e := range errs {
		if err == nil && e != nil {
			t.Fatalf("%d: %v", i, e)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
}

// TestErase deletes a previous version with one request, and a current one with three, or with two where it is known to
// be that; who takes a previous one for it loses a request, and nothing else. Whether the container can lock versions is
// asked once.
func TestErase(t *testing.T) {
	server, s := start(t, func(o *azure.Options, _ *azurestore.Options) { o.Accounts[0].VersionLocking = false })
	bucket := versioned + records
	one, two := put(t, s, bucket, "k", "one"), put(t, s, bucket, "k", "two")
	server.Requests()
	erase(t, s, bucket, objectstore.Deletion{Key: "k", VersionID: one.VersionID, ETag: one.ETag})
	if n := server.Count()["Delete Blob"]; n != 1 {
		t.Errorf("a previous version took %d deletions", n)
	}
	erase(t, s, bucket, objectstore.Deletion{Key: "k", VersionID: two.VersionID, ETag: two.ETag})
	sent := server.Requests()
	if len(sent) != 4 || sent[0].Status != http.StatusForbidden || sent[1].Op != "Get Container Properties" ||
		sent[2].Header.Get("If-Match") != `"`+two.ETag+`"` || sent[2].Query != "" || sent[3].Query == "" {
		t.Errorf("a current version: %v", sent)
	}
	if got := server.History(versioned, "records", "k"); got != "" {
		t.Errorf("left: %s", got)
	}
	erase(t, s, bucket, objectstore.Deletion{Key: "k", VersionID: two.VersionID}) // what is gone is no error

	one, two = put(t, s, bucket, "k", "one"), put(t, s, bucket, "k", "two")
	server.Requests()
	erase(t, s, bucket, objectstore.Deletion{Key: "k", VersionID: two.VersionID, Current: two.ETag})
	sent = server.Requests()
	if len(sent) != 2 || sent[0].Header.Get("If-Match") != `"`+two.ETag+`"` || sent[0].Query != "" || sent[1].Query == "" {
		t.Errorf("a version that is known to be current: %v", sent)
	}
	three := put(t, s, bucket, "k", "three")
	erase(t, s, bucket, objectstore.Deletion{Key: "k", VersionID: one.VersionID, Current: one.ETag})
	if left := entries(t, s, bucket); len(left) != 1 || left[0].VersionID != three.VersionID || !left[0].Latest {
		t.Errorf("left: %v, want %s", left, three.VersionID)
	}
}

// TestEraseWhole deletes a listing as it stands, with snapshots and a made up marker.
func TestEraseWhole(t *testing.T) {
	server, s := start(t, nil)
	bucket := versioned + records
	for _, key := range []string{"a", "b", "c"} {
		put(t, s, bucket, key, "one")
		server.Snapshot(versioned, "records", key)
		put(t, s, bucket, key, "two")
	}
	erase(t, s, bucket, objectstore.Deletion{Key: "b", VersionID: "snapshot:" + snapshotOf(t, s, bucket, "b")})
	if _, err := s.PutMarker(t.Context(), bucket, "b"); err != nil {
		t.Fatal(err)
	}
	var all []objectstore.Deletion
	for _, v := range entries(t, s, bucket) {
		all = append(all, objectstore.Deletion{Key: v.Key, VersionID: v.VersionID})
	}
	if len(all) != 9 {
		t.Fatalf("%d entries", len(all))
	}
	erase(t, s, bucket, all...)
	if left := entries(t, s, bucket); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

func snapshotOf(t *testing.T, s objectstore.Store, bucket, key string) string {
	t.Helper()
	for _, v := range entries(t, s, bucket) {
		if time, ok := strings.CutPrefix(v.VersionID, "snapshot:"); ok && v.Key == key {
			return time
		}
	}
	t.Fatal("no snapshot")
	return ""
}

// TestEraseRace has somebody write between the refusal of a current version and its deletion: what he wrote stays.
// Without If-Match the deletion would take it.
func TestEraseRace(t *testing.T) {
	server, s := start(t, nil)
	bucket := versioned + records
	one := put(t, s, bucket, "k", "one")
	put(t, s, bucket, "other", "x")
	refused := make(chan struct{}, 1)
	written := make(chan string)
	go func() {
		<-refused
		written <- server.Put(versioned, "records", "k", "two")
	}()
	var two string
	server.Fail(func(r azure.Request) azure.Fault {
		if r.Op == "Delete Blob" && r.Query != "" && two == "" {
			select {
			case refused <- struct{}{}:
			default:
			}
		}
		return azure.Fault{}
	})
	// The store's own fence is the place between two of its requests.
	asked := 0
	ctx := objectstore.WithFence(t.Context(), func() error {
		if asked++; asked > 2 && two == "" {
			two = <-written
		}
		return nil
	})
	errs, err := s.Delete(ctx, bucket, []objectstore.Deletion{{Key: "k", VersionID: one.VersionID, ETag: one.ETag}})
	if err != nil || errs[0] != nil {
		t.Fatalf("%v, %v", errs, err)
	}
	if two == "" {
		t.Fatal("nobody wrote in between")
	}
	if got := server.History(versioned, "records", "k"); got != "c" {
		t.Errorf("history %s", got)
	}
	info, err := s.Stat(t.Context(), objectstore.Ref{Bucket: bucket, Key: "k"}, 0)
	if err != nil || info.VersionID != two {
		t.Errorf("current is %s, %v; want %s", info.VersionID, err, two)
	}
}

// TestEraseCrash ends between the two steps: the version is listed still, and goes with the next attempt.
func TestEraseCrash(t *testing.T) {
	for _, lost := range []bool{false, true} {
		server, s := start(t, nil)
		bucket := versioned + records
		one := put(t, s, bucket, "k", "one")
		base := false
		server.Fail(func(r azure.Request) azure.Fault {
			if r.Op != "Delete Blob" {
				return azure.Fault{}
			}
			if r.Query == "" {
				base = true
				return azure.Fault{Lost: lost} // done, and the answer is lost
			}
			if base {
				return azure.Fault{Status: http.StatusInternalServerError, Code: "InternalError"}
			}
			return azure.Fault{}
		})
		d := objectstore.Deletion{Key: "k", VersionID: one.VersionID, ETag: one.ETag}
		errs, err := s.Delete(t.Context(), bucket, []objectstore.Deletion{d})
		if err != nil || errs[0] == nil {
			t.Fatalf("%v, %v", errs, err)
		}
		got := entries(t, s, bucket)
		if len(got) != 2 || !got[0].Marker || got[1].VersionID != one.VersionID || got[1].ETag != one.ETag {
			t.Fatalf("between the steps: %v", got)
		}
		ref := objectstore.Ref{Bucket: bucket, Key: "k", VersionID: one.VersionID, ETag: one.ETag}
		text, err := s.Open(t.Context(), ref, 0)
		if err != nil {
			t.Fatalf("the version cannot be read any more: %v", err)
		}
		_ = text.Body.Close()
		server.Fail(nil)
		erase(t, s, bucket, d)
		if got := entries(t, s, bucket); len(got) != 0 {
			t.Errorf("left: %v", got)
		}
	}
}

// TestEraseNull deletes what has no version ID, also where the account has come to keep versions since.
func TestEraseNull(t *testing.T) {
	for name, test := range map[string]struct {
		versioning bool
		regions    map[string][]string // without Resource Manager
	}{
		"without versions":     {},
		"with versions since":  {versioning: true},
		"nobody tells, none":   {regions: map[string][]string{"westeurope": {plain}}},
		"nobody tells, though": {versioning: true, regions: map[string][]string{"westeurope": {plain}}},
	} {
		t.Run(name, func(t *testing.T) {
			server, s := start(t, func(_ *azure.Options, o *azurestore.Options) { o.Regions = test.regions })
			bucket := plain + records
			for _, etag := range []bool{true, false} {
				server.SetVersioning(plain, false)
				w := put(t, s, bucket, "k", "one")
				put(t, s, bucket, "kk", "another")
				server.SetVersioning(plain, test.versioning)
				errs, err := s.Delete(t.Context(), bucket, []objectstore.Deletion{{Key: "k", VersionID: "null", ETag: "0x0"}})
				if err != nil || !errors.Is(errs[0], objectstore.ErrPrecondition) {
					t.Errorf("with another ETag: %v, %v", errs, err)
				}
				d := objectstore.Deletion{Key: "k", VersionID: w.VersionID}
				if etag {
					d.ETag = w.ETag
				}
				erase(t, s, bucket, d)
				if got := server.History(plain, "records", "k"); got != "" {
					t.Errorf("left: %s", got)
				}
				if got := server.History(plain, "records", "kk"); !strings.HasSuffix(got, "c") {
					t.Errorf("another key: %q", got)
				}
			}
		})
	}
}

// TestDeleteIf compares the ETag, and leaves versions alone.
func TestDeleteIf(t *testing.T) {
	for _, without := range []bool{false, true} {
		server, s := start(t, func(_ *azure.Options, o *azurestore.Options) {
			if without {
				o.Regions = map[string][]string{"westeurope": {plain, versioned}}
			}
		})
		w := put(t, s, plain+records, "k", "one")
		v := put(t, s, versioned+records, "k", "one")
		for _, id := range []string{"", "null"} {
			err := s.DeleteIf(t.Context(), plain+records, objectstore.Deletion{Key: "k", VersionID: id,
				ETag: objectstore.ImpossibleETag})
			if !errors.Is(err, objectstore.ErrPrecondition) {
				t.Errorf("%q with another ETag: %v", id, err)
			}
		}
		for _, id := range []string{"", v.VersionID} {
			err := s.DeleteIf(t.Context(), versioned+records, objectstore.Deletion{Key: "k", VersionID: id, ETag: v.ETag})
			if !errors.Is(err, objectstore.ErrNotOffered) {
				t.Errorf("%q where there are versions: %v", id, err)
			}
		}
		if got := server.History(versioned, "records", "k"); got != "c" {
			t.Errorf("history %s", got)
		}
		if err := s.DeleteIf(t.Context(), plain+records, objectstore.Deletion{Key: "k", ETag: w.ETag}); err != nil {
			t.Error(err)
		}
		if got := server.History(plain, "records", "k"); got != "" {
			t.Errorf("left: %s", got)
		}
	}
}

// TestEraseNullCrash ends what went no further than the first step: the version has an ID by then, and its ETag tells
// it from others.
func TestEraseNullCrash(t *testing.T) {
	server, s := start(t, nil)
	bucket := plain + records
	server.SetVersioning(plain, false)
	w := put(t, s, bucket, "k", "one")
	server.SetVersioning(plain, true)
	server.Fail(func(r azure.Request) azure.Fault {
		if r.Op == "Delete Blob" && r.Query != "" {
			return azure.Fault{Status: http.StatusForbidden, Code: "AuthorizationPermissionMismatch"}
		}
		return azure.Fault{}
	})
	d := objectstore.Deletion{Key: "k", VersionID: objectstore.NullVersion, ETag: w.ETag}
	if errs, err := s.Delete(t.Context(), bucket, []objectstore.Deletion{d}); err != nil || errs[0] == nil {
		t.Fatalf("%v, %v", errs, err)
	}
	got := entries(t, s, bucket)
	if len(got) != 2 || !got[0].Marker || got[1].VersionID == objectstore.NullVersion || got[1].ETag != w.ETag {
		t.Fatalf("between the steps: %v", got)
	}
	server.Fail(nil)
	erase(t, s, bucket, d)
	if got := entries(t, s, bucket); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
}
