package google

import (
	"cmp"
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"net/http"
	"slices"
	"strings"
	"time"
)

// Bucket is a bucket. Its exported fields are what MakeBucket takes.
type Bucket struct {
	Name          string
	Project       string // default "project"
	Location      string // default US, as the service has it (JSON API, "Buckets: insert", location)
	DataLocations []string
	Versioning    bool
	// ObjectRetention lets objects have a retention of their own.
	ObjectRetention bool
	Retention       time.Duration // of each object, from when it is made
	RetentionLocked bool
	DefaultHold     bool // new objects are under an event-based hold
	// SoftDelete is for how long deleted objects are kept; default seven days (Cloud Storage
	// documentation, "Soft delete"), below zero: not at all.
	SoftDelete time.Duration
	Paused     bool // soft-deleted objects are kept on without end
	Folders    bool // it has a hierarchical namespace
	Autoclass  bool
	// RequesterPays refuses requests that name no project to pay for them.
	RequesterPays bool
	LogBucket     string
	DefaultKey    string // of KMS
	Labels        map[string]string
	Lifecycle     []Rule
	Caches        []string // zones in which a cache holds what was read

	class          string
	created        time.Time
	metageneration int64
	objects        map[string][]*Object // by name, in order of generations; the live one is the last
	sorted         []string             // names of objects, when the last generation was sortedAt
	sortedAt       int64
	deleted        []*Object
	uploads        []*upload
}

// Rule is one of a bucket's lifecycle, which the server tells of and does not carry out.
type Rule struct {
	Action string // Delete, SetStorageClass or AbortIncompleteMultipartUpload
	Class  string // of SetStorageClass
	Age    int    // days
}

// Object is one version. Its exported fields are what PutObject takes.
type Object struct {
	Name               string
	Data               []byte
	ContentType        string
	CacheControl       string
	ContentDisposition string
	ContentEncoding    string
	ContentLanguage    string
	Metadata           map[string]string
	Contexts           map[string]string
	CustomTime         time.Time
	Class              string // default the bucket's
	KMSKey             string
	CustomerKey        bool // it is under a key that the customer alone has
	TemporaryHold      bool
	EventBasedHold     bool
	Mode               string // of its own retention: Unlocked or Locked
	RetainUntil        time.Time

	generation, metageneration int64
	created, updated           time.Time
	noncurrent                 time.Time // when it became so; zero: it is live
	softDeleted, hardDelete    time.Time
	composed                   bool // made of parts: it has no MD5
	expires                    time.Time
}

const week = 7 * 24 * time.Hour

// MakeBucket makes a bucket, whatever was there.
func (s *Server) MakeBucket(b Bucket) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addBucket(&b)
}

// Alter changes a bucket, as an operator does.
func (s *Server) Alter(bucket string, f func(*Bucket)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f(s.buckets[bucket])
}

func (s *Server) addBucket(b *Bucket) {
	b.Project = cmp.Or(b.Project, "project")
	b.Location = strings.ToUpper(cmp.Or(b.Location, "US"))
	b.SoftDelete = max(cmp.Or(b.SoftDelete, week), 0)
	b.class = cmp.Or(b.class, "STANDARD")
	b.created, b.metageneration, b.objects = s.options.Now(), 1, make(map[string][]*Object)
	s.buckets[b.Name] = b
}

// PutObject writes an object without a condition, and returns its generation.
func (s *Server) PutObject(bucket string, o Object) int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.add(s.buckets[bucket], &o)
	return o.generation
}

// locationType is what the service calls a location (Cloud Storage documentation, "Bucket
// locations").
func (b *Bucket) locationType() string {
	switch {
	case len(b.DataLocations) > 0:
		return "dual-region"
	case slices.Contains([]string{"US", "EU", "ASIA"}, b.Location):
		return "multi-region"
	case slices.Contains([]string{"NAM4", "EUR4", "EUR5", "EUR7", "EUR8", "ASIA1"}, b.Location):
		return "dual-region"
	case len(b.Location) > 2 && b.Location[len(b.Location)-2] == '-':
		return "zone"
	}
	return "region"
}

// live is the version that is read without a generation; nil if there is none.
func (b *Bucket) live(key string) *Object {
	h := b.objects[key]
	if len(h) == 0 || !h[len(h)-1].noncurrent.IsZero() {
		return nil
	}
	return h[len(h)-1]
}

// at is one generation; nil if there is none.
func (b *Bucket) at(key string, generation int64) *Object {
	for _, o := range b.objects[key] {
		if o.generation == generation {
			return o
		}
	}
	return nil
}

// add makes an object the live one. What it replaces becomes noncurrent where there are
// versions, and else is deleted (Cloud Storage documentation, "Object Versioning").
func (s *Server) add(b *Bucket, o *Object) {
	now := s.options.Now()
	if old := b.live(o.Name); old != nil {
		s.displace(b, old)
	}
	o.generation, o.metageneration = s.next(), 1
	o.created, o.updated = now, now
	o.Class = cmp.Or(o.Class, b.class)
	o.KMSKey = cmp.Or(o.KMSKey, b.DefaultKey)
	o.EventBasedHold = o.EventBasedHold || b.DefaultHold
	if b.Retention > 0 {
		o.expires = now.Add(b.Retention)
	}
	b.objects[o.Name] = append(b.objects[o.Name], o)
}

// displace takes the live version's place away.
func (s *Server) displace(b *Bucket, o *Object) {
	if b.Versioning {
		o.noncurrent = s.options.Now()
		return
	}
	s.remove(b, o)
}

// remove deletes one generation for good, as far as the soft delete policy lets it (Cloud
// Storage documentation, "Soft delete").
func (s *Server) remove(b *Bucket, o *Object) {
	h := slices.DeleteFunc(b.objects[o.Name], func(x *Object) bool { return x == o })
	if b.objects[o.Name] = h; len(h) == 0 {
		delete(b.objects, o.Name)
	}
	if b.SoftDelete > 0 {
		o.softDeleted = s.options.Now()
		o.hardDelete = o.softDeleted.Add(b.SoftDelete)
		b.deleted = append(b.deleted, o)
	}
}

// purge drops soft-deleted objects whose time has come.
func (s *Server) purge() {
	now := s.options.Now()
	for _, b := range s.buckets {
		if !b.Paused {
			b.deleted = slices.DeleteFunc(b.deleted, func(o *Object) bool { return !o.hardDelete.After(now) })
		}
	}
}

// retainedUntil is the earliest time at which an object's retention lets it be deleted
// (JSON API, "Objects", retentionExpirationTime); zero without one. A bucket's policy runs
// from the release of an event-based hold (Cloud Storage documentation, "Object holds").
func (o *Object) retainedUntil() time.Time {
	at := o.expires
	if o.EventBasedHold {
		at = time.Time{}
	}
	if o.RetainUntil.After(at) {
		at = o.RetainUntil
	}
	return at
}

// locked refuses to delete what is under a hold or a retention (Cloud Storage
// documentation, "Object holds", "Bucket Lock" and "Object Retention Lock").
func (c *call) locked(o *Object) error {
	name := "Object '" + c.bucket + "/" + o.Name + "'"
	const held = " hold and cannot be deleted, overwritten or archived until hold is removed."
	switch {
	case o.TemporaryHold:
		return refuse(http.StatusForbidden, "objectUnderActiveHold", name+" is under active Temporary"+held)
	case o.EventBasedHold:
		return refuse(http.StatusForbidden, "objectUnderActiveHold", name+" is under active Event-Based"+held)
	case o.retainedUntil().After(c.options.Now()):
		return refuse(http.StatusForbidden, "retentionPolicyNotMet", name+" is subject to a retention and cannot be "+
			"deleted or overwritten until "+stamp(o.retainedUntil()))
	}
	return nil
}

func (o *Object) crc() string {
	sum := crc32.Checksum(o.Data, crc32.MakeTable(crc32.Castagnoli))
	return base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, sum))
}

func (o *Object) md5() string {
	sum := md5.Sum(o.Data)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// stamp is a time as the API writes it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
