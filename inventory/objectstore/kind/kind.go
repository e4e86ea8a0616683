// Package kind has the kinds of services that there are, and opens providers of each.
// It is the only one that knows the packages in which they are.
package kind

import (
	"cmp"
	"context"
	"encoding/base64"
	"maps"
	"slices"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/azurestore"
	"github.com/residency/residency/inventory/objectstore/gcsstore"
	"github.com/residency/residency/inventory/objectstore/s3store"
)

// Kind is what the type of a configured provider means.
type Kind struct {
	Name string
	// Catalog is what the catalog of regions calls the service; of services that it does not
	// know, the kind's own name.
	Catalog string
	// Global tells that a provider is all of one service: the regions are the service's,
	// its addresses are known, and each region knows the buckets of all. Of others the
	// configuration has each region with its endpoint.
	Global bool
	// KeyService tells that keys for encryption lie with a service of their own, for which
	// permissions are needed too.
	KeyService bool
	// Takes are the settings of a provider that mean something to the kind, of those that not
	// all kinds have.
	Takes []Setting
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
		{Name: "aws", Catalog: "aws", Global: true, KeyService: true, Partition: "aws", Takes: []Setting{Profile, Account},
			Unlisted: []string{"directory buckets", "table buckets", "vector buckets", "buckets on Outposts"}},
		{Name: "s3", Catalog: "s3", Partition: "aws", Takes: []Setting{Profile, Account, Ordering, Signing}},
		// Azure Storage documentation, "Introduction to Azure Storage": data services.
		{Name: azure, Catalog: "azure", Global: true, Partition: "AzureCloud",
			Takes:    []Setting{Subscription, Accounts, Manager},
			Unlisted: []string{"file shares", "queues", "tables", "managed disks"}},
		{Name: google, Catalog: "gcp", Global: true, Partition: "googleapis.com", Takes: []Setting{Project, Payer}},
	}
}

// Setting is one of a provider's that not all kinds have, as the configuration calls it.
type Setting string

// The settings.
const (
	Profile      Setting = "profile"
	Account      Setting = "account"
	Ordering     Setting = "ordering"
	Signing      Setting = "signing_region"
	Subscription Setting = "subscription"
	Accounts     Setting = "accounts"
	Manager      Setting = "resource_manager"
	Project      Setting = "project"
	Payer        Setting = "requester_pays"
)

// CheckBucket applies the service's rules for names of buckets.
func (k Kind) CheckBucket(name string) error {
	switch k.Name {
	case azure:
		return azurestore.CheckBucketName(name)
	case google:
		return gcsstore.CheckBucketName(name)
	}
	return objectstore.CheckBucketName(name)
}

const (
	azure  = "azure"
	google = "gcs"
)

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
	switch k.Name {
	case azure:
		return "Azure Storage, partition " + cmp.Or(partition, k.Partition)
	case google:
		return "Google Cloud Storage"
	}
	return objectstore.AmazonOrigin(cmp.Or(partition, k.Partition))
}

// Owner finds the kind whose own an address is, whose that is in a word, and the region
// that it is of, empty where it is of none.
func Owner(endpoint string) (k Kind, whose, region string, ok bool) {
	for name, own := range map[string]func(string) bool{azure: azurestore.Owns, google: gcsstore.Owns} {
		if own(endpoint) {
			k, _ = Of(name)
			return k, map[string]string{azure: "Microsoft's", google: "Google's"}[name], "", true
		}
	}
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
	// Subscription and Project say what of Azure, or of Google, is meant. Accounts are those of
	// Azure by region, as far as the configuration names them, and Manager is the address of its
	// Resource Manager, empty for Azure's own.
	Subscription, Project string
	// RequesterPays has the project pay for requests to buckets whose requesters do.
	RequesterPays bool
	Accounts      map[string][]string
	Manager       string
	// Getenv reads the environment, of which some kinds take credentials.
	Getenv func(name string) string
}

// Open loads a provider's credentials. It sends no request to the storage service.
func (k Kind) Open(ctx context.Context, o Options) (objectstore.Provider, error) {
	switch k.Name {
	case azure:
		return azurestore.Open(ctx, azurestore.Options{Name: o.Name, Subscription: o.Subscription, Regions: o.Accounts,
			Endpoint: o.Endpoint, ARMEndpoint: o.Manager, SharedKeys: keys(o), Insecure: o.Insecure, Observe: o.Observe,
			Pace: o.Pace, Now: o.Now, Connections: o.Connections, Getenv: o.Getenv})
	case google:
		return gcsstore.Open(ctx, gcsstore.Options{Name: o.Name, Project: o.Project, Endpoint: o.Endpoint,
			RequesterPays: o.RequesterPays,
			Insecure:      o.Insecure,
			Regions:       slices.Sorted(maps.Keys(o.Endpoints)), Observe: o.Observe, Pace: o.Pace, Now: o.Now,
			Connections: o.Connections, Listers: o.Listers})
	}
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

// keys are those of accounts of Azure that an emulator has: AZURE_STORAGE_KEY without an account
// beside it is that of all that the configuration names.
func keys(o Options) map[string][]byte {
	text := ""
	if o.Getenv != nil && o.Getenv("AZURE_STORAGE_ACCOUNT") == "" {
		text = o.Getenv("AZURE_STORAGE_KEY")
	}
	key, err := base64.StdEncoding.DecodeString(text)
	if text == "" || err != nil {
		return nil
	}
	all := make(map[string][]byte)
	for _, accounts := range o.Accounts {
		for _, account := range accounts {
			all[account] = key
		}
	}
	return all
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
