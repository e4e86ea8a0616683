package azurestore_test

import (
	"errors"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/azurestore"
	"github.com/residency/residency/inventory/objectstore/storetest/azure"
)

// TestEraseLocked has a current version that is locked stay current: to hide it would have the key look deleted.
func TestEraseLocked(t *testing.T) {
	soon := time.Now().Add(time.Hour)
	for name, test := range map[string]struct {
		lock   objectstore.Lock
		denied bool // nobody may ask whether the container can lock versions
	}{
		"unlocked policy":       {lock: objectstore.Lock{Mode: "GOVERNANCE", Until: soon}},
		"locked policy":         {lock: objectstore.Lock{Mode: "COMPLIANCE", Until: soon}},
		"hold":                  {lock: objectstore.Lock{Hold: true}},
		"container is not told": {lock: objectstore.Lock{Hold: true}, denied: true},
	} {
		t.Run(name, func(t *testing.T) {
			server, s := start(t, nil)
			if test.denied {
				server.Fail(func(r azure.Request) azure.Fault {
					if r.Op == "Get Container Properties" {
						return azure.Fault{Status: http.StatusForbidden, Code: "AuthorizationPermissionMismatch"}
					}
					return azure.Fault{}
				})
			}
			bucket := versioned + records
			w, err := s.Put(t.Context(), objectstore.NewObject{Bucket: bucket, Key: "k",
				Attributes: objectstore.Attributes{Lock: test.lock}}, body("x"))
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range []objectstore.Deletion{{Current: w.ETag}, {ETag: w.ETag}, {}} {
				d.Key, d.VersionID = "k", w.VersionID
				errs, err := s.Delete(t.Context(), bucket, []objectstore.Deletion{d})
				if err != nil || !errors.Is(errs[0], objectstore.ErrLocked) {
					t.Errorf("%+v: %v, %v", d, errs, err)
				}
				if got := server.History(versioned, "records", "k"); got != "c" {
					t.Fatalf("%+v: history %s", d, got)
				}
			}
			put(t, s, bucket, "k", "over it")
			errs, err := s.Delete(t.Context(), bucket, []objectstore.Deletion{{Key: "k", VersionID: w.VersionID}})
			if got := server.History(versioned, "records", "k"); err != nil || !errors.Is(errs[0], objectstore.ErrLocked) ||
				got != "pc" {
				t.Errorf("a previous version: %v, %v, history %s", errs, err, got)
			}
		})
	}
}

// TestEraseLockable looks at each current version where versions can be locked, once, and erases what is not.
func TestEraseLockable(t *testing.T) {
	began := time.Now()
	var past atomic.Int64 // seconds since then
	server, s := start(t, func(o *azure.Options, store *azurestore.Options) {
		o.Now = func() time.Time { return began.Add(time.Duration(past.Load()) * time.Second) }
		store.Now = o.Now
	})
	bucket := versioned + records
	o := objectstore.NewObject{Bucket: bucket, Key: "over", Attributes: objectstore.Attributes{
		Lock: objectstore.Lock{Mode: "COMPLIANCE", Until: began.Add(2 * time.Second)}}}
	over, err := s.Put(t.Context(), o, body("x"))
	if err != nil {
		t.Fatal(err)
	}
	past.Store(5)
	free := put(t, s, bucket, "free", "x")
	server.Requests()
	erase(t, s, bucket, objectstore.Deletion{Key: "over", VersionID: over.VersionID, Current: over.ETag})
	erase(t, s, bucket, objectstore.Deletion{Key: "free", VersionID: free.VersionID, Current: free.ETag})
	counts := server.Count()
	if counts["Get Container Properties"] != 1 || counts["Get Blob Properties"] != 2 || counts["Delete Blob"] != 4 {
		t.Errorf("sent %v", counts)
	}
	if left := entries(t, s, bucket); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

// TestEraseLockUnknown deletes nothing while the container does not answer.
func TestEraseLockUnknown(t *testing.T) {
	server, s := start(t, nil)
	bucket := versioned + records
	w := put(t, s, bucket, "k", "x")
	server.Fail(func(r azure.Request) azure.Fault {
		if r.Op == "Get Container Properties" {
			return azure.Fault{Status: http.StatusInternalServerError, Code: "InternalError"}
		}
		return azure.Fault{}
	})
	d := objectstore.Deletion{Key: "k", VersionID: w.VersionID, Current: w.ETag}
	errs, err := s.Delete(t.Context(), bucket, []objectstore.Deletion{d})
	if got := server.History(versioned, "records", "k"); err != nil || errs[0] == nil || got != "c" {
		t.Errorf("%v, %v, history %s", errs, err, got)
	}
	server.Fail(nil)
	erase(t, s, bucket, d)
}
