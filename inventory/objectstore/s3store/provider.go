package s3store

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/residency/residency/inventory/objectstore"
)

// Options describes a provider. Name is required.
type Options struct {
	Name    string // as in locations: "cloud" in cloud:bucket
	Profile string // of the shared AWS configuration; empty: the standard chain
	// Endpoints maps a region to its URL. An empty URL means AWS's own endpoint.
	// The map may be empty for AWS: then regions are found by listing buckets.
	Endpoints map[string]string
	// Endpoint is that of regions which Endpoints does not name; empty: AWS's own.
	Endpoint string
	// Connections bounds the idle connections kept per endpoint; default 256.
	Connections int
	// CustomerKeys open and make objects under SSE-C.
	CustomerKeys []CustomerKey
	// Insecure permits plain http to a host that is not this machine.
	Insecure bool
	// Account owns the buckets; requests to those of others are refused by the
	// service. Empty: with Amazon, whose the credentials are; else not known.
	Account string
	// OwnerRequired tells that the account has to be known.
	OwnerRequired bool
	// Amazon tells that the provider is Amazon's own service.
	Amazon   bool
	Patience Patience
	// Observe is told of each request that was answered, by many at once; nil: nobody.
	Observe func(objectstore.Exchange)
	// Proxy finds a request's proxy; default: as the environment says, which the
	// process reads once.
	Proxy func(*http.Request) (*url.URL, error)
	Now   func() time.Time // default time.Now
	// PageSize is how many entries to ask for in one request; default 1,000,
	// the most that S3 gives.
	PageSize int32
	// Listers bounds the requests of one listing that are in flight at once;
	// default as package listing has it. 1: each page is asked for behind the
	// one before.
	Listers int

	anywhere bool // tests stand in for Amazon
}

// Provider hands out one Store per region. Its methods may be called
// concurrently.
type Provider struct {
	name      string
	endpoints map[string]string
	fallback  string
	base      aws.Config
	client    *client // that all stores send by
	owner     *owner
	now       func() time.Time
	keys      []CustomerKey
	pageSize  int32
	listers   int

	mu     sync.Mutex
	stores map[string]*Store
}

// Open loads credentials and checks the endpoints' form. It sends no request
// to the storage service.
func Open(ctx context.Context, o Options) (*Provider, error) {
	if o.Connections == 0 {
		o.Connections = 256
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if err := checkEndpoint(o.Endpoint, o.Insecure); err != nil {
		return nil, fmt.Errorf("provider %s: %w", o.Name, err)
	}
	for region, endpoint := range o.Endpoints {
		if err := checkEndpoint(endpoint, o.Insecure); err != nil {
			return nil, fmt.Errorf("provider %s, region %s: %w", o.Name, region, err)
		}
	}
	base, err := load(ctx, o)
	if err != nil {
		return nil, err
	}
	// The checksum that guards a transfer is chosen per request here; the SDK's
	// own default would add a second pass over the bytes.
	base.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
	base.ResponseChecksumValidation = aws.ResponseChecksumValidationWhenRequired
	if err := o.ambient(base); err != nil {
		return nil, err
	}
	owner := newOwner(o, base)
	sends, err := newClient(base.HTTPClient, o)
	if err != nil {
		return nil, fmt.Errorf("provider %s: %w", o.Name, err)
	}
	return &Provider{name: o.Name, client: sends, endpoints: o.Endpoints, fallback: o.Endpoint, base: base, owner: owner, now: o.Now, pageSize: cmp.Or(o.PageSize, pageKeys), listers: o.Listers, keys: o.CustomerKeys, stores: make(map[string]*Store)}, nil
}

// Regions lists the configured regions in order; empty means all that the
// account's buckets are in.
func (p *Provider) Regions() []string {
	regions := make([]string, 0, len(p.endpoints))
	for r := range p.endpoints {
		regions = append(regions, r)
	}
	slices.Sort(regions)
	return regions
}

// Home is the region that is asked for what is of no region.
func (p *Provider) Home() string { return p.base.Region }

// Region returns the store of one region; without a name, of the home region.
func (p *Provider) Region(region string) *Store {
	if region == "" {
		region = p.Home()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if s, ok := p.stores[region]; ok {
		return s
	}
	cfg := p.base.Copy()
	cfg.Region = region
	endpoint := cmp.Or(p.endpoints[region], p.fallback)
	sends := p.client.at("")
	cfg.HTTPClient = sends
	client := s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.Retryer = retry.AddWithErrorCodes(o.Retryer, append(passing(), "RequestTimeTooSkewed")...)
		o.APIOptions = append(o.APIOptions, p.owner.middleware, (&renewal{p.base.Credentials}).middleware, sends.middleware)
		if endpoint != "" {
			o.BaseEndpoint = aws.String(endpoint)
			o.UsePathStyle = true
		}
	})
	s := &Store{provider: p.name, region: region, endpoint: endpoint, client: client, owner: p.owner, now: p.now, pageSize: p.pageSize, listers: p.listers, keys: p.keys, wire: newWire(client, p.now, p.owner), http: sends}
	sends.address = s.URL()
	p.stores[region] = s
	return s
}

// Store is one region. It implements objectstore.Store.
type Store struct {
	provider string
	region   string
	endpoint string
	client   *s3.Client
	owner    *owner
	now      func() time.Time
	keys     []CustomerKey
	lastKey  atomic.Int64 // index of the key that served last
	pageSize int32
	listers  int
	wire     *wire // for what is asked once or more per object
	http     *client

	unversioned neverVersioned
}

var (
	_ objectstore.Store     = (*Store)(nil)
	_ objectstore.Addressed = (*Store)(nil)

	_ objectstore.OwnerChecker = (*Store)(nil)
	_ objectstore.Identifier   = (*Store)(nil)
	_ objectstore.MFADeleter   = (*Store)(nil)
	_ objectstore.Founder      = (*Store)(nil)
	_ objectstore.TagCounter   = (*Store)(nil)
	_ objectstore.Carrier      = (*Store)(nil)
)

// Endpoint identifies who answers. All of AWS is one: any region of a
// partition can copy from any other.
func (s *Store) Endpoint() string {
	if s.endpoint == "" {
		return s.provider
	}
	return s.provider + " " + s.endpoint
}

// URL implements objectstore.Addressed. Amazon's own address is the one that the
// client resolves, so that what the environment puts in its place shows.
func (s *Store) URL() string {
	o := s.client.Options()
	if o.BaseEndpoint != nil {
		return *o.BaseEndpoint
	}
	resolved, err := o.EndpointResolverV2.ResolveEndpoint(context.Background(), s3.EndpointParameters{
		Region: &o.Region, UseFIPS: aws.Bool(o.EndpointOptions.UseFIPSEndpoint == aws.FIPSEndpointStateEnabled),
		UseDualStack: aws.Bool(o.EndpointOptions.UseDualStackEndpoint == aws.DualStackEndpointStateEnabled),
	})
	if err != nil {
		return "" // every request fails as well, and says why
	}
	return resolved.URI.String()
}

// Account implements objectstore.Addressed.
func (s *Store) Account(ctx context.Context) string { return s.owner.name(ctx) }

// KeepsOwner tells whether a bucket's owner has access whatever its policy leaves
// unsaid, as on AWS (IAM User Guide, "Policy evaluation logic").
func (s *Store) KeepsOwner() bool { return s.endpoint == "" }

// NewBuckets implements objectstore.Founder (Amazon S3 User Guide, "Default settings for
// new S3 buckets FAQ", and since April 2026 "Blocking or unblocking SSE-C for a general
// purpose bucket").
func (s *Store) NewBuckets() objectstore.NewBucket {
	amazon := s.endpoint == ""
	return objectstore.NewBucket{BlocksPublic: amazon, RefusesCustomerKeys: amazon}
}

// CarriesAttributes implements objectstore.Carrier. Amazon S3 does: headers and
// metadata by the directive COPY, tags by that of tagging (Amazon S3 API Reference,
// "CopyObject", x-amz-metadata-directive, x-amz-tagging-directive).
func (s *Store) CarriesAttributes() bool { return s.endpoint == "" }

// CountsTags implements objectstore.TagCounter. Amazon S3 does (API model,
// "HeadObjectOutput" and "GetObjectOutput", TagCount: "the number of tags, if any,
// on the object, when you have the relevant permission to read object tags").
func (s *Store) CountsTags() bool { return s.endpoint == "" }

// once keeps the SDK from repeating a request by itself.
func once(o *s3.Options) { o.Retryer = aws.NopRetryer{} }
