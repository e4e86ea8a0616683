package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/residency/residency/cmd/internal/config"
	"github.com/residency/residency/inventory"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/s3store"
	"github.com/residency/residency/migrate/state"
	"github.com/residency/residency/regions"
)

// world is the configuration brought to life: catalog, providers, state.
type world struct {
	config    *config.Config
	path      string // of the configuration; empty for the built-in one
	catalog   *regions.Catalog
	providers map[string]*provider
	home      state.Home
	stateAt   *objectstore.Location // of a state in a bucket, which open opens
	restore   string                // the tier at which a new plan restores archived versions
	// excludeUnlistable has a new plan leave out what the source does not list as
	// it is.
	excludeUnlistable bool
	// withoutSettings has it leave behind settings that cannot be read.
	withoutSettings bool
	leaseTerm       time.Duration // of leases, 0 for the default
}

// provider is one configured provider with its stores.
type provider struct {
	config.Provider
	name    string
	store   *s3store.Provider
	catalog *regions.Catalog
}

// open reads the configuration and prepares the stores and the state. It sends no
// request, unless the state is in a bucket.
func (a *app) open(ctx context.Context) (*world, error) {
	w, err := a.openStores(ctx)
	if err != nil {
		return nil, err
	}
	return w, a.openHome(ctx, w)
}

// openStores is open without the state.
func (a *app) openStores(ctx context.Context) (*world, error) {
	w, err := a.openConfig()
	if err != nil {
		return nil, err
	}
	keys, err := a.customerKeys(w.config.Keys)
	if err != nil {
		return nil, err
	}
	for name, p := range w.config.Providers {
		endpoints := make(map[string]string, len(p.Regions))
		for code, r := range p.Regions {
			endpoints[code] = cmp.Or(r.Endpoint, p.Endpoint)
		}
		store, err := s3store.Open(ctx, s3store.Options{Name: name, Profile: p.Profile, Endpoints: endpoints, Insecure: a.insecure, Endpoint: p.Endpoint,
			Account: p.Account, OwnerRequired: p.OwnerCheck == config.Required, Amazon: p.Type == "aws", Now: a.now, CustomerKeys: keys, Observe: a.observe})
		if err != nil {
			return nil, err
		}
		w.providers[name] = &provider{Provider: p, name: name, store: store, catalog: w.catalog}
	}
	return w, nil
}

// openHome finds the state, which may be a directory or lie in a bucket. A
// bucket has to be outside of the United States: manifests hold keys, which may
// be personal data.
func (a *app) openHome(ctx context.Context, w *world) error {
	if w.stateAt == nil {
		return nil
	}
	at := *w.stateAt
	p := w.providers[at.Provider]
	codes := p.store.Regions()
	if len(codes) == 0 {
		codes = []string{""} // AWS: any region knows where a bucket is
	}
	for _, code := range codes {
		region, err := p.store.Region(code).BucketRegion(ctx, at.Bucket)
		if errors.Is(err, objectstore.ErrNotFound) {
			continue
		}
		if err != nil {
			return fmt.Errorf("state %s: %w", at, err)
		}
		region = cmp.Or(region, code)
		if err := admitsState(at, region, p.country(region)); err != nil {
			return err
		}
		host, err := os.Hostname()
		if err != nil {
			host = "unknown"
		}
		home := state.NewBucket(p.store.Region(region), at, fmt.Sprintf("%s, process %d", host, os.Getpid()))
		home.Term = w.leaseTerm
		w.home = home
		return nil
	}
	return &usageError{err: fmt.Errorf("state %s: no configured region has this bucket", at), hint: "create it, in the region where the data moves to"}
}

// admitsState holds the state to the rule that destinations are held to.
func admitsState(at objectstore.Location, region, country string) error {
	var err error
	switch refusal := regions.Admissible(country); {
	case refusal == nil:
		return nil
	case errors.Is(refusal, regions.ErrUS) && country == "US":
		err = fmt.Errorf("state %s: the bucket is in the United States, and the state holds object keys", at)
	case errors.Is(refusal, regions.ErrUS):
		err = fmt.Errorf("state %s: the bucket is in the United States (%s), and the state holds object keys", at, country)
	default:
		err = fmt.Errorf("state %s: in which country %s is, is not known", at, region)
	}
	return &refusedError{err: err, hint: "keep the state where the data moves to, or in a directory"}
}

// leaseTerm is how long a lease in a bucket, of the state or of a destination,
// lasts without being renewed, 0 for the default. Shorter, the next run can take over sooner after a kill; longer,
// a run survives a longer silence of the state's endpoint.
func (a *app) leaseTerm() (time.Duration, error) {
	text := a.getenv("RESIDENCY_LEASE_TERM")
	if text == "" {
		return 0, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 3*time.Second || d > time.Hour {
		return 0, &usageError{err: fmt.Errorf("RESIDENCY_LEASE_TERM=%q: want a duration between 3s and 1h", text)}
	}
	return d, nil
}

// openConfig does the part that needs no credentials.
func (a *app) openConfig() (*world, error) {
	catalog, err := regions.Load()
	if err != nil {
		return nil, err
	}
	c, path, err := config.Load(catalog, a.configPath, a.getenv)
	if err != nil {
		return nil, &usageError{err: err}
	}
	w := &world{config: c, path: path, catalog: catalog, providers: make(map[string]*provider)}
	if w.leaseTerm, err = a.leaseTerm(); err != nil {
		return nil, err
	}
	dir := cmp.Or(a.state, c.State)
	if provider, _, ok := strings.Cut(dir, ":"); ok && c.Providers[provider].Type != "" {
		at, err := objectstore.ParseLocation(dir)
		if err != nil {
			return nil, &usageError{err: fmt.Errorf("state: %w", err)}
		}
		w.stateAt = &at
		return w, nil
	}
	w.home = state.NewDir(dir)
	return w, nil
}

// stores finds the store of a provider's region.
func (w *world) stores(name, region string) objectstore.Store {
	return w.providers[name].store.Region(region)
}

// place is a region as the catalog is asked about it.
func (p *provider) place(code string) regions.Place {
	r, configured := p.Regions[code]
	return regions.Place{Provider: p.name, Kind: p.Type, Code: code, Country: r.Country, Configured: configured}
}

func (p *provider) country(code string) string {
	country, err := p.catalog.PlaceCountry(p.place(code))
	if err != nil {
		return "" // unknown, which every use of it shows as such
	}
	return country
}

// operator is who runs a region: whom the configuration names, else, for a
// cloud that the catalog knows, whom the catalog names.
func (p *provider) operator(code string) regions.Operator {
	if p.Operator != nil {
		return regions.Operator{Name: p.Operator.Name, Country: p.Operator.Country, Source: "configuration"}
	}
	if r, ok := p.catalog.Lookup(p.Type, code); ok {
		operator, _ := p.catalog.Operator(r)
		return operator
	}
	return regions.Operator{}
}

// offered lists the regions that could be a destination.
func (w *world) offered() []regions.Place {
	var places []regions.Place
	for _, name := range sortedKeys(w.providers) {
		p := w.providers[name]
		for _, code := range sortedKeys(p.Regions) {
			places = append(places, p.place(code))
		}
		if len(p.Regions) > 0 {
			continue
		}
		// Who has keys in one partition is nobody in the others.
		home, _ := w.catalog.Lookup(p.Type, p.store.Home())
		for _, r := range w.catalog.All() {
			if r.Provider == p.Type && r.Kind == regions.KindRegion && r.Partition == cmp.Or(home.Partition, "aws") {
				places = append(places, p.place(r.Code))
			}
		}
	}
	return places
}

func (w *world) policy(customer string) regions.Policy {
	allowed := w.config.Policy.Allowed
	if own := w.config.Customers[customer].Allowed; len(own) > 0 {
		allowed = own
	}
	// The configuration's check has made each policy once.
	policy, _ := regions.NewPolicy(w.catalog, allowed)
	return policy
}

// request is a scan of everything that is configured.
func (a *app) request(w *world, customer string, progress *inventory.Progress) inventory.Request {
	r := inventory.Request{
		Customer: customer, TagKey: w.config.Discovery.BucketTag, Destination: w.config.BucketName,
		Policy: w.policy, Catalog: w.catalog, Now: a.now(), Progress: progress,
	}
	for _, name := range sortedKeys(w.providers) {
		p := w.providers[name]
		r.Providers = append(r.Providers, inventory.Provider{
			Name: name, Regions: p.store.Regions(), Global: p.Type == "aws",
			Region:  func(code string) inventory.Store { return p.store.Region(code) },
			Country: p.country, Operator: p.operator, Origin: func(code string) string { return p.Provider.Origin(w.catalog, code) },
		})
	}
	for _, c := range w.config.Claims() {
		r.Claims = append(r.Claims, inventory.Claim(c))
	}
	return r
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// oneCustomer decides whose data a command is about.
func (a *app) oneCustomer(w *world) (string, error) {
	names := sortedKeys(w.config.Customers)
	switch {
	case a.customer != "":
		return a.customer, nil
	case len(names) == 1:
		return names[0], nil
	case len(names) == 0:
		return "", &usageError{err: fmt.Errorf("the configuration names no customer"), hint: "say whose data with --customer NAME; its buckets are found by the tag " + w.config.Discovery.BucketTag}
	}
	return "", &usageError{err: fmt.Errorf("more than one customer is in scope: %s", strings.Join(names, ", ")), hint: "say which with --customer NAME"}
}
