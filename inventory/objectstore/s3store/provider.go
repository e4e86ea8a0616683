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
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/bucketpolicy"
)

// Options describes a provider. Name is required.
type Options struct {
	Name    string // as in locations: "cloud" in cloud:bucket
	Profile string // of the shared AWS configuration; empty: the standard chain
	// Endpoints maps a region to its URL. An empty URL means AWS's own endpoint.
	// The map may be empty for AWS: then regions are found by listing buckets.
	Endpoints map[string]string
	// Signing maps a region to the one that its requests are signed for; default: itself.
	Signing map[string]string
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
	// Say is told what the SDK has to say beside its errors; nil: nobody.
	Say func(text string)
	// Pace bounds the bytes of bodies, both ways, with that of other providers that have
	// the same; nil: nothing does.
	Pace objectstore.Pace
	// Proxy finds a request's proxy; default: as the environment says, which the
	// process reads once.
	Proxy func(*http.Request) (*url.URL, error)
	Now   func() time.Time // default time.Now
	// Backoff is how long to wait before a request is repeated, attempts of which have
	// failed with an error; default: the SDK's rules.
	Backoff func(attempts int, err error) (time.Duration, error)
	// PageSize is how many entries to ask for in one request; default 1,000,
	// the most that S3 gives.
	PageSize int32
	// Listers bounds the requests of one listing that are in flight at once;
	// default as package listing has it. 1: each page is asked for behind the
	// one before.
	Listers int
	// AnyOrder has listings taken in whatever order they come, and sorted here. That each is
	// complete rests on a second one that tells the same.
	AnyOrder bool

	anywhere bool // tests stand in for Amazon
}

// Provider hands out one Store per region. Its methods may be called
// concurrently.
type Provider struct {
	name      string
	endpoints map[string]string
	signing   map[string]string // Options.Signing
	fallback  string
	base      aws.Config
	sends     *http.Client // what the transports of all stores have, as the next two
	patience  Patience
	observe   func(objectstore.Exchange)
	pace      objectstore.Pace
	owner     *owner
	now       func() time.Time
	backoff   func(int, error) (time.Duration, error) // nil: the SDK's
	keys      []CustomerKey
	pageSize  int32
	listers   int
	unordered bool // Options.AnyOrder
	global    bool // Options.Amazon

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
	sdk, ok := base.HTTPClient.(*awshttp.BuildableClient)
	if !ok {
		return nil, fmt.Errorf("provider %s: the SDK gave an HTTP client of type %T", o.Name, base.HTTPClient)
	}
	// The SDK's own follows redirects to wherever they lead.
	sends := &http.Client{Transport: sdk.GetTransport(), CheckRedirect: follow, Timeout: sdk.GetTimeout()}
	return &Provider{name: o.Name, sends: sends, patience: o.Patience.orDefault(), observe: o.Observe, pace: o.Pace,
		endpoints: o.Endpoints, signing: o.Signing, fallback: o.Endpoint, base: base, owner: owner,
		now: o.Now, backoff: o.Backoff, pageSize: cmp.Or(o.PageSize, pageKeys), listers: o.Listers, keys: o.CustomerKeys,
		unordered: o.AnyOrder,
		global:    o.Amazon, stores: make(map[string]*Store)}, nil
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
	endpoint := cmp.Or(p.endpoints[region], p.fallback)
	signing := cmp.Or(p.signing[region], region)
	client, t := p.connect(signing, endpoint)
	named, own := objectstore.AmazonS3(t.address)
	s := &Store{
		provider: p.name, region: region, signing: signing, endpoint: endpoint,
		amazon: endpoint == "" || own, global: p.global, named: named, client: client,
		owner: p.owner, now: p.now, pageSize: p.pageSize, listers: p.listers, keys: p.keys,
		unordered: p.unordered,
		objects:   newObjects(client, t), transport: t,
	}
	p.stores[region] = s
	return s
}

// connect makes the transport of the region that is signed for, and the SDK's client that builds requests for it.
func (p *Provider) connect(region, endpoint string) (*s3.Client, *transport) {
	cfg := p.base.Copy()
	cfg.Region = region
	rules := retry.AddWithErrorCodes(s3.NewFromConfig(cfg).Options().Retryer, append(passing(), "RequestTimeTooSkewed")...)
	if p.backoff != nil {
		rules = paced{rules, p.backoff}
	}
	t := &transport{next: p.sends, chain: cfg.Credentials, rules: rules, owner: p.owner, now: p.now,
		patience: p.patience, observe: p.observe, pace: p.pace, signer: newSigner()}
	client := s3.NewFromConfig(cfg, t.sole, func(o *s3.Options) {
		if endpoint != "" {
			o.BaseEndpoint = aws.String(endpoint)
			o.UsePathStyle = true
		}
	})
	t.address = resolved(client)
	return client, t
}

// Store is one region. It implements objectstore.Store.
type Store struct {
	provider string
	region   string
	signing  string // the region that requests are signed for
	endpoint string
	amazon   bool               // it is Amazon's own service
	global   bool               // it, or what stands in for it, knows the regions of all buckets
	named    objectstore.Amazon // what the name of its host says then
	client   *s3.Client
	owner    *owner
	now      func() time.Time
	keys     []CustomerKey
	lastKey  atomic.Int64 // index of the key that served last
	pageSize int32
	listers  int

	unordered bool // listings come in an order of the service's own

	transport *transport
	objects   *objects // for what is asked once or more per object

	encryption  atomic.Pointer[choice] // that writes ask for; nil: none
	unversioned neverVersioned
	plainPages  atomic.Bool // the service refuses to list what is optional
	noUploads   atomic.Bool // the service lists no unfinished uploads
	oneByOne    atomic.Bool // the service deletes no several entries at once
	headless    atomic.Bool // the service describes no objects (HEAD)
	partless    atomic.Bool // the service reads no parts by their numbers
	unguarded   atomic.Bool // writes look before they are sent, and carry no conditions
}

var (
	_ objectstore.Store     = (*Store)(nil)
	_ objectstore.Addressed = (*Store)(nil)
	_ objectstore.Capable   = (*Store)(nil)

	_ objectstore.OwnerChecker = (*Store)(nil)
	_ objectstore.Identifier   = (*Store)(nil)
	_ objectstore.MFADeleter   = (*Store)(nil)
	_ objectstore.UploadLister = (*Store)(nil)
	_ objectstore.Encrypter    = (*Store)(nil)
	_ objectstore.Unguarder    = (*Store)(nil)
	_ objectstore.SentCounter  = (*Store)(nil)
)

// Endpoint identifies who answers. All of AWS is one: any region of a
// partition can copy from any other, unless it is reached by a VPC endpoint.
func (s *Store) Endpoint() string {
	switch {
	case s.amazon && s.named.Private:
		return s.provider + " " + s.region
	case s.amazon:
		return s.provider
	}
	return s.provider + " " + s.endpoint
}

// URL implements objectstore.Addressed.
func (s *Store) URL() string { return s.transport.address }

// Account implements objectstore.Addressed.
func (s *Store) Account(ctx context.Context) string { return s.owner.name(ctx) }

// Capabilities implements objectstore.Capable. Of Amazon S3 its documents promise all:
//   - CountsTags: API model, "HeadObjectOutput" and "GetObjectOutput", TagCount, "the number
//     of tags, if any, on the object, when you have the relevant permission to read object
//     tags";
//   - CarriesAttributes: Amazon S3 API Reference, "CopyObject", x-amz-metadata-directive and
//     x-amz-tagging-directive;
//   - SumsCopiedParts: API model, "CopyPartResult", Checksum…, "present if the object was
//     uploaded with" that algorithm;
//   - AcrossRegions: Amazon S3 API Reference, "CopyObject", across Regions and VPC endpoints;
//   - LowersNames, of all S3: Amazon S3 User Guide, "User-defined object metadata", "stores user-defined metadata keys in
//     lowercase"; names of headers have no case;
//   - KeepsOwner: IAM User Guide, "Policy evaluation logic";
//   - ConditionsWrites: Amazon S3 User Guide, "How to prevent object overwrites with
//     conditional writes";
//   - NewBuckets: Amazon S3 User Guide, "Default settings for new S3 buckets FAQ", and since
//     April 2026 "Blocking or unblocking SSE-C for a general purpose bucket".
func (s *Store) Capabilities() objectstore.Capabilities {
	if !s.amazon {
		return objectstore.Capabilities{LocatesBuckets: s.global, AnyOrder: s.unordered, LowersNames: true}
	}
	return objectstore.Capabilities{LocatesBuckets: true, CountsTags: true, CarriesAttributes: true, SumsCopiedParts: true,
		AcrossRegions: true, KeepsOwner: true, ConditionsWrites: true, LowersNames: true,
		NewBuckets: objectstore.NewBucket{BlocksPublic: true, RefusesCustomerKeys: true}}
}

// WriteBlocks implements objectstore.WriteBlocker.
func (s *Store) WriteBlocks() objectstore.WriteBlocks {
	return bucketpolicy.WriteBlocks{Partition: cmp.Or(s.named.Partition, "aws")}
}

// once keeps a request of the SDK's from being repeated.
func (s *Store) once(o *s3.Options) { o.HTTPClient = single{s.transport} }
