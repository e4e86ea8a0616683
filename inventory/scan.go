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
	"github.com/residency/residency/inventory/remedy"
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
	// Unlisted are kinds of storage that the service may hold and no list of buckets shows;
	// Unused are those of them that the configuration says are not used.
	Unlisted, Unused []string
	// Global tells that any region lists the buckets of all (AWS).
	Global bool
	Region func(code string) Store
	// Country and Operator tell where a region is and who runs it; empty
	// answers mean not known.
	Country func(region string) string
	// Listed is what the catalog of regions has of one; nil: nothing is in it.
	Listed func(region string) (regions.Region, bool)
	// Spread are the countries in which data in a region may be that is not in one known
	// country; nil: no region is known to be like that.
	Spread func(region string) []string
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
	Destination func(at objectstore.Location, region, customer, sourceRegion string) string
	// Policy is where a customer's data may be; an empty name asks for the
	// policy of data that is nobody's.
	Policy  func(customer string) regions.Policy
	Waivers []Waiver // of the policy; they change no verdict
	Catalog *regions.Catalog
	// Configuration is what the request was made of; the answer names it.
	Configuration Configuration
	Now           time.Time
	Concurrent    int // buckets listed at once; default 8
	Progress      *Progress
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
		Schema: Schema, At: r.Now.UTC(), CatalogAt: r.Catalog.AsOfMonth(), Customer: r.Customer,
		Policy: r.Policy(r.Customer).String(), Configuration: r.Configuration,
		Places: []Place{}, Findings: []Finding{}, Exposures: []Exposure{}, Safeguards: []Exposure{},
		Coverage: []Coverage{},
	}}
	for _, c := range r.Claims {
		s.names = append(s.names, c.Customer)
	}
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
	s.unlistedKinds()
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
	mu        sync.Mutex // guards what follows while buckets are scanned
	inventory *Inventory
	names     []string // of customers, as they come
	tags      []tagged
	unclear   bool // whose some data is, or where what the configuration names
	outside   bool // some data is outside of the policy, or in a region whose country is not known
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
					found = s.named(gctx, p, code, found, err)
					s.unlisted(p, code, found, err)
				}
				listed := s.place(gctx, p, code, found, err == nil)
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
		return cmp.Or(cmp.Compare(a.provider.Name, b.provider.Name), cmp.Compare(a.region, b.region),
			cmp.Compare(a.name, b.name))
	})
	return all, nil
}

// unlisted notes regions whose buckets could not be listed, but for those found by name.
func (s *scan) unlisted(p *Provider, code string, found []objectstore.Bucket, err error) {
	named := slices.ContainsFunc(s.Claims, func(c Claim) bool {
		return c.Location.Provider == p.Name && (s.Customer == "" || c.Customer == s.Customer) &&
			slices.ContainsFunc(found, func(b objectstore.Bucket) bool { return b.Name == c.Location.Bucket })
	})
	codes := []string{code}
	if p.Global {
		if codes = p.Regions; len(codes) == 0 {
			codes = []string{"every region"}
		}
	}
	for _, region := range codes {
		s.cover(Coverage{Provider: p.Name, Region: region, Named: named, Reason: err.Error(), Remedy: identity(err)})
	}
}

// named adds the buckets that the configuration names to those that were found, where the list of
// all is denied.
func (s *scan) named(
	ctx context.Context, p *Provider, code string, found []objectstore.Bucket, why error,
) []objectstore.Bucket {
	if !errors.Is(why, objectstore.ErrDenied) {
		return found
	}
	for _, c := range s.Claims {
		at := c.Location
		known := func(b objectstore.Bucket) bool { return b.Name == at.Bucket }
		if at.Provider != p.Name || slices.ContainsFunc(found, known) {
			continue
		}
		if region, err := p.Region(code).BucketRegion(ctx, at.Bucket); err == nil {
			found = append(found, objectstore.Bucket{Name: at.Bucket, Region: region})
		}
	}
	return found
}

// place decides which region each found bucket is in and whether that region
// is one of those asked for. Only where all were listed was a region looked at.
func (s *scan) place(ctx context.Context, p *Provider, code string, found []objectstore.Bucket, all bool) []bucket {
	looked := p.Regions
	if !p.Global {
		looked = []string{code}
	}
	var listed []bucket
	seen := make(map[string]bool)
	for _, region := range looked {
		seen[region] = true
		if all {
			s.cover(Coverage{Provider: p.Name, Region: region, Looked: true})
		}
	}
	for _, b := range found {
		region := b.Region
		if region == "" && p.Global {
			var err error
			if region, err = p.Region("").BucketRegion(ctx, b.Name); err != nil {
				s.cover(Coverage{Provider: p.Name, Region: "unknown", Bucket: b.Name, Reason: err.Error(), Remedy: identity(err)})
				s.unseenClaims(bucket{p, b.Name, ""}, err.Error())
				continue
			}
		}
		if region == "" || !p.Global {
			region = code
		}
		switch {
		case seen[region]:
		case len(p.Regions) > 0:
			why := "it is in " + region + ", which the configuration does not list"
			s.cover(Coverage{Provider: p.Name, Region: region, Bucket: b.Name, Reason: why,
				Remedy: "add " + region + " to the regions of provider " + p.Name})
			s.unseenClaims(bucket{p, b.Name, region}, why)
			continue
		default:
			seen[region] = true
			if all {
				s.cover(Coverage{Provider: p.Name, Region: region, Looked: true})
			}
		}
		listed = append(listed, bucket{p, b.Name, region})
	}
	return listed
}

// unlistedKinds says of each kind of storage that no list of buckets shows that it was
// not looked at.
func (s *scan) unlistedKinds() {
	for _, p := range s.Providers {
		for _, kind := range p.Unlisted {
			c := Coverage{Provider: p.Name, Region: "every region", Kind: kind, Unused: slices.Contains(p.Unused, kind),
				Reason: kind + " are in no list of buckets, and are not looked at",
				Remedy: "if there are none, say so with not_used in the configuration of provider " + p.Name}
			if c.Unused {
				c.Reason, c.Remedy = "not looked at; the configuration says that they are not used", ""
			}
			s.cover(c)
		}
	}
}

// unseenClaims keeps what the configuration names of a bucket that is not looked
// into: where it is can be outside of the policy all the same.
func (s *scan) unseenClaims(b bucket, why string) {
	for _, p := range s.shares(b, nil) {
		if p.Attribution == ByConfiguration && s.wanted(p) {
			p.Error = why
			s.keep(p)
		}
	}
}

func (s *scan) keep(p Place) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.inventory.Places = append(s.inventory.Places, p)
}

// bucket scans one bucket. An error is only returned when the context ended.
func (s *scan) bucket(ctx context.Context, b bucket) error {
	store := b.provider.Region(b.region)
	tags, unread := store.BucketTags(ctx, b.name)
	if errors.Is(unread, objectstore.ErrNotOffered) {
		unread = nil
	}
	if unread != nil {
		unread = fmt.Errorf("its tags could not be read: %w", unread)
	}
	s.noteTags(b, tags)
	shares := s.shares(b, tags)
	wanted := slices.ContainsFunc(shares, s.wanted)
	if wanted {
		if err := s.look(ctx, store, b, shares); err != nil && unread != nil {
			unread = fmt.Errorf("%w; %w", unread, err)
		} else if err != nil {
			unread = err
		}
	}
	if wanted {
		if err := s.facts(ctx, store, b, shares); err != nil && unread != nil {
			unread = fmt.Errorf("%w; %w", unread, err)
		} else if err != nil {
			unread = err
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if unread != nil {
		for i := range shares {
			if shares[i].Attribution == Unattributed { // whose it is may be what could not be read
				shares[i].Error = unread.Error()
			}
		}
		if s.gone(ctx, store, b, unread) {
			return ctx.Err()
		}
		s.cover(Coverage{Provider: b.provider.Name, Region: b.region, Bucket: b.name, Reason: unread.Error(),
			Remedy: identity(unread)})
	}
	for _, p := range shares {
		if !wanted || !s.wanted(p) {
			continue
		}
		p.Empty = !s.Locate && p.Error == "" && p.Versions+p.Markers+p.Uploads+p.Own+p.Kept == 0
		if p.Empty && p.Customer == "" && (p.Prefix != "" || len(shares) > 1) {
			continue // what is left of a shared bucket, and nothing is
		}
		if p.Empty && p.Attribution == ByDestination {
			continue // where something could have been moved, and nothing was
		}
		s.keep(p)
	}
	return nil
}

// look finds out what a bucket's shares hold. What cannot be found out is their
// error; they stay, for where they are is known.
func (s *scan) look(ctx context.Context, store Store, b bucket, shares []Place) error {
	versioning, err := store.Versioning(ctx, b.name)
	if err != nil {
		err = fmt.Errorf("its versioning could not be read: %w", err)
	}
	if cerr := s.count(ctx, store, b, shares); cerr != nil && err != nil {
		err = fmt.Errorf("%w; %w", err, cerr)
	} else if cerr != nil {
		err = cerr
	}
	for i := range shares {
		shares[i].Versioning = versioning
		if err != nil {
			shares[i].Error = err.Error()
		}
	}
	return err
}

// gone tells whether a bucket that could not be read was deleted while the scan ran,
// which is noted and nothing to look at any more. One that the configuration names
// is missed, and stays unread.
func (s *scan) gone(ctx context.Context, store Store, b bucket, why error) bool {
	if !errors.Is(why, objectstore.ErrNotFound) || slices.ContainsFunc(s.Claims, func(c Claim) bool {
		return c.Location.Provider == b.provider.Name && c.Location.Bucket == b.name
	}) {
		return false
	}
	if _, err := store.BucketRegion(ctx, b.name); !errors.Is(err, objectstore.ErrNotFound) {
		return false
	}
	s.add(Finding{Rule: "bucket-gone", Severity: Note, Location: b.provider.Name + ":" + b.name,
		Region: b.region, Text: "the bucket was listed, and deleted before it could be looked into; that it is gone was " +
			"asked again"})
	return true
}

// identity is what to do where access cannot be given, for it is the credentials, or the
// service that had no answer.
func identity(err error) string {
	switch {
	case errors.Is(err, objectstore.ErrCredentials):
		return remedy.For(err)
	case errors.Is(err, objectstore.ErrThrottled):
		return "the service answers that it is asked too much (SlowDown): run the same command again later"
	case errors.Is(err, objectstore.ErrPassing):
		return "the service had no answer, which passes: run the same command again later"
	}
	return ""
}
