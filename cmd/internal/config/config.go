// Package config reads residency.yaml. It finds every fault before any request
// is sent, and names the line and column of each.
package config

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/regions"
)

// Config is a whole configuration file.
type Config struct {
	Version     int                 `yaml:"version"`
	State       string              `yaml:"state"`
	Providers   map[string]Provider `yaml:"providers"`
	Policy      Policy              `yaml:"policy"`
	Discovery   Discovery           `yaml:"discovery"`
	Customers   map[string]Customer `yaml:"customers"`
	Destination Destination         `yaml:"destination"`
	Keys        []Key               `yaml:"sse_c_keys"`
}

// Key says where a key of SSE-C is to be read from: one of the two. The key
// itself is never in the configuration.
type Key struct {
	Env  string `yaml:"env"`  // a variable that holds it in base64
	File string `yaml:"file"` // a file that holds its 32 bytes, or those in base64
}

// Provider is one account of one storage service.
type Provider struct {
	Type    string `yaml:"type"` // "aws" or "s3"
	Profile string `yaml:"profile"`
	Account string `yaml:"account"` // that owns the buckets
	// OwnerCheck is Required, or empty: whose the buckets are is checked where that
	// is known.
	OwnerCheck string    `yaml:"owner_check"`
	Endpoint   string    `yaml:"endpoint"` // one for all regions
	Operator   *Operator `yaml:"operator"`
	Regions    Regions   `yaml:"regions"`
}

// Operator is who runs a provider, and the country whose law reaches them.
type Operator struct {
	Name    string `yaml:"name"`
	Country string `yaml:"country"`
}

// Region is one region of a provider.
type Region struct {
	Endpoint string `yaml:"endpoint"`
	Country  string `yaml:"country"`
}

// Regions is a map of regions; a plain list of codes stands for regions
// without further settings.
type Regions map[string]Region

// UnmarshalYAML implements yaml.NodeUnmarshaler.
func (r *Regions) UnmarshalYAML(node ast.Node) error {
	if node.Type() == ast.SequenceType {
		var codes []string
		if err := yaml.NodeToValue(node, &codes, yaml.Strict()); err != nil {
			return err
		}
		*r = make(Regions, len(codes))
		for _, code := range codes {
			(*r)[code] = Region{}
		}
		return nil
	}
	return yaml.NodeToValue(node, (*map[string]Region)(r), yaml.Strict())
}

// Policy is where data may be.
type Policy struct {
	Allowed []string `yaml:"allowed"` // sets, countries or region codes
}

// Discovery is how buckets that no customer names are attributed.
type Discovery struct {
	BucketTag string `yaml:"bucket_tag"`
}

// Customer is whose data lies where.
type Customer struct {
	Allowed []string `yaml:"allowed"`
	Data    []string `yaml:"data"`
}

// Destination is how buckets are named where data is moved to.
type Destination struct {
	Bucket string `yaml:"bucket"`
	KMSKey string `yaml:"kms_key"` // of the destination's region
	// StorageClass is AnyClass, or empty: objects keep their own.
	StorageClass string `yaml:"storage_class"`
}

// AnyClass leaves the storage class of objects to the destination.
const AnyClass = "any"

// Required demands that whose a provider's buckets are is checked.
const Required = "required"

// Defaults of a configuration.
const (
	DefaultFile   = "residency.yaml"
	DefaultState  = ".residency"
	DefaultTag    = "customer"
	DefaultBucket = "{bucket}-{region}"
)

// Load reads the file at path. With an empty path it tries residency.yaml here,
// then the file that $RESIDENCY_CONFIG names, then the built-in configuration:
// AWS by the standard credential chain. It returns the path that was read,
// empty for the built-in one.
func Load(catalog *regions.Catalog, path string, getenv func(string) string) (*Config, string, error) {
	if path == "" {
		path = DefaultFile
		if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
			if path = getenv("RESIDENCY_CONFIG"); path == "" {
				c, err := Parse(catalog, "built-in configuration", []byte("version: 1\nproviders: {aws: {type: aws}}\n"))
				return c, "", err
			}
		}
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, path, fmt.Errorf("read the configuration: %w", err)
	}
	c, err := Parse(catalog, path, data)
	return c, path, err
}

// Error is a fault of the file, at a line and column that begin with 1.
type Error struct {
	File         string
	Line, Column int
	Message      string
}

func (e *Error) Error() string {
	return fmt.Sprintf("%s:%d:%d: %s", e.File, e.Line, e.Column, e.Message)
}

// Parse reads and checks a configuration against the catalog; name is used in
// errors. A fault of the text is an *Error.
func Parse(catalog *regions.Catalog, name string, data []byte) (*Config, error) {
	if err := bounded(name, data); err != nil {
		return nil, err
	}
	file, err := parser.ParseBytes(data, 0)
	if err != nil {
		return nil, fault(name, err)
	}
	c := &Config{}
	if len(file.Docs) > 1 {
		return nil, &Error{File: name, Line: 1, Column: 1, Message: "more than one document"}
	}
	if len(file.Docs) == 0 || file.Docs[0].Body == nil {
		return nil, &Error{File: name, Line: 1, Column: 1, Message: "the file is empty; it begins with \"version: 1\""}
	}
	if err := nestedAlias(name, file.Docs[0].Body); err != nil {
		return nil, err
	}
	if err := yaml.NodeToValue(file.Docs[0].Body, c, yaml.Strict()); err != nil {
		return nil, fault(name, err)
	}
	if err := (&checker{catalog: catalog, name: name, file: file}).check(c); err != nil {
		return nil, err
	}
	if c.State == "" {
		c.State = DefaultState
	}
	if c.Discovery.BucketTag == "" {
		c.Discovery.BucketTag = DefaultTag
	}
	if c.Destination.Bucket == "" {
		c.Destination.Bucket = DefaultBucket
	}
	return c, nil
}

// fault gives an error of the YAML library its place.
func fault(name string, err error) error {
	var y yaml.Error
	if errors.As(err, &y) && y.GetToken() != nil && y.GetToken().Position != nil {
		p := y.GetToken().Position
		return &Error{File: name, Line: p.Line, Column: p.Column, Message: brief(y.GetMessage())}
	}
	return &Error{File: name, Line: 1, Column: 1, Message: brief(err.Error())}
}

// Claims lists which customer names which location, by customer, in the order
// of the file.
func (c *Config) Claims() []Claim {
	var claims []Claim
	for _, customer := range sorted(c.Customers) {
		for _, s := range c.Customers[customer].Data {
			// Parse has checked each.
			if l, err := objectstore.ParseLocation(s); err == nil {
				claims = append(claims, Claim{Customer: customer, Location: l})
			}
		}
	}
	return claims
}

// Claim says that a location holds a customer's data.
type Claim struct {
	Customer string
	Location objectstore.Location
}

func sorted[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
