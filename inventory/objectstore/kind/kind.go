// Package kind has the kinds of services that there are, and opens providers of each.
// It is the only one that knows the packages in which they are.
package kind

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/s3store"
)

// Kind is what the type of a configured provider means.
type Kind struct {
	Name string
	// Global tells that a provider is all of one service: the regions are the service's,
	// its addresses are known, and each region knows the buckets of all. Of others the
	// configuration has each region with its endpoint.
	Global bool
	// KeyService tells that keys for encryption lie with a service of their own, for which
	// permissions are needed too.
	KeyService bool
	// Partition is that of names of permissions where a region has none of its own.
	Partition string
	// Unlisted are the kinds of storage of the service that no list of buckets shows.
	Unlisted []string
}

// all are the kinds, by name.
func all() []Kind {
	return []Kind{
		// Amazon S3 API Reference, "ListDirectoryBuckets", "ListTableBuckets" and
		// "ListVectorBuckets"; of Amazon S3 on Outposts, "ListRegionalBuckets".
		{Name: "aws", Global: true, KeyService: true, Partition: "aws", Unlisted: []string{"directory buckets",
			"table buckets", "vector buckets", "buckets on Outposts"}},
		{Name: "s3", Partition: "aws"},
	}
}

// Default is the kind of a provider that nobody configured.
func Default() Kind { return all()[0] }

// Names are the kinds' names in order.
func Names() []string {
	var names []string
	for _, k := range all() {
		names = append(names, k.Name)
	}
	return names
}

// Of finds a kind by its name.
func Of(name string) (Kind, bool) {
	i := slices.IndexFunc(all(), func(k Kind) bool { return k.Name == name })
	if i < 0 {
		return Kind{}, false
	}
	return all()[i], true
}

// Origin names the service that answers in a partition where no endpoint is configured, as
// objectstore.Origin names those of endpoints.
func (k Kind) Origin(partition string) string {
	return objectstore.AmazonOrigin(cmp.Or(partition, k.Partition))
}

// Owner finds the kind whose own an address is, whose that is in a word, and the region
// that it is of.
func Owner(endpoint string) (k Kind, whose, region string, ok bool) {
	at, ok := objectstore.AmazonS3(endpoint)
	if !ok {
		return Kind{}, "", "", false
	}
	const unnamed = "us-east-1" // is the region of Amazon's addresses that name none
	return all()[0], "Amazon's", cmp.Or(at.Region, unnamed), true
}

// CustomerKey is a key that the customer alone has. However it is printed, only its name
// shows.
type CustomerKey = s3store.CustomerKey

// NewCustomerKey makes a key of 32 bytes.
func NewCustomerKey(secret []byte) (CustomerKey, error) { return s3store.NewCustomerKey(secret) }

// Options describes a provider. Name is required.
type Options struct {
	Name    string // as in locations: "cloud" in cloud:bucket
	Profile string // of the shared configuration of credentials; empty: the standard chain
	// Endpoints maps a region to its URL, which is empty where the service's own is meant;
	// Endpoint is that of regions which Endpoints does not name.
	Endpoints map[string]string
	Signing   map[string]string // what requests to a region are signed for, if not its code
	Endpoint  string
	// Insecure permits plain http to a host that is not this machine.
	Insecure bool
	// Account owns the buckets; OwnerRequired tells that it has to be known.
	Account       string
	OwnerRequired bool
	CustomerKeys  []CustomerKey
	// Observe is told of each request that was answered, by many at once; nil: nobody.
	Observe func(objectstore.Exchange)
	// Say is told what a library has to say beside errors; nil: nobody.
	Say func(text string)
	// Pace bounds the bytes that are read and written; nil: nothing does.
	Pace objectstore.Pace
	Now  func() time.Time
	// Connections bounds the idle ones kept per endpoint, Listers the requests of one
	// listing at once; 0: as the store has it.
	Connections, Listers int
	// AnyOrder has listings taken in whatever order they come.
	AnyOrder bool
}

// Open loads a provider's credentials. It sends no request to the storage service.
func (k Kind) Open(ctx context.Context, o Options) (objectstore.Provider, error) {
	p, err := s3store.Open(ctx, s3store.Options{
		Name: o.Name, Profile: o.Profile, Endpoints: o.Endpoints, Signing: o.Signing, Endpoint: o.Endpoint,
		Insecure: o.Insecure,
		Account:  o.Account, OwnerRequired: o.OwnerRequired, CustomerKeys: o.CustomerKeys, Observe: o.Observe, Now: o.Now,
		Amazon: k.Global, Say: o.Say, Pace: o.Pace, Connections: o.Connections, Listers: o.Listers,
		AnyOrder: o.AnyOrder,
	})
	if err != nil {
		return nil, err
	}
	return provider{p, k.Global}, nil
}

// provider hands out what each kind's own one does, by the name that all have.
type provider struct {
	*s3store.Provider
	global bool
}

// Global implements objectstore.Provider.
func (p provider) Global() bool { return p.global }

// Region implements objectstore.Provider.
func (p provider) Region(code string) objectstore.Store { return p.Provider.Region(code) }
