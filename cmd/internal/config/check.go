package config

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/regions"
)

// checker holds the meaning of a file against the rules and finds the place of
// what breaks them.
type checker struct {
	catalog *regions.Catalog
	name    string
	file    *ast.File
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
	customerName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$`)
	accountID    = regexp.MustCompile(`^[0-9]{12}$`)
	ownerName    = regexp.MustCompile(`^[A-Za-z0-9._+=,@-]{1,128}$`)
	countryCode  = regexp.MustCompile(`^[A-Z]{2}$`)
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
	if err := k.policy("$.policy.allowed", c.Policy.Allowed); err != nil {
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
	if class := c.Destination.StorageClass; class != "" && class != AnyClass {
		return k.at("$.destination.storage_class", "storage_class %q: %q leaves it to the destination; without it objects keep their own", class, AnyClass)
	}
	return k.destination(c.Destination.Bucket)
}

func (k *checker) provider(name string, p Provider) error {
	path := "$.providers." + name
	if !providerName.MatchString(name) {
		return k.at("$.providers", "provider %q: a provider's name has a-z, 0-9, '-' and '_'", name)
	}
	switch p.Type {
	case "aws":
	case "s3":
		if len(p.Regions) == 0 {
			return k.at(path, "provider %s: type s3 needs its regions with their endpoints", name)
		}
	case "":
		return k.at(path, "provider %s: type is missing; one of aws, s3", name)
	default:
		return k.at(path+".type", "provider %s: type %q is not known; one of aws, s3", name, p.Type)
	}
	switch {
	case p.Account == "":
	case p.Type == "aws" && p.Endpoint == "" && !accountID.MatchString(p.Account):
		return k.at(path+".account", "provider %s: account %q is not 12 digits; quote it if it begins with 0", name, p.Account)
	case !ownerName.MatchString(p.Account):
		return k.at(path+".account", "provider %s: account %q is no name of an account", name, p.Account)
	}
	if p.OwnerCheck != "" && p.OwnerCheck != Required {
		return k.at(path+".owner_check", "provider %s: owner_check %q: %q makes a plan wait until whose the buckets are is known; without it that is checked where it is known", name, p.OwnerCheck, Required)
	}
	if p.Operator != nil && (p.Operator.Name == "" || !countryCode.MatchString(p.Operator.Country)) {
		return k.at(path+".operator", "provider %s: operator needs a name and a country of two capital letters (ISO 3166-1)", name)
	}
	if p.Endpoint != "" {
		if err := k.endpoint(path+".endpoint", p.Endpoint); err != nil {
			return err
		}
	}
	for _, code := range sorted(p.Regions) {
		r := p.Regions[code]
		place := fmt.Sprintf("%s.regions.'%s'", path, code)
		if strings.ContainsAny(code, " :/") || code == "" {
			return k.at(path+".regions", "provider %s: region %q: a region's code has no spaces, ':' or '/'", name, code)
		}
		if r.Endpoint == "" && p.Endpoint == "" && p.Type == "s3" {
			return k.at(place, "provider %s, region %s: endpoint is missing", name, code)
		}
		if r.Endpoint != "" {
			if err := k.endpoint(place+".endpoint", r.Endpoint); err != nil {
				return err
			}
		}
		if r.Country != "" && !countryCode.MatchString(r.Country) {
			return k.at(place+".country", "provider %s, region %s: country %q is not two capital letters (ISO 3166-1)", name, code, r.Country)
		}
		if _, err := k.catalog.PlaceCountry(regions.Place{Provider: name, Kind: p.Type, Code: code, Country: r.Country, Configured: true}); err != nil {
			return k.at(place, "provider %s: %v", name, err)
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
		return k.at(path, "the endpoint is no URL or has credentials in it: want http://host:port or https://host, without credentials")
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
		if !customerName.MatchString(name) {
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
			if _, ok := c.Providers[l.Provider]; !ok {
				return k.at(at, "customer %s: location %q: no provider is called %q", name, text, l.Provider)
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
			return k.at("$.destination.bucket", "destination bucket %q: %s is not known; use {bucket}, {region}, {customer}, {source_region}", template, p)
		}
	}
	if !strings.Contains(template, "{bucket}") && !strings.Contains(template, "{customer}") {
		return k.at("$.destination.bucket", "destination bucket %q: without {bucket} or {customer} all data would fall into one bucket", template)
	}
	return nil
}

// BucketName fills in a destination template.
func (c *Config) BucketName(bucket, region, customer, sourceRegion string) string {
	return strings.NewReplacer("{bucket}", bucket, "{region}", region, "{customer}", customer, "{source_region}", sourceRegion).Replace(c.Destination.Bucket)
}
