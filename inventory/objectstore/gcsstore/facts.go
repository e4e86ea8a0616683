package gcsstore

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

var (
	_ objectstore.Factual       = (*Store)(nil)
	_ objectstore.DeletedLister = (*Store)(nil)
)

const factFields = placeFields + ",versioning,softDeletePolicy,retentionPolicy,defaultEventBasedHold,autoclass," +
	"lifecycle,billing,logging,encryption,hierarchicalNamespace"

// errUntold reports a bucket whose answer leaves out for how long deleted objects are kept.
// Of the service itself it always has it (JSON API, "Buckets", softDeletePolicy).
var errUntold = errors.New("the answer does not tell for how long deleted objects are kept")

// Facts implements objectstore.Factual. Copies that Storage Transfer Service makes to other
// buckets are jobs of the project, and are not looked at.
func (s *Store) Facts(ctx context.Context, bucket string) ([]objectstore.Fact, error) {
	b, err := s.bucket(ctx, bucket, factFields)
	if err != nil {
		return nil, err
	}
	f := &facts{bucket: b}
	f.ofPlace()
	err = s.untold(f, f.ofDeletion(s.where(bucket)))
	f.ofRetention()
	f.ofLifecycle()
	f.ofRest()
	return f.found, errors.Join(err, s.untold(f, s.caches(ctx, bucket, f)))
}

// PlaceFacts implements objectstore.Placed.
func (s *Store) PlaceFacts(ctx context.Context, bucket string) ([]objectstore.Fact, error) {
	b, err := s.bucket(ctx, bucket, placeFields)
	if err != nil {
		return nil, err
	}
	f := &facts{bucket: b}
	f.ofPlace()
	return f.found, nil
}

// untold has a fact say what a server does not tell that is not Google's own, as an emulator.
// The service itself tells everything, and what it leaves out is not known.
func (s *Store) untold(f *facts, err error) error {
	if s.own || !errors.Is(err, errUntold) && !s.unknown(err) {
		return err
	}
	f.add("not-told", "the server, which is not Google's own, does not tell everything: %v", err)
	return nil
}

// unknown tells whether a server that is not Google's own has no such operation: a bucket that
// is not there is called so.
func (s *Store) unknown(err error) bool {
	var answer *objectstore.Error
	return !s.own && errors.As(err, &answer) && answer.Status == http.StatusNotFound && answer.Code == noCode
}

// facts gathers those of one bucket.
type facts struct {
	bucket *bucketResource
	found  []objectstore.Fact
}

func (f *facts) add(rule, format string, args ...any) *objectstore.Fact {
	f.found = append(f.found, objectstore.Fact{Rule: rule, Text: fmt.Sprintf(format, args...)})
	return &f.found[len(f.found)-1]
}

// ofPlace tells where else the bytes are (Cloud Storage documentation, "Bucket locations").
// The members of the service's own dual-regions and multi-regions are the catalog's.
func (f *facts) ofPlace() {
	b := f.bucket
	switch places := b.regions(); {
	case len(places) > 1:
		f.add("secondary-copy", "the bucket is a dual-region: the service keeps everything in %s",
			strings.Join(places, " and in ")).Regions = places[1:]
	case b.LocationType == "dual-region":
		f.add("dual-region", "the service keeps everything in both regions of %s", b.Location)
	case b.LocationType == "multi-region":
		f.add("multi-region", "the service keeps everything in two or more regions of %s, and does not say in which",
			b.Location)
	case b.LocationType == "zone":
		f.add("zone", "the service keeps everything in the zone %s alone", strings.ToLower(b.Location))
	}
}

// ofDeletion tells what outlives a deletion (Cloud Storage documentation, "Soft delete").
// What is deleted keeps the time that was set then, whatever is changed later.
func (f *facts) ofDeletion(where string) error {
	if f.bucket.Versioning.Enabled {
		f.add("versioning", "the bucket keeps versions")
	}
	p := f.bucket.SoftDelete
	switch {
	case p == nil:
		return &objectstore.Error{Op: "storage.buckets.get", Bucket: where, Err: errUntold}
	case p.Seconds <= 0 && !p.Pause.Enabled:
		return nil
	}
	keeps := time.Duration(p.Seconds) * time.Second
	since := ""
	if p.Effective != nil {
		since = ", as is set since " + p.Effective.UTC().Format(time.DateTime) + " UTC"
	}
	fact := f.add("soft-delete", "what is deleted is kept for %s%s", span(keeps), since)
	if fact.Keeps = keeps; p.Pause.Enabled {
		fact.Forever = true
		fact.Text = "what is deleted is kept without an end, because the bucket's hard deletions are paused"
	}
	return nil
}

// ofRetention tells of locks (Cloud Storage documentation, "Bucket Lock" and "Object holds").
func (f *facts) ofRetention() {
	if p := f.bucket.Retention; p != nil {
		state := "can be lifted"
		if p.IsLocked {
			state = "is locked, and can only be made longer"
		}
		f.add("immutability", "the bucket has a policy that keeps each object for %s from its creation; it %s",
			span(time.Duration(p.Period)*time.Second), state).Locks = true
	}
	if f.bucket.DefaultHold {
		f.add("immutability", "new objects are under an event-based hold until somebody releases it").Locks = true
	}
}

// ofLifecycle tells of rules by which the service deletes objects, or moves them to other classes
// (Cloud Storage documentation, "Object Lifecycle Management", lifecycle actions). An action that
// nobody here knows is taken for a deletion.
func (f *facts) ofLifecycle() {
	var classes, uploads, deletes bool
	for _, r := range f.bucket.Lifecycle.Rules {
		switch r.Action.Type {
		case "SetStorageClass":
			classes = true
		case "AbortIncompleteMultipartUpload":
			uploads = true
		default:
			deletes = true
		}
	}
	if deletes {
		f.add("lifecycle", "a lifecycle rule of the bucket deletes objects by itself").Expires = true
	}
	if classes {
		f.add("lifecycle", "a lifecycle rule of the bucket moves objects between storage classes by itself")
	}
	if uploads {
		f.add("lifecycle", "a lifecycle rule of the bucket ends unfinished uploads by itself")
	}
}

// ofRest tells what else bears on where something is, and who can read it.
func (f *facts) ofRest() {
	b := f.bucket
	if b.Namespace.Enabled {
		f.add("hierarchical-namespace", "the bucket has a hierarchical namespace, whose folders are no objects").Folders = true
	}
	if b.Autoclass.Enabled {
		f.add("autoclass", "the service moves objects between storage classes by itself")
	}
	if b.Logging.Bucket != "" {
		f.add("access-logs", "logs of requests, with objects' names, are written to bucket %s", b.Logging.Bucket)
	}
	if b.Billing.RequesterPays {
		f.add("requester-pays", "whoever asks pays for requests to the bucket, and for what is read of it")
	}
	if key := b.Encryption.DefaultKey; key != "" {
		f.add("customer-managed-key", "new objects are encrypted under a key of Cloud KMS in %s: %s", keyPlace(key), key)
	}
}

// keyPlace is the location in the name of a key: projects/P/locations/L/keyRings/…
func keyPlace(name string) string {
	parts := strings.Split(name, "/")
	if i := slices.Index(parts, "locations"); i >= 0 && i+1 < len(parts) {
		return parts[i+1]
	}
	return "a location that is not told"
}

// caches tells of zones in which the service keeps what was read (Cloud Storage
// documentation, "Anywhere Cache").
func (s *Store) caches(ctx context.Context, bucket string, f *facts) error {
	r := s.request("storage.anywhereCaches.list", bucket, "GET", bucketPath(bucket)+"/anywhereCaches",
		query{"fields": "nextPageToken,items(zone,state)"})
	for {
		var page struct {
			NextPageToken string `json:"nextPageToken"`
			Items         []struct {
				Zone  string `json:"zone"`
				State string `json:"state"`
			} `json:"items"`
		}
		if _, err := s.read(ctx, r, &page); err != nil {
			return err
		}
		for _, c := range page.Items {
			zone := strings.ToLower(c.Zone)
			f.add("cache", "the service keeps copies of what is read in the zone %s (%s)", zone,
				strings.ToLower(c.State)).Regions = []string{regionOf(zone)}
		}
		switch page.NextPageToken {
		case "":
			return nil
		case r.query["pageToken"]:
			return s.broken(r, errToken)
		}
		r.query["pageToken"] = page.NextPageToken
	}
}

// span shows a time in days, or in its own form where it is not of whole days.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d == day:
		return "a day"
	case d%day == 0:
		return fmt.Sprintf("%d days", d/day)
	}
	return d.String()
}
