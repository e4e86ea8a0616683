package config

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/kind"
	"github.com/residency/residency/regions"
)

// checker holds the meaning of a file against the rules and finds the place of
// what breaks them.
type checker struct {
	catalog         *regions.Catalog
	name            string
	file            *ast.File
	customer, owner *regexp.Regexp // their names
}

// at makes an error at the node that path leads to, or at its nearest parent
// that is written.
func (k *checker) at(path, format string, args ...any) error {
	e := &Error{File: k.name, Line: 1, Column: 1, Message: fmt.Sprintf(format, args...)}
	for path != "" {
		if p, err := yaml.PathString(path); err == nil {
			if node, err := p.FilterFile(k.file); err == nil && node != nil {
				e.Line, e.Column = start(node)
				return e
			}
		}
		cut := strings.LastIndexAny(path, ".[")
		if cut <= 0 {
			return e
		}
		path = path[:cut]
	}
	return e
}

// start is where a node's text begins; a mapping's own token is its first colon.
func start(node ast.Node) (line, column int) {
	switch n := node.(type) {
	case *ast.MappingNode:
		if len(n.Values) > 0 && !n.IsFlowStyle {
			return start(n.Values[0])
		}
	case *ast.MappingValueNode:
		return start(n.Key)
	}
	p := node.GetToken().Position
	return p.Line, p.Column
}

var (
	providerName = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]*$`)
	accountID    = regexp.MustCompile(`^[0-9]{12}$`)
	countryCode  = regexp.MustCompile(`^[A-Z]{2}$`)
)

// Forms whose bounds make them large: they are compiled where a configuration is checked, and not at each start.
const (
	customerName = `^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`
	ownerName    = `^[A-Za-z0-9._+=,@-]{1,128}$`
)

func (k *checker) check(c *Config) error {
	if c.Version != 1 {
		return k.at("$.version", "version is %d; this program reads version 1", c.Version)
	}
	if len(c.Providers) == 0 {
		return k.at("$.providers", "no providers; name at least one")
	}
	for _, name := range sorted(c.Providers) {
		if err := k.provider(name, c.Providers[name]); err != nil {
			return err
		}
	}
	if err := k.addresses(c); err != nil {
		return err
	}
	if err := k.policy("$.policy.allowed", c.Policy.Allowed); err != nil {
		return err
	}
	if err := k.waivers(c); err != nil {
		return err
	}
	if err := k.customers(c); err != nil {
		return err
	}
	for i, key := range c.Keys {
		if (key.Env == "") == (key.File == "") {
			return k.at(fmt.Sprintf("$.sse_c_keys[%d]", i), "sse_c_keys: each is {env: NAME} or {file: PATH}")
		}
	}
	switch c.Destination.Encryption {
	case "", BucketDefault, objectstore.AES256, objectstore.KMS:
	default:
		return k.at("$.destination.encryption", "encryption %q: want AES256, aws:kms or bucket-default",
			c.Destination.Encryption)
	}
	if country := c.Runner.Country; country != "" {
		if _, ok := k.catalog.Country(country); !ok || !countryCode.MatchString(country) {
			return k.at("$.runner.country", "runner: country %q is not one of two capital letters (ISO 3166-1)", country)
		}
	}
	if class := c.Destination.StorageClass; class != "" && class != AnyClass {
		return k.at("$.destination.storage_class", "storage_class %q: %q leaves it to the destination; without it objects "+
			"keep their own", class, AnyClass)
	}
	if err := k.mapping(c); err != nil {
		return err
	}
	return k.destination(c.Destination.Bucket)
}

func (k *checker) provider(name string, p Provider) error {
	path := "$.providers." + name
	if !providerName.MatchString(name) {
		return k.at("$.providers", "provider %q: a provider's name has a-z, 0-9, '-' and '_'", name)
	}
	is, known := kind.Of(p.Type)
	switch one := strings.Join(kind.Names(), ", "); {
	case p.Type == "":
		return k.at(path, "provider %s: type is missing; one of %s", name, one)
	case !known:
		return k.at(path+".type", "provider %s: type %q is not known; one of %s", name, p.Type, one)
	case !is.Global && len(p.Regions) == 0:
		return k.at(path, "provider %s: type %s needs its regions with their endpoints", name, p.Type)
	}
	if err := k.takes(path, name, p, is); err != nil {
		return err
	}
	switch {
	case p.Account == "":
	case is.Global && p.Endpoint == "" && !accountID.MatchString(p.Account):
		return k.at(path+".account", "provider %s: account %q is not 12 digits", name,
			p.Account)
	case !k.owner.MatchString(p.Account):
		return k.at(path+".account", "provider %s: account %q is no name of an account", name, p.Account)
	}
	for i, unused := range p.NotUsed {
		at := fmt.Sprintf("%s.not_used[%d]", path, i)
		if len(is.Unlisted) == 0 {
			return k.at(at, "provider %s: not_used %q: lists of buckets show all that a service of type %s has", name, unused,
				p.Type)
		}
		if !slices.Contains(is.Unlisted, unused) {
			return k.at(at, "provider %s: not_used %q: any of %s", name, unused, strings.Join(is.Unlisted, ", "))
		}
	}
	if p.OwnerCheck != "" && p.OwnerCheck != Required {
		return k.at(path+".owner_check", "provider %s: owner_check %q: the only value is %q, which blocks a plan while "+
			"the owner of its buckets is not known", name, p.OwnerCheck, Required)
	}
	if p.Ordering != "" && p.Ordering != AnyOrder {
		return k.at(path+".ordering", "provider %s: ordering %q: the only value is %q, for a service that lists in "+
			"an order of its own", name, p.Ordering, AnyOrder)
	}
	if p.Operator != nil && (p.Operator.Name == "" || !countryCode.MatchString(p.Operator.Country)) {
		return k.at(path+".operator", "provider %s: operator needs a name and a country of two capital letters (ISO 3166-1)",
			name)
	}
	if p.Endpoint != "" {
		if err := k.endpoint(path+".endpoint", p.Endpoint); err != nil {
			return err
		}
		if owner, whose, region, own := kind.Owner(p.Endpoint); own && owner.Name != is.Name {
			return k.at(path+".endpoint", owned, "provider "+name, p.Endpoint, whose, owner.Name)
		} else if own && region != "" {
			return k.at(path+".endpoint", "provider %s: endpoint %q is of %s alone; give it to that region, or leave it out",
				name, p.Endpoint, region)
		}
	}
	if err := k.partitions(name, p); err != nil {
		return err
	}
	for _, code := range sorted(p.Regions) {
		r := p.Regions[code]
		place := fmt.Sprintf("%s.regions.'%s'", path, code)
		if strings.ContainsAny(code, " :/") || code == "" {
			return k.at(path+".regions", "provider %s: region %q: a region's code has no spaces, ':' or '/'", name, code)
		}
		if r.Endpoint == "" && p.Endpoint == "" && !is.Global {
			return k.at(place, "provider %s, region %s: endpoint is missing", name, code)
		}
		if r.Endpoint != "" {
			if err := k.endpoint(place+".endpoint", r.Endpoint); err != nil {
				return err
			}
			who := fmt.Sprintf("provider %s, region %s", name, code)
			if owner, whose, region, own := kind.Owner(r.Endpoint); own && owner.Name != is.Name {
				return k.at(place+".endpoint", owned, who, r.Endpoint, whose, owner.Name)
			} else if own && region != "" && region != code {
				return k.at(place+".endpoint", "%s: endpoint %q is of %s", who, r.Endpoint, region)
			}
		}
		if strings.ContainsAny(r.SigningRegion, " :/") {
			return k.at(place+".signing_region", "provider %s, region %s: signing_region %q: a region's code has no spaces, "+
				"':' or '/'", name, code, r.SigningRegion)
		}
		if r.SigningRegion != "" && !slices.Contains(is.Takes, kind.Signing) {
			return k.at(place+".signing_region", "provider %s, region %s: type %s signs for the region that is asked; "+
				"signing_region is for other services", name, code, p.Type)
		}
		if len(r.Accounts) > 0 && !slices.Contains(is.Takes, kind.Accounts) {
			return k.at(place+".accounts", "provider %s, region %s: type %s has no storage accounts; accounts is for type azure",
				name, code, p.Type)
		}
		if r.Endpoint != "" && len(is.Takes) > 0 && !slices.Contains(is.Takes, kind.Profile) {
			return k.at(place+".endpoint", "provider %s, region %s: type %s has one endpoint for all regions; give it to the "+
				"provider", name, code, p.Type)
		}
		if r.Country != "" && !countryCode.MatchString(r.Country) {
			return k.at(place+".country", "provider %s, region %s: country %q is not two capital letters (ISO 3166-1)", name,
				code, r.Country)
		}
		if _, err := k.catalog.PlaceCountry(regions.Place{Provider: name, Kind: p.Cloud(), Code: code, Country: r.Country,
			Configured: true}); err != nil {
			return k.at(place, "provider %s: %v", name, err)
		}
	}
	return nil
}

// owned refuses what would have who runs a known service, and where, be said by the
// configuration.
const owned = "%s: %s is %s: use type: %s, which knows who runs it and needs no endpoint"

// partitions refuses regions of one service that no credentials are for together.
func (k *checker) partitions(name string, p Provider) error {
	var first, in string
	for _, code := range sorted(p.Regions) {
		endpoint := cmp.Or(p.Regions[code].Endpoint, p.Endpoint)
		row, known := k.catalog.Lookup(p.Cloud(), code)
		if _, _, _, own := kind.Owner(endpoint); !known || endpoint != "" && !own {
			continue // an emulator's are whatever it makes of them
		}
		if in == "" {
			first, in = code, row.Partition
		}
		if row.Partition != in {
			return k.at("$.providers."+name+".regions",
				"provider %s: %s is in partition %s, and %s in %s: no credentials are of both; "+
					"make a provider for each partition, with a profile of its own", name, first, in, code, row.Partition)
		}
	}
	return nil
}

func (k *checker) policy(path string, allowed []string) error {
	for i := range allowed {
		if _, err := regions.NewPolicy(k.catalog, allowed[i:i+1]); err != nil {
			return k.at(fmt.Sprintf("%s[%d]", path, i), "%v", err)
		}
	}
	return nil
}

func (k *checker) endpoint(path, endpoint string) error {
	u, err := url.Parse(endpoint)
	if err != nil || u.User != nil || strings.Contains(endpoint, "@") {
		// Not quoted: what is in front of the host may be a password.
		return k.at(path, "the endpoint is no URL or has credentials in it: want http://host:port or https://host, "+
			"without credentials")
	}
	if u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return k.at(path, "endpoint %q: want http://host:port or https://host, without credentials", endpoint)
	}
	return nil
}

func (k *checker) customers(c *Config) error {
	type claim struct {
		customer, path string
		location       objectstore.Location
	}
	var claims []claim
	for _, name := range sorted(c.Customers) {
		path := "$.customers." + name
		if !k.customer.MatchString(name) {
			return k.at("$.customers", "customer %q: a customer's name has letters, digits, '.', '_' and '-', at most 63", name)
		}
		if len(c.Customers[name].Data) == 0 {
			return k.at(path, "customer %s has no data; list its locations, or leave the customer out and tag its buckets", name)
		}
		if err := k.policy(path+".allowed", c.Customers[name].Allowed); err != nil {
			return err
		}
		for i, text := range c.Customers[name].Data {
			at := fmt.Sprintf("%s.data[%d]", path, i)
			l, err := objectstore.ParseLocation(text)
			if err != nil {
				return k.at(at, "customer %s: %v", name, err)
			}
			if err := k.bucket(c, l); err != nil {
				return k.at(at, "customer %s: location %q: %v", name, text, err)
			}
			for _, other := range claims {
				shared, there := "", other.location
				if there.Provider != l.Provider {
					shared = c.Providers[there.Provider].Shares(k.catalog, c.Providers[l.Provider])
				}
				if shared != "" {
					there.Provider = l.Provider
					shared = fmt.Sprintf("; %s and %s both reach %s", other.location.Provider, l.Provider, shared)
				}
				if there.Overlaps(l) {
					line, column := 0, 0
					if e := (*Error)(nil); errors.As(k.at(other.path, ""), &e) {
						line, column = e.Line, e.Column
					}
					return k.at(at, "location %q of %s overlaps %q of %s (line %d, column %d)%s",
						text, name, other.location, other.customer, line, column, shared)
				}
			}
			claims = append(claims, claim{name, at, l})
		}
	}
	return nil
}

var placeholder = regexp.MustCompile(`\{[^}]*\}`)

func (k *checker) destination(template string) error {
	if template == "" {
		return nil
	}
	for _, p := range placeholder.FindAllString(template, -1) {
		switch p {
		case "{bucket}", "{region}", "{customer}", "{source_region}":
		default:
			return k.at("$.destination.bucket", "destination bucket %q: %s is not known; use {bucket}, {region}, {customer}, "+
				"{source_region}", template, p)
		}
	}
	if !strings.Contains(template, "{bucket}") && !strings.Contains(template, "{customer}") {
		return k.at("$.destination.bucket", "destination bucket %q: without {bucket} or {customer} all data would end up "+
			"in one bucket", template)
	}
	return nil
}
