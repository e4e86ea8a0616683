package inventory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/regions"
)

// Store is what a scan asks of one region.
type Store interface {
	objectstore.Lister
	Buckets(ctx context.Context) ([]objectstore.Bucket, error)
	BucketRegion(ctx context.Context, bucket string) (string, error)
	Versioning(ctx context.Context, bucket string) (objectstore.Versioning, error)
	BucketTags(ctx context.Context, bucket string) ([]objectstore.Tag, error)
}

// Provider is one account of one service.
type Provider struct {
	Name    string
	Regions []string // as configured; empty: those the buckets are in
	// Global tells that any region lists the buckets of all (AWS).
	Global bool
	Region func(code string) Store
	// Country and Operator tell where a region is and who runs it; empty
	// answers mean not known.
	Country func(region string) string
	// Origin names the service that answers for a region; equal ones are one, also
	// of providers of other names. nil: not known.
	Origin   func(region string) string
	Operator func(region string) regions.Operator
}

// Claim says that a location holds a customer's data.
type Claim struct {
	Customer string
	Location objectstore.Location
}

// Request says what a scan looks for.
type Request struct {
	Providers []Provider
	Claims    []Claim
	Customer  string // only this one; empty: every bucket
	Locate    bool   // find the places without counting what they hold
	TagKey    string // of buckets whose tag names their customer
	// Destination is the name that a moved bucket has in a region, as the
	// configuration's template gives it.
	Destination func(bucket, region, customer, sourceRegion string) string
	// Policy is where a customer's data may be; an empty name asks for the
	// policy of data that is nobody's.
	Policy     func(customer string) regions.Policy
	Catalog    *regions.Catalog
	Now        time.Time
	Concurrent int // buckets listed at once; default 8
	Progress   *Progress
}

// Progress counts what a running scan has done. Its zero value works; it is
// safe for concurrent use.
type Progress struct {
	Buckets     atomic.Int64 // known so far
	BucketsDone atomic.Int64
	Entries     atomic.Int64
	Bytes       atomic.Int64
}

// Scan looks everywhere that the request says. Its error is about the request
// or the context; what could not be looked at is in the result.
func Scan(ctx context.Context, r Request) (*Inventory, error) {
	if r.Concurrent == 0 {
		r.Concurrent = 8
	}
	if r.Progress == nil {
		r.Progress = &Progress{}
	}
	s := &scan{Request: r, inventory: &Inventory{
		Schema: Schema, At: r.Now.UTC(), CatalogAt: r.Catalog.AsOf(), Customer: r.Customer, Policy: r.Policy(r.Customer).String(),
	}}
	buckets, err := s.buckets(ctx)
	if err != nil {
		return nil, err
	}
	r.Progress.Buckets.Store(int64(len(buckets)))
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(r.Concurrent)
	for _, b := range buckets {
		g.Go(func() error {
			defer r.Progress.BucketsDone.Add(1)
			return s.bucket(gctx, b)
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.finish(buckets)
	return s.inventory, nil
}

// bucket is one to be looked at.
type bucket struct {
	provider *Provider
	name     string
	region   string
}

type scan struct {
	Request
	mu        sync.Mutex // guards inventory's slices while buckets are scanned
	inventory *Inventory
}

func (s *scan) add(f Finding) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inventory.Findings = append(s.inventory.Findings, f)
}

func (s *scan) cover(c Coverage) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inventory.Coverage = append(s.inventory.Coverage, c)
}

// buckets lists the buckets of all providers and regions, regions in parallel.
func (s *scan) buckets(ctx context.Context) ([]bucket, error) {
	var mu sync.Mutex
	var all []bucket
	g, gctx := errgroup.WithContext(ctx)
	g.SetLimit(s.Concurrent)
	for i := range s.Providers {
		p := &s.Providers[i]
		codes := p.Regions
		if p.Global {
			codes = []string{""}
		}
		for _, code := range codes {
			g.Go(func() error {
				found, err := p.Region(code).Buckets(gctx)
				if err != nil {
					if gctx.Err() != nil {
						return gctx.Err()
					}
					s.unlisted(p, code, err)
					return nil
				}
				listed := s.place(gctx, p, code, found)
				mu.Lock()
				defer mu.Unlock()
				all = append(all, listed...)
				return nil
			})
		}
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b bucket) int {
		return cmp.Or(cmp.Compare(a.provider.Name, b.provider.Name), cmp.Compare(a.region, b.region), cmp.Compare(a.name, b.name))
	})
	return all, nil
}

func (s *scan) unlisted(p *Provider, code string, err error) {
	codes := []string{code}
	if p.Global {
		if codes = p.Regions; len(codes) == 0 {
			codes = []string{"every region"}
		}
	}
	for _, region := range codes {
		s.cover(Coverage{Provider: p.Name, Region: region, Reason: err.Error()})
	}
}

// place decides which region each listed bucket is in and whether that region
// is one of those asked for.
func (s *scan) place(ctx context.Context, p *Provider, code string, found []objectstore.Bucket) []bucket {
	looked := p.Regions
	if !p.Global {
		looked = []string{code}
	}
	var listed []bucket
	seen := make(map[string]bool)
	for _, region := range looked {
		seen[region] = true
		s.cover(Coverage{Provider: p.Name, Region: region, Looked: true})
	}
	for _, b := range found {
		region := b.Region
		if region == "" && p.Global {
			var err error
			if region, err = p.Region("").BucketRegion(ctx, b.Name); err != nil {
				s.cover(Coverage{Provider: p.Name, Region: "unknown", Bucket: b.Name, Reason: err.Error()})
				continue
			}
		}
		if region == "" || !p.Global {
			region = code
		}
		switch {
		case seen[region]:
		case len(p.Regions) > 0:
			s.cover(Coverage{Provider: p.Name, Region: region, Bucket: b.Name, Reason: "the configuration does not list its region"})
			continue
		default:
			seen[region] = true
			s.cover(Coverage{Provider: p.Name, Region: region, Looked: true})
		}
		listed = append(listed, bucket{p, b.Name, region})
	}
	return listed
}

// bucket scans one bucket. An error is only returned when the context ended.
func (s *scan) bucket(ctx context.Context, b bucket) error {
	store := b.provider.Region(b.region)
	failed := func(err error) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		s.cover(Coverage{Provider: b.provider.Name, Region: b.region, Bucket: b.name, Reason: err.Error()})
		return nil
	}
	tags, err := store.BucketTags(ctx, b.name)
	if err != nil && !errors.Is(err, objectstore.ErrNotOffered) {
		if ferr := failed(fmt.Errorf("its tags could not be read: %w", err)); ferr != nil {
			return ferr
		}
	}
	shares := s.shares(b, tags)
	if !slices.ContainsFunc(shares, s.wanted) {
		return nil
	}
	versioning, err := store.Versioning(ctx, b.name)
	if err != nil {
		return failed(err)
	}
	for i := range shares {
		shares[i].Versioning = versioning
	}
	if err := s.count(ctx, store, b, shares); err != nil {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		for i := range shares {
			shares[i].Error = err.Error()
		}
		if err := failed(err); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range shares {
		if !s.wanted(p) {
			continue
		}
		p.Empty = !s.Locate && p.Error == "" && p.Versions+p.Markers+p.Uploads+p.Own == 0
		if p.Empty && p.Customer == "" && (p.Prefix != "" || len(shares) > 1) {
			continue // what is left of a shared bucket, and nothing is
		}
		if p.Empty && p.Attribution == ByDestination {
			continue // where something could have been moved, and nothing was
		}
		s.inventory.Places = append(s.inventory.Places, p)
	}
	return nil
}
