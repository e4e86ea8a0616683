package gcsstore_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/gcsstore"
	"github.com/residency/residency/inventory/objectstore/storetest/google"
)

func TestWhereBucketsAre(t *testing.T) {
	server, s := start(t, google.Options{PageSize: 2, EmptyPages: true})
	for _, c := range []struct {
		bucket google.Bucket
		want   string
	}{
		{google.Bucket{Name: "region", Location: "europe-west3"}, "europe-west3"},
		{google.Bucket{Name: "multi", Location: "EU"}, "EU"},
		{google.Bucket{Name: "dual", Location: "EUR4"}, "EUR4"},
		{google.Bucket{Name: "chosen", Location: "EU", DataLocations: []string{"EUROPE-WEST1", "EUROPE-WEST4"}},
			"europe-west1"},
		{google.Bucket{Name: "zone", Location: "EUROPE-WEST1-B"}, "europe-west1"},
		{google.Bucket{Name: "long", Location: "NORTHAMERICA-NORTHEAST1"}, "northamerica-northeast1"},
	} {
		server.MakeBucket(c.bucket)
		if got, err := s.BucketRegion(t.Context(), c.bucket.Name); err != nil || got != c.want {
			t.Errorf("%s is in %s, %v; want %s", c.bucket.Name, got, err, c.want)
		}
	}
	server.MakeBucket(google.Bucket{Name: "another", Project: "another"})
	all, err := s.Buckets(t.Context())
	var names []string
	for _, b := range all {
		names = append(names, b.Name+" "+b.Region)
	}
	if want := "chosen europe-west1,dual EUR4,long northamerica-northeast1,multi EU,plain europe-west3," +
		"region europe-west3,versioned europe-west3,zone europe-west1"; err != nil || strings.Join(names, ",") != want {
		t.Errorf("listed %q, %v", names, err)
	}
	if _, err := s.BucketRegion(t.Context(), "nowhere"); !errors.Is(err, objectstore.ErrNoBucket) {
		t.Errorf("of no bucket: %v", err)
	}
	nobody := open(t, server, func(o *gcsstore.Options) { o.Project = "" })
	if _, err := nobody.Buckets(t.Context()); !errors.Is(err, objectstore.ErrRejected) {
		t.Errorf("of no project: %v", err)
	}
}

func TestBuckets(t *testing.T) {
	_, s := start(t, google.Options{})
	if err := s.CreateBucket(t.Context(), "new-one", false); err != nil {
		t.Fatal(err)
	}
	if got, err := s.BucketRegion(t.Context(), "new-one"); err != nil || got != here {
		t.Errorf("it is in %s, %v", got, err)
	}
	if err := s.CreateBucket(t.Context(), "new-one", false); !errors.Is(err, objectstore.ErrExists) {
		t.Errorf("a second time: %v", err)
	}
	if v, err := s.Versioning(t.Context(), "new-one"); err != nil || v != objectstore.Unversioned {
		t.Errorf("versioning %s, %v", v, err)
	}
	if err := s.SetVersioning(t.Context(), "new-one", objectstore.Enabled); err != nil {
		t.Error(err)
	}
	if v, err := s.Versioning(t.Context(), "new-one"); err != nil || v != objectstore.Enabled {
		t.Errorf("versioning %s, %v", v, err)
	}
	err := s.SetVersioning(t.Context(), "new-one", objectstore.Suspended)
	if !errors.Is(err, objectstore.ErrNotOffered) {
		t.Errorf("suspended: %v", err)
	}
	for _, tags := range [][]objectstore.Tag{{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}},
		{{Key: "b", Value: "3"}}, {}} {
		if err := s.SetBucketTags(t.Context(), "new-one", tags); err != nil {
			t.Error(err)
		}
		if got, err := s.BucketTags(t.Context(), "new-one"); err != nil || !slices.Equal(got, tags) {
			t.Errorf("tags %v, %v; want %v", got, err, tags)
		}
	}
	w := put(t, s, "new-one", "key", "text")
	if err := s.DeleteBucket(t.Context(), "new-one"); !errors.Is(err, objectstore.ErrRejected) {
		t.Errorf("deletion with an object: %v", err)
	}
	if err := s.DeleteIf(t.Context(), "new-one", objectstore.Deletion{Key: "key", VersionID: w.VersionID}); err != nil {
		t.Error(err)
	}
	if err := s.DeleteBucket(t.Context(), "new-one"); err != nil {
		t.Error(err)
	}
	if err := s.DeleteBucket(t.Context(), "new-one"); !errors.Is(err, objectstore.ErrNoBucket) {
		t.Errorf("a second time: %v", err)
	}
}

func TestBucketWithLocks(t *testing.T) {
	_, s := start(t, google.Options{})
	if err := s.CreateBucket(t.Context(), "locked", true); err != nil {
		t.Fatal(err)
	}
	if v, err := s.Versioning(t.Context(), "locked"); err != nil || v != objectstore.Enabled {
		t.Errorf("versioning %s, %v", v, err)
	}
	o := objectstore.NewObject{Bucket: "locked", Key: "key", Attributes: objectstore.Attributes{Lock: objectstore.Lock{
		Mode: "GOVERNANCE", Until: time.Now().Add(time.Hour)}}}
	w, err := s.Put(t.Context(), o, body("text"))
	if err != nil {
		t.Fatal(err)
	}
	err = s.DeleteIf(t.Context(), "locked", objectstore.Deletion{Key: "key", VersionID: w.VersionID, ETag: w.ETag})
	if !errors.Is(err, objectstore.ErrLocked) {
		t.Errorf("deletion: %v", err)
	}
}

// TestNoBucketWithoutAPlace: the service would choose the United States.
func TestNoBucketWithoutAPlace(t *testing.T) {
	server, _ := start(t, google.Options{})
	s := open(t, server, func(o *gcsstore.Options) { o.Regions = nil })
	p, err := gcsstore.Open(t.Context(), gcsstore.Options{Name: "cloud", Project: "project", Endpoint: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Region("").CreateBucket(t.Context(), "anywhere", false); !errors.Is(err, objectstore.ErrRejected) {
		t.Errorf("got %v", err)
	}
	if _, err := s.BucketRegion(t.Context(), "anywhere"); !errors.Is(err, objectstore.ErrNoBucket) {
		t.Errorf("it is there: %v", err)
	}
}

func TestFacts(t *testing.T) {
	server, s := start(t, google.Options{})
	for _, c := range []struct {
		bucket  google.Bucket
		rules   string
		regions []string
		keeps   time.Duration
		forever bool
		locks   int  // facts that lock
		expires bool // one tells of deletions
	}{
		{bucket: google.Bucket{Name: "usual", Location: here}, rules: "soft-delete", keeps: 7 * 24 * time.Hour},
		{bucket: google.Bucket{Name: "nothing", Location: here, SoftDelete: -1}},
		{bucket: google.Bucket{Name: "dual", Location: "EU", DataLocations: []string{"EUROPE-WEST1", "EUROPE-WEST2"},
			SoftDelete: -1}, rules: "secondary-copy", regions: []string{"europe-west2"}},
		{bucket: google.Bucket{Name: "own-dual", Location: "EUR4", SoftDelete: -1}, rules: "dual-region"},
		{bucket: google.Bucket{Name: "multi", Location: "EU", SoftDelete: -1}, rules: "multi-region"},
		{bucket: google.Bucket{Name: "zone", Location: "EUROPE-WEST1-B", SoftDelete: -1}, rules: "zone"},
		{bucket: google.Bucket{Name: "paused", Location: here, Paused: true}, rules: "soft-delete", forever: true,
			keeps: 7 * 24 * time.Hour},
		{bucket: google.Bucket{Name: "all", Location: "EU", SoftDelete: -1, Versioning: true, Retention: time.Hour,
			RetentionLocked: true, DefaultHold: true, Folders: true, Autoclass: true, LogBucket: "logs",
			DefaultKey: "projects/p/locations/us/keyRings/r/cryptoKeys/k", Caches: []string{"europe-west1-b"}},
			rules: "multi-region versioning immutability immutability hierarchical-namespace autoclass access-logs " +
				"customer-managed-key cache",
			regions: []string{"europe-west1"}, locks: 2},
		{bucket: google.Bucket{Name: "expiring", Location: here, SoftDelete: -1, Lifecycle: []google.Rule{
			{Action: "SetStorageClass", Class: "ARCHIVE", Age: 30}, {Action: "Delete", Age: 365}, {Action: "Delete", Age: 1}}},
			rules: "lifecycle lifecycle", expires: true},
		{bucket: google.Bucket{Name: "unknown-rule", Location: here, SoftDelete: -1, Lifecycle: []google.Rule{
			{Action: "Other"}}}, rules: "lifecycle", expires: true},
		{bucket: google.Bucket{Name: "cooling", Location: here, SoftDelete: -1, Lifecycle: []google.Rule{
			{Action: "SetStorageClass", Class: "NEARLINE"}, {Action: "AbortIncompleteMultipartUpload", Age: 7}}},
			rules: "lifecycle lifecycle"},
		{bucket: google.Bucket{Name: "lockable", Location: here, SoftDelete: -1, ObjectRetention: true}},
		{bucket: google.Bucket{Name: "retained", Location: here, SoftDelete: -1, Retention: time.Hour},
			rules: "immutability", locks: 1},
		{bucket: google.Bucket{Name: "held", Location: here, SoftDelete: -1, DefaultHold: true}, rules: "immutability",
			locks: 1},
	} {
		server.MakeBucket(c.bucket)
		facts, err := s.Facts(t.Context(), c.bucket.Name)
		if err != nil {
			t.Errorf("%s: %v", c.bucket.Name, err)
		}
		var rules, regions []string
		var keeps time.Duration
		forever, locks, expires := false, 0, false
		for _, f := range facts {
			rules, regions = append(rules, f.Rule), append(regions, f.Regions...)
			keeps, forever = keeps+f.Keeps, forever || f.Forever
			if f.Locks {
				locks++
			}
			expires = expires || f.Expires
			if f.Text == "" || strings.HasSuffix(f.Text, ".") {
				t.Errorf("%s: text %q", c.bucket.Name, f.Text)
			}
		}
		if strings.Join(rules, " ") != c.rules || !slices.Equal(regions, c.regions) || keeps != c.keeps ||
			forever != c.forever || locks != c.locks || expires != c.expires {
			t.Errorf("%s: %+v", c.bucket.Name, facts)
		}
	}
	if _, err := s.Facts(t.Context(), "nowhere"); !errors.Is(err, objectstore.ErrNoBucket) {
		t.Errorf("of no bucket: %v", err)
	}
	// What could not be looked at is an error beside what could.
	server.SetFault(func(r google.Request) google.Fault {
		if r.Op == "storage.anywhereCaches.list" {
			return google.Fault{Status: 403, Reason: "forbidden"}
		}
		return google.Fault{}
	})
	facts, err := s.Facts(t.Context(), "dual")
	if len(facts) != 1 || !errors.Is(err, objectstore.ErrDenied) {
		t.Errorf("%+v, %v", facts, err)
	}
}

func TestNoSettings(t *testing.T) {
	_, s := start(t, google.Options{})
	for _, setting := range objectstore.Settings() {
		if _, err := s.Setting(t.Context(), "plain", setting); !errors.Is(err, objectstore.ErrNotOffered) {
			t.Errorf("%s: %v", setting, err)
		}
		if err := s.SetSetting(t.Context(), "plain", setting, nil); !errors.Is(err, objectstore.ErrNotOffered) {
			t.Errorf("set %s: %v", setting, err)
		}
	}
}
