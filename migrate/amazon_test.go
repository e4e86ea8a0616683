package migrate_test

import (
	"cmp"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/s3store"
	"github.com/residency/residency/inventory/objectstore/storetest/amazon"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/progress"
	"github.com/residency/residency/migrate/state"
)

// onAmazon is a move of one bucket within the strict Amazon, from the United States
// to Ireland.
type onAmazon struct {
	t        *testing.T
	server   *amazon.Server
	provider *s3store.Provider
	abroad   *s3store.Provider // set: the destination is another provider, to which bytes are streamed
	home     *state.Dir
	keys     []s3store.CustomerKey
	from, to *s3.Client // of the account's root
	verify   string     // default auto
	ask      bool       // each version for a website redirect
	restore  string     // the tier at which archived versions are restored
	kmsKey   string     // of the destination
}

const (
	amazonSource      = "acme-prod"
	amazonDestination = "acme-prod-" + eu
)

func newOnAmazon(t *testing.T, o amazon.Options, keys ...s3store.CustomerKey) *onAmazon {
	t.Helper()
	return newLocked(t, o, false, keys...)
}

// newLocked has a source with object lock if asked for.
func newLocked(t *testing.T, o amazon.Options, locked bool, keys ...s3store.CustomerKey) *onAmazon {
	t.Helper()
	a := &onAmazon{t: t, server: amazon.Start(t, o), home: state.NewDir(t.TempDir()), keys: keys}
	a.server.Setenv(t)
	a.from, a.to = a.server.Client(us), a.server.Client(eu)
	a.must(a.from.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String(amazonSource),
		ObjectLockEnabledForBucket: aws.Bool(locked)}))
	var err error
	a.provider, err = s3store.Open(t.Context(), s3store.Options{Name: "aws", Amazon: true, Account: "111122223333",
		Backoff: atOnce, Proxy: a.server.Through, CustomerKeys: keys})
	a.must(nil, err)
	return a
}

func (a *onAmazon) must(_ any, err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
}

// versioned turns versioning on.
func (a *onAmazon) versioned() {
	a.t.Helper()
	a.must(a.from.PutBucketVersioning(a.t.Context(), &s3.PutBucketVersioningInput{
		Bucket: aws.String(amazonSource), ChecksumAlgorithm: types.ChecksumAlgorithmCrc32,
		VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
	}))
}

// streamed has bytes pass through this machine.
func (a *onAmazon) streamed() {
	a.t.Helper()
	var err error
	a.abroad, err = s3store.Open(a.t.Context(), s3store.Options{Name: "abroad", Amazon: true, Account: "111122223333",
		Backoff: atOnce, Proxy: a.server.Through})
	a.must(nil, err)
}

func (a *onAmazon) stores(provider, region string) objectstore.Store {
	if provider == "abroad" {
		return a.abroad.Region(region)
	}
	return a.provider.Region(region)
}

func (a *onAmazon) plan() *plan.Plan {
	a.t.Helper()
	versioning, err := a.provider.Region(us).Versioning(a.t.Context(), amazonSource)
	a.must(nil, err)
	to := plan.Region{Provider: "aws", Code: eu, Country: "IE"}
	if a.abroad != nil {
		to.Provider = "abroad"
	}
	p, err := plan.Make(a.t.Context(), a.home, plan.Request{
		Country:  func(_, region string) string { return map[bool]string{true: "US", false: "IE"}[region == us] },
		Customer: "acme", Verify: cmp.Or(a.verify, "auto"), KMSKey: a.kmsKey, AskRedirects: a.ask, Restore: a.restore,
		CustomerKeys: len(a.keys) > 0, Stores: a.stores, Now: time.Now(), Progress: &progress.Progress{},
		Destination: to,
		Inventory: &inventory.Inventory{
			Coverage: []inventory.Coverage{{Provider: "aws", Region: us, Looked: true}, {Provider: "aws", Region: eu,
				Looked: true}},
			Places: []inventory.Place{{Customer: "acme", Provider: "aws", Region: us, Bucket: amazonSource,
				Versioning: versioning}},
		},
		BucketName: func(at objectstore.Location, _ string) string { return at.Bucket + "-" + eu },
	})
	a.must(nil, err)
	return p
}

func (a *onAmazon) runner() *migrate.Runner {
	return &migrate.Runner{Home: a.home, Stores: a.stores, Now: time.Now, Progress: &progress.Progress{}, Workers: 4,
		Tool: "test", Host: "here"}
}

// run carries a plan out.
func (a *onAmazon) run(p *plan.Plan) (*migrate.Result, error) {
	a.t.Helper()
	return a.runner().Run(a.t.Context(), p, migrate.Options{})
}
