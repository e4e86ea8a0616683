package azurestore

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"net/url"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/wire"
	"github.com/residency/residency/inventory/remedy"
)

// Options describes a provider. Name is required, and so is a Subscription or Regions.
type Options struct {
	Name string // as in locations: "blob" in blob:account.container
	// Subscription is the ID of the one whose storage accounts are meant. Resource Manager
	// tells where they are.
	Subscription string
	// Regions names accounts by region, for where Resource Manager cannot be asked. That they
	// are there is then the configuration's word.
	Regions map[string][]string
	// Endpoint stands for all accounts, which are then the first part of a path (an
	// emulator); empty: each account has its own address.
	Endpoint string
	// ARMEndpoint is that of Azure Resource Manager; default https://management.azure.com.
	ARMEndpoint string
	// Credential makes tokens; nil: the standard chain, see credential.
	Credential azcore.TokenCredential
	// SharedKeys are the keys of accounts that are not asked with tokens. That of
	// AZURE_STORAGE_ACCOUNT is added from AZURE_STORAGE_KEY.
	SharedKeys map[string][]byte
	// Insecure permits plain http to a host that is not this machine.
	Insecure bool
	// Observe is told of each request that was answered, by many at once; nil: nobody. What
	// it is given has no credentials in its headers.
	Observe func(objectstore.Exchange)
	// Pace bounds the bytes of bodies, both ways, with that of other providers that have
	// the same; nil: nothing does.
	Pace objectstore.Pace
	Now  func() time.Time // default time.Now
	// Backoff is how long to wait after so many attempts at a read; default: from half a second,
	// doubled each time, up to half a minute, of which a part is left to chance.
	Backoff func(attempts int) time.Duration
	// Sleep waits between attempts, at most ten seconds longer than Backoff says where the
	// service asks for it; default objectstore.Sleep.
	Sleep func(ctx context.Context, d time.Duration) error
	// Patience is how long a connection may neither take nor give a byte; default 2 minutes.
	Patience time.Duration
	// Connections bounds the idle connections kept per address; default 256.
	Connections int
	// PageSize is how many blobs to ask for in one request; default 5,000, the most.
	PageSize int
	Listers  int                      // most requests of one listing in flight; default 16
	Random   io.Reader                // of upload IDs; default crypto/rand
	Getenv   func(name string) string // default os.Getenv
}

const (
	resourceManager = "https://management.azure.com"
	pageBlobs       = 5000 // the most that a page has ("List Blobs", maxresults)
)

var errNothingNamed = remedy.New("neither a subscription nor an account is named",
	"give the provider a subscription, or its storage accounts by region")

// Provider hands out one Store per region. Its methods may be called concurrently.
type Provider struct {
	name     string
	endpoint *url.URL // nil: each account has its own
	regions  map[string][]string
	arm      *manager // nil without a subscription
	send     *transport
	random   io.Reader
	pageSize int
	listers  int

	known memo[map[string]*account]

	mu     sync.Mutex
	stores map[string]*Store
}

// Open makes a provider. It sends no request.
func Open(_ context.Context, o Options) (*Provider, error) {
	o = o.withDefaults()
	fail := func(err error) error { return fmt.Errorf("provider %s: %w", o.Name, err) }
	if o.Subscription == "" && len(o.Regions) == 0 {
		return nil, fail(errNothingNamed)
	}
	p := &Provider{name: o.Name, regions: o.Regions, random: o.Random, pageSize: o.PageSize, listers: o.Listers,
		known: newMemo[map[string]*account](), stores: make(map[string]*Store)}
	var err error
	if o.Endpoint != "" {
		if p.endpoint, err = checkEndpoint(o.Endpoint, o.Insecure); err != nil {
			return nil, fail(err)
		}
	}
	arm, err := checkEndpoint(cmp.Or(o.ARMEndpoint, resourceManager), o.Insecure)
	if err != nil {
		return nil, fail(err)
	}
	keys, err := o.keys()
	if err != nil {
		return nil, fail(err)
	}
	if o.Credential == nil {
		if o.Credential, err = credential(o); err != nil {
			return nil, fail(err)
		}
	}
	p.send = newTransport(o, keys)
	if o.Subscription != "" {
		p.arm = &manager{send: p.send, at: arm, subscription: o.Subscription, name: o.Name,
			deleted: newMemo[[]armDeleted]()}
	}
	return p, nil
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Backoff == nil {
		o.Backoff = wire.Backoff
	}
	if o.Sleep == nil {
		o.Sleep = objectstore.Sleep
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Getenv == nil {
		o.Getenv = os.Getenv
	}
	o.Patience = cmp.Or(o.Patience, 2*time.Minute)
	o.Connections = cmp.Or(o.Connections, 256)
	o.PageSize, o.Listers = cmp.Or(o.PageSize, pageBlobs), cmp.Or(o.Listers, listers)
	return o
}

// keys are those of accounts, with the environment's.
func (o Options) keys() (map[string][]byte, error) {
	keys := maps.Clone(o.SharedKeys)
	name, text := o.Getenv("AZURE_STORAGE_ACCOUNT"), o.Getenv("AZURE_STORAGE_KEY")
	if name == "" || text == "" {
		return keys, nil
	}
	if _, ok := keys[name]; ok {
		return keys, nil
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, objectstore.CredentialsError{Text: "AZURE_STORAGE_KEY is not base64",
			Next: "set AZURE_STORAGE_KEY to one of the account's keys as the portal shows it"}
	}
	if keys == nil {
		keys = make(map[string][]byte, 1)
	}
	keys[name] = key
	return keys, nil
}

// Regions lists the configured regions in order; empty means all that the subscription's
// accounts are in.
func (p *Provider) Regions() []string { return slices.Sorted(maps.Keys(p.regions)) }

// Home is nowhere in particular: Resource Manager answers for all regions.
func (p *Provider) Home() string { return "" }

// Global tells that the name of an account, and so that of a bucket, means the same in all
// regions.
func (p *Provider) Global() bool { return true }

// Region implements objectstore.Provider.
func (p *Provider) Region(code string) objectstore.Store { return p.store(code) }

func (p *Provider) store(code string) *Store {
	p.mu.Lock()
	defer p.mu.Unlock()
	s, ok := p.stores[code]
	if !ok {
		s = &Store{provider: p, region: code, send: p.send}
		p.stores[code] = s
	}
	return s
}

// Store is one region of a provider: it works with buckets of accounts that are there alone.
// Without a region it works with all. It implements objectstore.Store.
type Store struct {
	provider *Provider
	region   string
	send     *transport
}

var (
	_ objectstore.Provider     = (*Provider)(nil)
	_ objectstore.Store        = (*Store)(nil)
	_ objectstore.Addressed    = (*Store)(nil)
	_ objectstore.Capable      = (*Store)(nil)
	_ objectstore.CopySource   = (*Store)(nil)
	_ objectstore.Factual      = (*Store)(nil)
	_ objectstore.KeyChecker   = (*Store)(nil)
	_ objectstore.Limited      = (*Store)(nil)
	_ objectstore.PartLister   = (*Store)(nil)
	_ objectstore.Replicating  = (*Store)(nil)
	_ objectstore.SentCounter  = (*Store)(nil)
	_ objectstore.SomeCopier   = (*Store)(nil)
	_ objectstore.UploadLister = (*Store)(nil)
)

// Endpoint identifies who answers: one provider's accounts are all of one service.
func (s *Store) Endpoint() string { return s.provider.name }

// URL implements objectstore.Addressed. Of accounts with addresses of their own it is what
// these have in common.
func (s *Store) URL() string { return s.send.address }

// Account implements objectstore.Addressed with the subscription.
func (s *Store) Account(context.Context) string {
	if s.provider.arm == nil {
		return ""
	}
	return s.provider.arm.subscription
}

// Capabilities implements objectstore.Capable:
//   - CountsTags: "Get Blob" and "Get Blob Properties", x-ms-tag-count;
//   - CopiesSome: see [Store.Copy];
//   - ConditionsWrites: "Specifying conditional headers for Blob service operations";
//   - LocatesBuckets: where Resource Manager is asked, an account's location is its word;
//   - NoMarkers, TrailingMarkers, DeletesInSteps: "Blob versioning", of deletions;
//   - OrdersByUTF16: "List Blobs" promises an alphabetical order and not which; see [Store.Versions];
//   - Sum: "Put Blob" and "Put Block", x-ms-content-crc64, which is CRC-64/NVME;
//   - TellsMD5: what was seen.
func (s *Store) Capabilities() objectstore.Capabilities {
	return objectstore.Capabilities{CountsTags: true, CopiesSome: true, ConditionsWrites: true, NoMarkers: true,
		TrailingMarkers: true, DeletesInSteps: true, OrdersByUTF16: true, Sum: crc64Algorithm,
		ForgetsEmptyUploads: true,
		TellsMD5:            s.send.tellsMD5.Load(),
		NewBuckets:          objectstore.NewBucket{AccountVersioning: true},
		LocatesBuckets:      s.provider.arm != nil}
}

// Sent implements objectstore.SentCounter. It counts for the whole provider, because one
// transport serves all regions.
func (s *Store) Sent() objectstore.Sent { return s.send.sent.Sent() }

// where names a bucket in errors.
func (s *Store) where(bucket string) string { return s.provider.name + ":" + bucket }
