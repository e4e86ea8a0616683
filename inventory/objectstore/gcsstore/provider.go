package gcsstore

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/residency/residency/inventory/objectstore"
)

// Provider hands out one Store per location. Its methods may be called concurrently.
type Provider struct {
	name      string
	now       func() time.Time
	own       bool // it is Google's own service, at whichever of its addresses
	base      string
	regions   []string
	identity  *identity
	transport *transport
	random    io.Reader
	pageSize  int
	listers   int

	mu     sync.Mutex
	stores map[string]*Store
}

var _ objectstore.Provider = (*Provider)(nil)

// Regions implements objectstore.Provider.
func (p *Provider) Regions() []string { return slices.Clone(p.regions) }

// Home is the first of the configured locations, empty if there are none: Google has one
// address for all, and makes buckets nowhere unless it is told where.
func (p *Provider) Home() string {
	if len(p.regions) == 0 {
		return ""
	}
	return p.regions[0]
}

// Global implements objectstore.Provider: a bucket's name is one in all of Google (Cloud
// Storage documentation, "About Cloud Storage buckets").
func (p *Provider) Global() bool { return true }

// Region implements objectstore.Provider.
func (p *Provider) Region(code string) objectstore.Store { return p.Store(code) }

// Store returns the store of one location; without a name, of the home.
func (p *Provider) Store(code string) *Store {
	if code == "" {
		code = p.Home()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	s, ok := p.stores[code]
	if !ok {
		s = &Store{provider: p.name, now: p.now, region: code, own: p.own, identity: p.identity, transport: p.transport,
			random: p.random, pageSize: p.pageSize, listers: p.listers}
		p.stores[code] = s
	}
	return s
}

// Store is one location. It implements objectstore.Store, and its methods may be called
// concurrently.
type Store struct {
	provider  string
	now       func() time.Time
	region    string
	own       bool
	identity  *identity
	transport *transport
	random    io.Reader
	pageSize  int
	listers   int
}

var (
	_ objectstore.Capable     = (*Store)(nil)
	_ objectstore.Limited     = (*Store)(nil)
	_ objectstore.KeyChecker  = (*Store)(nil)
	_ objectstore.Timed       = (*Store)(nil)
	_ objectstore.Addressed   = (*Store)(nil)
	_ objectstore.SentCounter = (*Store)(nil)
)

// Endpoint implements objectstore.Store: all of Google is one, and copies from location to
// location by itself.
func (s *Store) Endpoint() string {
	if s.own {
		return s.provider
	}
	return s.provider + " " + s.transport.base
}

// URL implements objectstore.Addressed.
func (s *Store) URL() string { return s.transport.base }

// Account is the project, by its ID or number; empty if nobody names one.
func (s *Store) Account(ctx context.Context) string { return s.identity.projectOf(ctx) }

// Sent implements objectstore.SentCounter.
func (s *Store) Sent() objectstore.Sent { return s.transport.sent.Sent() }

// Capabilities implements objectstore.Capable, by Cloud Storage documentation:
//   - NoMarkers, TrailingMarkers: "Object Versioning", where a deletion leaves a noncurrent
//     version;
//   - ConditionsWrites: "Request preconditions". They hold for uploads by parts as well, of
//     which the last step is a copy within the bucket, see CompleteUpload;
//   - LocatesBuckets: JSON API, "Buckets", location;
//   - AcrossRegions, CarriesAttributes: JSON API, "Objects: rewrite", which copies between
//     locations, with the source's metadata where none is given;
//   - CountsTags: there are none, and so all are counted;
//   - NoRedirects: JSON API, "Objects", which has no such property;
//   - KeepsOwner: IAM documentation, "Policy inheritance": roles of the project hold on.
func (s *Store) Capabilities() objectstore.Capabilities {
	return objectstore.Capabilities{NoMarkers: true, TrailingMarkers: true, Sum: "CRC32C", ConditionsWrites: true,
		LocatesBuckets: true, AcrossRegions: true, CarriesAttributes: true, CountsTags: true, KeepsOwner: true,
		NoRedirects: true, NewBuckets: objectstore.NewBucket{BlocksPublic: true}}
}

const (
	leastPart  = 5 << 20 // bytes, but for the last part
	mostParts  = 10_000
	mostObject = 5 << 40 // bytes
	mostPart   = 5 << 30 // bytes
	mostKey    = 1024    // bytes
	mostBatch  = 100     // deletions, of a size that ends soon
)

// Limits implements objectstore.Limited (Cloud Storage documentation, "Quotas & limits" and
// "XML API multipart uploads").
func (s *Store) Limits() objectstore.Limits {
	return objectstore.Limits{Single: mostObject, Part: mostPart, Parts: mostParts, Object: mostObject, Key: mostKey,
		Batch: mostBatch}
}

var (
	errUTF8   = errors.New("it is not valid UTF-8")
	errLine   = errors.New("it has a line break")
	errDots   = errors.New("it is nothing but one or two dots")
	errACME   = errors.New("it begins with .well-known/acme-challenge/")
	errLength = errors.New("it is empty, or longer than 1,024 bytes")
)

// CheckKey implements objectstore.KeyChecker (Cloud Storage documentation, "About Cloud
// Storage objects", naming considerations).
func (s *Store) CheckKey(key string) error {
	switch {
	case key == "" || len(key) > mostKey:
		return errLength
	case !utf8.ValidString(key):
		return errUTF8
	case strings.ContainsAny(key, "\r\n"):
		return errLine
	case key == "." || key == "..":
		return errDots
	case strings.HasPrefix(key, ".well-known/acme-challenge/"):
		return errACME
	}
	return nil
}

// Time implements objectstore.Timed. Refusals tell it as well.
func (s *Store) Time(ctx context.Context) (time.Time, error) {
	a, err := s.transport.send(ctx, s.request("storage.buckets.list", "", "GET", "/storage/v1/b",
		query{"project": s.Account(ctx), "maxResults": "1", "fields": "kind"}))
	if a != nil && !a.at.IsZero() {
		return a.at, nil
	}
	return time.Time{}, err
}

// where names a bucket in errors.
func (s *Store) where(bucket string) string {
	if bucket == "" {
		return s.transport.base
	}
	return s.provider + ":" + bucket
}
