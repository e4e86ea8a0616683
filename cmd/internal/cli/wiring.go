package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/residency/residency/cmd/internal/config"
	"github.com/residency/residency/cmd/internal/render"
	"github.com/residency/residency/inventory"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/kind"
	"github.com/residency/residency/inventory/remedy"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/state"
	"github.com/residency/residency/regions"
	"github.com/residency/residency/regions/prices"
)

// session is what one command works with: configuration, catalog, stores, state.
type session struct {
	config    *config.Config
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
	// unguardedWrites has each write look before it, in place of a condition.
	unguardedWrites bool
	scope           plan.Scope // what it moves
	// askRedirects has it ask each version that a service copies by itself for a redirect.
	askRedirects bool
	stream       bool          // it has bytes pass through this machine, whatever a service could do
	leaseTerm    time.Duration // of leases, 0 for the default
	signing      signing       // of certificates
	noTransit    []string      // countries that no byte may pass through here
	prices       *prices.Table // the user's own over those that are built in
	ownPrices    int           // how many those are
	charges      *plan.Charges // what is charged of the plan named
	charged      string
}

// provider is one configured provider with its stores.
type provider struct {
	config.Provider
	name    string
	kind    kind.Kind
	store   objectstore.Provider
	catalog *regions.Catalog
}

// open reads the configuration and prepares the stores and the state. It sends no
// request, unless the state is in a bucket.
func (a *app) open(ctx context.Context) (*session, error) {
	w, err := a.openStores(ctx)
	if err != nil {
		return nil, err
	}
	return w, a.openHome(ctx, w)
}

// openState is open for what reads the state alone: stores are opened only where one holds it.
func (a *app) openState(ctx context.Context) (*session, error) {
	w, err := a.openConfig()
	if err != nil || w.stateAt == nil {
		return w, err
	}
	a.keyless = true
	return a.open(ctx)
}

// openStores is open without the state.
func (a *app) openStores(ctx context.Context) (*session, error) {
	w, err := a.openConfig()
	if err != nil {
		return nil, err
	}
	keys, err := a.customerKeys(w.config.Keys)
	if err != nil {
		return nil, err
	}
	files, err := ownShare()
	if err != nil {
		return nil, err
	}
	a.trust()
	for name, p := range w.config.Providers {
		endpoints, signing := make(map[string]string, len(p.Regions)), make(map[string]string)
		for code, r := range p.Regions {
			endpoints[code] = cmp.Or(r.Endpoint, p.Endpoint)
			if r.SigningRegion != "" {
				signing[code] = r.SigningRegion
			}
		}
		opened := w.provider(name, p)
		opened.store, err = opened.kind.Open(ctx, kind.Options{Name: name, Profile: p.Profile, Endpoints: endpoints,
			Signing: signing, Endpoint: p.Endpoint, Insecure: a.insecure, Account: p.Account,
			OwnerRequired: p.OwnerCheck == config.Required, Now: a.now, CustomerKeys: keys, Observe: a.observe,
			Say: a.library, Pace: a.pace(),
			Connections: files.most(idle), Listers: files.listers(), AnyOrder: p.Ordering == config.AnyOrder,
			Subscription: p.Subscription, Project: p.Project, RequesterPays: p.Payer == config.ByProject,
			Accounts: p.Accounts(), Manager: p.Manager, Getenv: a.getenv})
		if err != nil {
			return nil, err
		}
		w.providers[name] = opened
	}
	return w, nil
}

// provider is one without its stores.
func (w *session) provider(name string, p config.Provider) *provider {
	is, _ := kind.Of(p.Type) // the configuration's check has looked
	return &provider{Provider: p, name: name, kind: is, catalog: w.catalog}
}

// openHome finds the state, which may be a directory or lie in a bucket. A
// bucket has to be outside of the United States: manifests hold keys, which may
// be personal data.
func (a *app) openHome(ctx context.Context, w *session) error {
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
		if err := a.admitsCopies(ctx, w, at, region); err != nil {
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
	return &usageError{err: fmt.Errorf("state %s: no configured region has this bucket", at),
		remedy: "create it in the region that the data moves to"}
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
		err = fmt.Errorf("state %s: the bucket is in the United States (%s), and the state holds object keys", at,
			country)
	default:
		err = fmt.Errorf("state %s: the country of %s is not known", at, region)
	}
	return &refusedError{err: err, remedy: "keep the state in the region that the data moves to, or in a directory"}
}

// admitsCopies holds the regions in which the service keeps the state's bucket besides, and those
// that it copies it to, to the same rule.
func (a *app) admitsCopies(ctx context.Context, w *session, at objectstore.Location, region string) error {
	p := w.providers[at.Provider]
	store := p.store.Region(region)
	var facts []objectstore.Fact
	if placed, ok := store.(objectstore.Placed); ok {
		found, err := placed.PlaceFacts(ctx, at.Bucket)
		if err != nil {
			return fmt.Errorf("state %s: look where else its service keeps copies: %w", at, err)
		}
		facts = found
	}
	if replicating, ok := store.(objectstore.Replicating); ok {
		found, err := replicating.ReplicationFacts(ctx, at.Bucket)
		switch {
		case errors.Is(err, objectstore.ErrDenied):
			text := fmt.Sprintf("state %s: whether its service copies it elsewhere could not be read: %v", at, err)
			a.log.Say(render.Event{Level: slog.LevelWarn, Text: text, Shown: "residency: " + render.Text(text)})
		case err != nil:
			return fmt.Errorf("state %s: look where its service copies it: %w", at, err)
		}
		facts = append(facts, found...)
	}
	for _, f := range facts {
		for _, code := range f.Regions {
			if err := admitsState(at, code, p.country(code)); err != nil {
				return fmt.Errorf("%s: %w", f.Text, err)
			}
		}
	}
	return nil
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
func (a *app) openConfig() (*session, error) {
	catalog, err := regions.Load()
	if err != nil {
		return nil, err
	}
	c, err := config.Load(catalog, a.configPath, a.getenv, a.In)
	if err != nil {
		return nil, &usageError{err: err}
	}
	w := &session{config: c, catalog: catalog, providers: make(map[string]*provider)}
	a.reportOf(w) // names it, whatever comes of the command
	if w.leaseTerm, err = a.leaseTerm(); err != nil {
		return nil, err
	}
	if w.prices, w.ownPrices, err = readPrices(c, catalog); err != nil {
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
	if provider, rest, ok := strings.Cut(dir, ":"); ok && providerName.MatchString(provider) && rest != "" {
		return nil, &usageError{err: fmt.Errorf("state %s: the configuration has no provider %s", dir, provider),
			remedy: "write a directory of such a name as ./" + dir}
	}
	w.home = state.NewDir(dir)
	return w, nil
}

// providerName is what a provider can be called; one letter is a drive's.
var providerName = regexp.MustCompile(`^[A-Za-z0-9_-]{2,}$`)

// stores finds the store of a provider's region.
func (w *session) stores(name, region string) objectstore.Store {
	return w.providers[name].store.Region(region)
}

// place is a region as the catalog is asked about it.
func (p *provider) place(code string) regions.Place {
	r, configured := p.Regions[code]
	return regions.Place{Provider: p.name, Kind: p.Cloud(), Code: code, Country: r.Country, Configured: configured}
}

func (p *provider) country(code string) string {
	country, err := p.catalog.PlaceCountry(p.place(code))
	if err != nil {
		return "" // unknown, which every use of it shows as such
	}
	return country
}

// spread are the countries in which data in a region may be that is not in one known country.
func (p *provider) spread(code string) []string {
	r, ok := p.catalog.Lookup(p.Cloud(), code)
	if !ok {
		return nil
	}
	return p.catalog.Spread(r)
}

// operator is who runs a region: whom the configuration names, else, for a
// cloud that the catalog knows, whom the catalog names.
func (p *provider) operator(code string) regions.Operator {
	if p.Operator != nil {
		return regions.Operator{Name: p.Operator.Name, Country: p.Operator.Country, Source: "configuration"}
	}
	if r, ok := p.catalog.Lookup(p.Cloud(), code); ok {
		operator, _ := p.catalog.Operator(r)
		return operator
	}
	return regions.Operator{}
}

// offered lists the regions that could be a destination.
func (w *session) offered() []regions.Place {
	var places []regions.Place
	for _, name := range sortedKeys(w.providers) {
		p := w.providers[name]
		for _, code := range sortedKeys(p.Regions) {
			places = append(places, p.place(code))
		}
		if len(p.Regions) > 0 {
			continue
		}
		// Who has keys in one partition is nobody in the others; without stores, nobody knows whose they are.
		var home regions.Region
		if p.store != nil {
			home, _ = w.catalog.Lookup(p.Cloud(), p.store.Home())
		}
		for _, r := range w.catalog.All() {
			if r.Provider == p.Cloud() && r.Kind == regions.KindRegion &&
				r.Partition == cmp.Or(home.Partition, p.kind.Partition) {
				places = append(places, p.place(r.Code))
			}
		}
	}
	return places
}

// resolve finds the region that a destination names.
func (w *session) resolve(to string) (regions.Resolution, error) {
	d, err := w.catalog.Resolve(to, w.offered())
	is := func(kind error) bool { return errors.Is(err, kind) }
	switch {
	case is(regions.ErrPartition):
		err = remedy.Wrap(err,
			"give the destination a provider of its own, with a profile of an account in its partition; "+
				"what goes from provider to provider is streamed through this machine")
	case is(regions.ErrUS), is(regions.ErrUnknownRegion), is(regions.ErrNotOffered), is(regions.ErrAmbiguous):
		err = remedy.Wrap(err, "residency regions lists all regions")
	}
	return d, err
}

func (w *session) policy(customer string) regions.Policy {
	allowed := w.config.Policy.Allowed
	if own := w.config.Customers[customer].Allowed; len(own) > 0 {
		allowed = own
	}
	// The configuration's check has made each policy once.
	policy, _ := regions.NewPolicy(w.catalog, allowed)
	return policy
}

// configuration names the file in force.
func (w *session) configuration() inventory.Configuration {
	return inventory.Configuration{Path: w.config.Path, SHA256: w.config.SHA256}
}

// request is a scan of everything that is configured.
func (a *app) request(w *session, customer string, progress *inventory.Progress) inventory.Request {
	r := inventory.Request{
		Customer: customer, TagKey: w.config.Discovery.BucketTag, Destination: w.config.BucketName,
		Policy: w.policy, Catalog: w.catalog, Now: a.now(), Progress: progress, Configuration: w.configuration(),
	}
	for _, name := range sortedKeys(w.providers) {
		p := w.providers[name]
		is, _ := kind.Of(p.Type)
		unlisted := is.Unlisted
		if p.Endpoint != "" {
			unlisted = nil // another service, of which that is not known
		}
		r.Providers = append(r.Providers, inventory.Provider{
			Unlisted: unlisted, Unused: p.NotUsed,
			Name: name, Regions: p.store.Regions(), Global: p.store.Global(),
			Region:  func(code string) inventory.Store { return p.store.Region(code) },
			Listed:  func(code string) (regions.Region, bool) { return p.catalog.Lookup(p.Cloud(), code) },
			Country: p.country, Spread: p.spread, Operator: p.operator, Origin: func(code string) string {
				return p.Origin(w.catalog, code)
			},
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
