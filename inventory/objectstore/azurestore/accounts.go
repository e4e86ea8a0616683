package azurestore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"sync"
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

	mu         sync.Mutex
	versioning objectstore.Versioning // as it was when it was asked for; empty: never
	asked      time.Time
}

// proven tells whether the region is Resource Manager's word.
func (a *account) proven() bool { return a.id != "" }

// accounts are all that there are, by name. Which there are and where is asked once: an account
// stays where it is but for failovers and migrations, which Facts asks about anew.
func (p *Provider) accounts(ctx context.Context) (map[string]*account, error) {
	select {
	case p.loading <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-p.loading }()
	if p.known != nil {
		return p.known, nil
	}
	known, err := p.named()
	if err != nil {
		return nil, err
	}
	if p.arm == nil {
		p.known = known
		return known, nil
	}
	listed, err := p.arm.accounts(ctx)
	switch {
	case err == nil:
	case errors.Is(err, objectstore.ErrDenied) && len(known) > 0:
		return known, nil // and asked again: who was denied may be allowed soon
	default:
		return nil, err
	}
	for i := range listed {
		a, err := p.managed(&listed[i])
		if err != nil {
			return nil, err
		}
		known[a.name] = a
	}
	p.known = known
	return known, nil
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
			a := &account{name: name, region: region, base: &url.URL{Scheme: "https", Host: name + "." + publicSuffix}}
			known[name] = p.emulated(a)
		}
	}
	return known, nil
}

// managed makes an account of what Resource Manager says.
func (p *Provider) managed(from *armAccount) (*account, error) {
	broken := func(err error) error {
		return &objectstore.Error{Op: listAccounts, Bucket: p.name + ":subscription", Err: err}
	}
	if !validAccount(from.Name) {
		return nil, broken(errors.New("an account has a name that none can have"))
	}
	if err := p.arm.checkID(from.ID, from.Name); err != nil {
		return nil, broken(err)
	}
	a := &account{name: from.Name, region: from.place(), id: from.ID}
	if p.endpoint != nil {
		return p.emulated(a), nil
	}
	if from.Properties.PrimaryEndpoints.Blob == "" { // files alone ("Storage account overview", FileStorage)
		return a, nil
	}
	base, err := checkAddress(from.Name, from.Properties.PrimaryEndpoints.Blob)
	if err != nil {
		return nil, broken(err)
	}
	a.base = base
	return a, nil
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
	case a == nil || a.base == nil:
		return nil, "", fail(errNoAccount, nil)
	case s.region != "" && a.region != s.region:
		return nil, "", fail(objectstore.ErrElsewhere, fmt.Errorf("the account is in %s", a.region))
	}
	return a, container, nil
}
