package memstore

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

// Traits are a service's habits. The zero value is Amazon S3's.
type Traits struct {
	OpaqueETags       bool // ETags are not made of MD5
	NoChecksums       bool // additional checksums are neither checked nor kept
	NoDefaultChecksum bool // what is sent without a checksum gets none; S3 adds a CRC64NVME
	NoBodyHash        bool // the SHA-256 that a request is signed with is not checked
	UnguardedDelete   bool // a deletion's condition is ignored
	ComparesVersions  bool // a deletion's condition is compared where a version is named; S3 has that not implemented
	IgnoresPolicy     bool // bucket policies are kept and mean nothing
	GoneFailsDelete   bool // a conditional deletion of nothing is refused instead of not found
	GoneInvalid       bool // a deletion of a version that is gone is an invalid argument
	Promotes          bool // a null version that becomes the latest by a deletion has the date of that
	MarkerIsPresence  bool // a delete marker counts as an object where none may exist
	HidesTags         bool // nobody may read tags, nor is told that there are some; see HideTags
	UncountedTags     bool // answers do not tell that there are tags, which may be read
	NoMarkers         bool // there are no delete markers: where there are versions, a deletion names one
	TrailingMarkers   bool // there are none either, but a key whose newest version is not current shows one
	// TwoSteps is of a service with TrailingMarkers that deletes what is current by making it a
	// previous version first. The second step can fail, as locks and Options.Halfway have it.
	TwoSteps bool
	// Sum is the one algorithm that the service checks and keeps, of wholes; empty: any.
	Sum string
	// Keeps is for how long what is deleted is kept; see Deleted.
	Keeps       time.Duration
	GuardsByID  bool   // a write's condition names what has an ID of its own by that, and no ETag counts
	MinPart     int64  // bytes; the least for a part that is not the last
	DefaultType string // of an object that was sent without one; default binary/octet-stream
	PageSize    int    // entries in one page of a listing; default 1,000
	// Lacks are settings that the service does not have.
	Lacks []objectstore.Setting
}

// Change is one version that came to be, or ceased to.
type Change struct {
	Bucket, Key string
	Version     *Version
	Removed     bool
	// Shown is a marker that the service shows since a change beneath it, of nobody's making.
	Shown bool
}

// Options makes a service.
type Options struct {
	Endpoint string
	Traits   Traits
	Now      func() time.Time
	// Bodies keeps equal bodies once; services may share it. Nil: an own one.
	Bodies *Bodies
	// Observe is told of every change to a bucket's versions, in order, while
	// the service is locked.
	Observe func(Change)
	// Claims has the service copy some versions by itself alone: those of which it returns the MD5,
	// in hex, that their writer has said, right or wrong. Nil: all, whatever is said.
	Claims func(*Version) string
	// Arrives is what arrives of bytes that such a service reads by itself; nil: the same.
	Arrives func([]byte) []byte
	// Halfway is asked between the steps of a deletion whether the second one fails; nil: it
	// does not. The service is locked.
	Halfway func() bool
}

// Service is one endpoint with all its buckets. Its stores may be used
// concurrently.
type Service struct {
	Options

	mu      sync.Mutex
	buckets map[string]*container
	serial  int64
}

// New returns a service without buckets. Now is required.
func New(o Options) *Service {
	if o.Bodies == nil {
		o.Bodies = NewBodies()
	}
	if o.Traits.PageSize == 0 {
		o.Traits.PageSize = 1000
	}
	o.Traits.DefaultType = cmp.Or(o.Traits.DefaultType, "binary/octet-stream")
	return &Service{Options: o, buckets: make(map[string]*container)}
}

// Region returns the service as one region shows it.
func (s *Service) Region(region string) *Store { return &Store{service: s, region: region} }

// Store is one region of a service. It implements objectstore.Store.
type Store struct {
	service *Service
	region  string
}

var _ objectstore.Store = (*Store)(nil)

// Capabilities implements objectstore.Capable, as Amazon S3 does.
func (s *Store) Capabilities() objectstore.Capabilities {
	some := s.service.Claims != nil
	return objectstore.Capabilities{CountsTags: true, CarriesAttributes: !some, CopiesSome: some, KeepsOwner: true,
		ConditionsWrites: true,
		NoMarkers:        s.service.Traits.NoMarkers || s.service.Traits.TrailingMarkers,
		TrailingMarkers:  s.service.Traits.TrailingMarkers,
		DeletesInSteps:   s.service.Traits.TrailingMarkers && s.service.Traits.TwoSteps, Sum: s.service.Traits.Sum}
}

// Endpoint implements objectstore.Store.
func (s *Store) Endpoint() string { return s.service.Endpoint }

type container struct {
	region     string
	created    time.Time
	versioning objectstore.Versioning
	lock       bool
	tags       []objectstore.Tag
	settings   map[objectstore.Setting][]byte
	keys       []string // sorted
	histories  map[string][]*Version
	uploads    []*upload // sorted by key, then as they were begun
	// removed has the places of versions that are gone, for listings that go on
	// behind them.
	removed map[Marker]int64
	deleted []deleted // what is kept of it
}

// HideTags takes away, or gives back, the permission to read tags, as whoever writes the
// policies of a service can at any time.
func (s *Service) HideTags(hidden bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Traits.HidesTags = hidden
}

// Untag takes a version's tags away, which no listing shows.
func (s *Service) Untag(v *Version) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v.Tags = nil
}

// next returns a number that the service gives out once.
func (s *Service) next() int64 {
	s.serial++
	return s.serial
}

func (s *Service) fail(op, bucket, code string, status int, kind error) error {
	return &objectstore.Error{Op: op, Bucket: s.Endpoint + ":" + bucket, Code: code, Status: status, Kind: kind}
}

// bucket finds a bucket; the service is locked.
func (s *Service) bucket(op, name string) (*container, error) {
	b, ok := s.buckets[name]
	if !ok {
		return nil, s.fail(op, name, "NoSuchBucket", http.StatusNotFound, objectstore.ErrNotFound)
	}
	return b, nil
}

// change tells the observer.
func (s *Service) change(bucket, key string, v *Version, removed bool) {
	if s.Observe != nil {
		s.Observe(Change{Bucket: bucket, Key: key, Version: v, Removed: removed})
	}
}

// place puts a version on top of a key's history and gives it its ID: its own,
// or, where there are no versions, that of what it replaces.
func (s *Service) place(name string, b *container, key string, v *Version) {
	v.ID = objectstore.NullVersion
	if b.versioning == objectstore.Enabled {
		v.ID = fmt.Sprintf("%s.%07d", s.Endpoint, s.next())
	} else {
		s.remove(name, b, key, objectstore.NullVersion)
	}
	s.uncover(name, b, key)
	b.retain(v, s.Now())
	s.stack(name, b, key, v)
}

// add puts a version on top of a key's history.
func (b *container) add(key string, v *Version) {
	history, ok := b.histories[key]
	if !ok {
		i, _ := slices.BinarySearch(b.keys, key)
		b.keys = slices.Insert(b.keys, i, key)
	}
	b.histories[key] = append(history, v)
}

// remove takes one version out of a history, if it is there.
func (s *Service) remove(name string, b *container, key, id string) {
	history := b.histories[key]
	i := slices.IndexFunc(history, func(v *Version) bool { return v.ID == id })
	if i < 0 {
		return
	}
	v := history[i]
	s.take(name, b, key, i)
	if last := len(b.histories[key]) - 1; s.Traits.Promotes && i == last+1 && i > 0 &&
		b.histories[key][last].ID == objectstore.NullVersion {
		p := b.histories[key][last]
		p.dates, p.Modified = append(p.dates, p.Modified), s.Now().UTC().Truncate(time.Millisecond)
	}
	if s.Traits.Keeps > 0 && !v.Marker {
		b.deleted = append(b.deleted, deleted{key, v, s.Now().Add(s.Traits.Keeps)})
	}
	s.unshown(name, b, key, i)
}

// take takes the version at a place out of a history.
func (s *Service) take(name string, b *container, key string, i int) {
	history := b.histories[key]
	v := history[i]
	history = slices.Delete(slices.Clone(history), i, i+1)
	if b.histories[key] = history; len(history) == 0 {
		delete(b.histories, key)
		j, _ := slices.BinarySearch(b.keys, key)
		b.keys = slices.Delete(b.keys, j, j+1)
	}
	b.removed[Marker{key, v.ID}] = v.place
	s.change(name, key, v, true)
}

// Keys returns a bucket's keys in byte order, of versions and markers alike.
func (s *Service) Keys(bucket string) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b, ok := s.buckets[bucket]; ok {
		return slices.Clone(b.keys)
	}
	return nil
}

// History returns a key's versions, oldest first. They must not be changed.
func (s *Service) History(bucket, key string) []*Version {
	s.mu.Lock()
	defer s.mu.Unlock()
	if b, ok := s.buckets[bucket]; ok {
		return slices.Clone(b.histories[key])
	}
	return nil
}
