package gcsstore

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/wire"
)

// service is where Google answers for all of its buckets (Cloud Storage documentation,
// "Cloud Storage request endpoints").
const service = "https://storage.googleapis.com"

// Options describes a provider. Name is required.
type Options struct {
	Name string // as in locations: "cloud" in cloud:bucket
	// Project is the one that buckets are listed of and made in: its ID or its number.
	// Empty: the one that the credentials name, if they do.
	Project string
	// RequesterPays has Project pay for requests to buckets whose requesters do.
	RequesterPays bool
	// Endpoint is the address of a server that stands in for the service, or one of the
	// service's regional addresses. Empty: the service's own.
	Endpoint string
	// Insecure permits plain http to a host that is not this machine.
	Insecure bool
	// Credentials give the tokens that requests carry. Nil means application default
	// credentials, which are looked for at the first request. Where Endpoint is on this
	// machine nil means none: emulators take none, and a customer's are not for them.
	Credentials oauth2.TokenSource
	// Regions are the codes of the locations that are configured; empty: all that the
	// project's buckets are in.
	Regions []string
	// Observe is told of each request that was answered, by many at once; nil: nobody.
	Observe func(objectstore.Exchange)
	// Pace bounds the bytes of bodies, both ways; nil: nothing does.
	Pace objectstore.Pace
	Now  func() time.Time // default time.Now
	// Connections bounds the idle connections that are kept; default 256.
	Connections int
	// Backoff is how long to wait before a request is repeated, attempts of which have
	// failed; default: from half a second, doubled each time, up to half a minute, of
	// which a part is left to chance.
	Backoff func(attempts int) time.Duration
	// Sleep waits between attempts, at most ten seconds longer than Backoff says where the
	// service asks for it; default objectstore.Sleep.
	Sleep func(ctx context.Context, d time.Duration) error
	// Random is where names of uploads come from; default crypto/rand.Reader.
	Random io.Reader
	// PageSize is how many entries to ask for in one request; default 1,000, the most
	// that the service gives.
	PageSize int
	// Listers bounds the requests of one listing that are in flight at once; 0: as package
	// listing has it.
	Listers int
}

// Open checks the endpoint's form. It sends no request.
func Open(_ context.Context, o Options) (*Provider, error) {
	o.Connections = cmp.Or(o.Connections, 256)
	o.PageSize = cmp.Or(o.PageSize, pageItems)
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
	base, err := address(o.Endpoint, o.Insecure)
	if err != nil {
		return nil, fmt.Errorf("provider %s: %w", o.Name, err)
	}
	regions := slices.Clone(o.Regions)
	slices.Sort(regions)
	p := &Provider{name: o.Name, now: o.Now, own: Owns(base), base: base, regions: slices.Compact(regions),
		random: o.Random, pageSize: o.PageSize, listers: o.Listers, stores: make(map[string]*Store)}
	p.identity = newIdentity(o, p.own)
	p.transport = newTransport(o, base, p.identity)
	return p, nil
}

var errEndpoint = errors.New("an endpoint is https://host or http://host, without a path")

// address is where requests go to, without a slash at its end.
func address(endpoint string, insecure bool) (string, error) {
	if endpoint == "" {
		return service, nil
	}
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.User != nil || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" ||
		u.Fragment != "" || u.Scheme != "https" && u.Scheme != "http" {
		return "", errEndpoint // not quoted: what is in front of the host may be a password
	}
	if !insecure && !wire.Private(u) {
		return "", fmt.Errorf("endpoint %q: %w; use https, or --insecure if you accept that", endpoint,
			objectstore.ErrInsecure)
	}
	return u.Scheme + "://" + u.Host, nil
}
