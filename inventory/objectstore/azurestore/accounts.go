package azurestore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

// account is a storage account.
type account struct {
	name   string
	region string
	id     string // of Resource Manager's; empty where the configuration alone names it
	base   *url.URL
	path   string // in front of containers, with its slash, or empty
	odd    error  // why it is not asked, though it is there; nil: it can be

	// What Resource Manager says of it.
	properties  memo[armAccount]
	service     memo[armService]
	replication memo[[]armReplication]
	lifecycle   memo[[]armRule]
	locking     memos[bool] // whether versions in a container may be locked
}

func newAccount(name, region string) *account {
	return &account{name: name, region: region, properties: newMemo[armAccount](), service: newMemo[armService](),
		replication: newMemo[[]armReplication](), lifecycle: newMemo[[]armRule]()}
}

// proven tells whether the region is Resource Manager's word.
func (a *account) proven() bool { return a.id != "" }

// settled is for how long the list of accounts holds: an account stays where it is but for
// failovers and migrations, which Facts asks about.
const settled = 100 * 365 * 24 * time.Hour

// accounts are all that there are, by name. Who was denied the list, and has the configuration's,
// is asked again after a while.
func (p *Provider) accounts(ctx context.Context) (map[string]*account, error) {
	return p.known.get(ctx, p.send.now, func() (map[string]*account, time.Duration, error) {
		known, err := p.named()
		if err != nil || p.arm == nil {
			return known, settled, err
		}
		listed, err := p.arm.accounts(ctx)
		switch {
		case err == nil:
		case errors.Is(err, objectstore.ErrDenied) && len(known) > 0:
			return known, memoTime, nil
		default:
			return nil, 0, err
		}
		for i := range listed {
			a := p.managed(&listed[i])
			known[a.name] = a
		}
		return known, settled, nil
	})
}

// named are the accounts that the configuration names.
func (p *Provider) named() (map[string]*account, error) {
	known := make(map[string]*account)
	for _, region := range slices.Sorted(maps.Keys(p.regions)) {
		for _, name := range p.regions[region] {
			if !validAccount(name) {
				return nil, fmt.Errorf("%w: %q cannot be the name of a storage account", objectstore.ErrRejected, name)
			}
			if known[name] != nil {
				return nil, fmt.Errorf("%w: account %s is configured in two regions", objectstore.ErrRejected, name)
			}
			a := newAccount(name, region)
			a.base = &url.URL{Scheme: "https", Host: name + "." + publicSuffix}
			known[name] = p.emulated(a)
		}
	}
	return known, nil
}

// managed makes an account of what Resource Manager says. One whose ID or address is not what such
// must be is not asked for anything, and says so where it is meant.
func (p *Provider) managed(from *armAccount) *account {
	a := newAccount(from.Name, from.place())
	if !validAccount(from.Name) {
		a.name, a.odd = "an account", errors.New("an account has a name that none can have")
		return a
	}
	if a.odd = p.arm.checkID(from.ID, from.Name); a.odd != nil {
		return a
	}
	a.id = from.ID
	switch blob := from.Properties.PrimaryEndpoints.Blob; {
	case p.endpoint != nil:
		return p.emulated(a)
	case blob != "": // of files alone there is none ("Storage account overview", FileStorage)
		a.base, a.odd = checkAddress(from.Name, blob)
	}
	return a
}

// emulated has an account answer at the one address, if there is one.
func (p *Provider) emulated(a *account) *account {
	if p.endpoint != nil {
		a.base, a.path = p.endpoint, "/"+a.name
	}
	return a
}

// validAccount applies the rules of names ("Storage account overview", Storage account name).
func validAccount(name string) bool {
	return len(name) >= 3 && len(name) <= 24 && strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789") == ""
}

var (
	errBucketName = fmt.Errorf("%w: a bucket is account.container", objectstore.ErrNoBucket)
	errNoAccount  = fmt.Errorf("%w, because there is no such account", objectstore.ErrNoBucket)
)

// bucket finds the account of a bucket, and the container. An account of another region than
// the store's is not touched.
func (s *Store) bucket(ctx context.Context, op, bucket string) (*account, string, error) {
	fail := func(kind error, err error) error {
		return &objectstore.Error{Op: op, Bucket: s.where(bucket), Kind: kind, Err: err}
	}
	if CheckBucketName(bucket) != nil {
		return nil, "", fail(errBucketName, nil)
	}
	name, container, _ := strings.Cut(bucket, ".")
	known, err := s.provider.accounts(ctx)
	if err != nil {
		return nil, "", err
	}
	a := known[name]
	switch {
	case a != nil && a.odd != nil:
		return nil, "", fail(nil, a.odd)
	case a == nil || a.base == nil:
		return nil, "", fail(errNoAccount, nil)
	case s.region != "" && a.region != s.region:
		return nil, "", fail(objectstore.ErrElsewhere, fmt.Errorf("the account is in %s", a.region))
	}
	return a, container, nil
}
