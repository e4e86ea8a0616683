// Package config reads residency.yaml. It finds every fault before any request
// is sent, and names the line and column of each.
package config

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/kind"
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
	Runner      Runner              `yaml:"runner"`
	Keys        []Key               `yaml:"sse_c_keys"`
	// Prices is a file of the user's own, over those that are built in; see PricesPath.
	Prices string `yaml:"prices"`

	Path   string `yaml:"-"` // of the file, absolute; or BuiltIn
	SHA256 string `yaml:"-"` // of the file, hex

	policyLine string // where the policy is written: FILE:LINE:COLUMN; empty: nowhere
	places     *checker
}

// PolicyAt is the line and column of the policy that a customer's data is held to, or, if none
// is written, of what comes nearest to it: line 0 where there is no file.
func (c *Config) PolicyAt(customer string) (line, column int) {
	if c.places == nil || c.Path == BuiltIn {
		return 0, 0
	}
	path := "$.policy.allowed"
	if len(c.Customers[customer].Allowed) > 0 {
		path = "$.customers." + customer + ".allowed"
	}
	if e := (*Error)(nil); errors.As(c.places.at(path, ""), &e) {
		line, column = e.Line, e.Column
	}
	return line, column
}

// PolicyLine is where the policy of all data is written, as FILE:LINE:COLUMN, or
// nothing if the configuration has none.
func (c *Config) PolicyLine() string { return c.policyLine }

// PricesPath is where the file of prices is, empty for none. A relative path starts where the
// configuration is, which may be another directory than the one that a command runs in.
func (c *Config) PricesPath() string {
	if c.Prices == "" || filepath.IsAbs(c.Prices) || c.Path == StandardInput {
		return c.Prices
	}
	return filepath.Join(filepath.Dir(c.Path), c.Prices)
}

// HasPolicy tells whether any policy says where data of a customer may be; with an
// empty name, data of anybody.
func (c *Config) HasPolicy(customer string) bool {
	if len(c.Policy.Allowed) > 0 {
		return true
	}
	if customer != "" {
		return len(c.Customers[customer].Allowed) > 0
	}
	for _, one := range c.Customers {
		if len(one.Allowed) > 0 {
			return true
		}
	}
	return false
}

// Key says where a key of SSE-C is to be read from: one of the two. The key
// itself is never in the configuration.
type Key struct {
	Env  string `yaml:"env"`  // a variable that holds it in base64
	File string `yaml:"file"` // a file that holds its 32 bytes, or those in base64
}

// Provider is one account of one storage service.
type Provider struct {
	Type    string `yaml:"type"` // names a kind
	Profile string `yaml:"profile"`
	Account string `yaml:"account"` // that owns the buckets
	// OwnerCheck is Required, or empty: whose the buckets are is checked where that
	// is known.
	OwnerCheck string    `yaml:"owner_check"`
	Endpoint   string    `yaml:"endpoint"` // one for all regions
	Operator   *Operator `yaml:"operator"`
	// Ordering is AnyOrder, or empty: listings come in byte order.
	Ordering string `yaml:"ordering"`
	// NotUsed are kinds of storage, which no list of buckets shows, that the account does not use.
	NotUsed []string `yaml:"not_used"`
	// Subscription is Azure's, whose accounts are meant; Manager is the address of another
	// Resource Manager than Azure's own. Project is Google's.
	Subscription string `yaml:"subscription"`
	Manager      string `yaml:"resource_manager"`
	Project      string `yaml:"project"`
	// Payer is ByProject, or empty: whoever is asked to pay for requests is refused.
	Payer   string  `yaml:"requester_pays"`
	Regions Regions `yaml:"regions"`
}

// Cloud is what the catalog of regions calls the provider's service.
func (p Provider) Cloud() string {
	is, ok := kind.Of(p.Type)
	if !ok {
		return p.Type
	}
	return is.Catalog
}

// Accounts are those of Azure that the configuration names, by region; nil if it names no
// region.
func (p Provider) Accounts() map[string][]string {
	if len(p.Regions) == 0 {
		return nil
	}
	all := make(map[string][]string, len(p.Regions))
	for code, r := range p.Regions {
		all[code] = r.Accounts
	}
	return all
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
	// SigningRegion is what requests are signed for, which says nothing of the place;
	// default: the region's code.
	SigningRegion string `yaml:"signing_region"`
	// Accounts are those of Azure that the region has, for where Resource Manager is not asked.
	Accounts []string `yaml:"accounts"`
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
	Waivers []Waiver `yaml:"waivers"`
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
	// Map names buckets by source location, which takes the place of the template.
	Map map[string]string `yaml:"map"`
	// Accounts are those of Azure that containers are made in, by region.
	Accounts map[string]string `yaml:"accounts"`
	KMSKey   string            `yaml:"kms_key"` // of the destination's region
	// Encryption is what writes ask for: AES256, aws:kms (under KMSKey, if there is one),
	// or, as if empty, BucketDefault.
	Encryption string `yaml:"encryption"`
	// StorageClass is AnyClass, or empty: objects keep their own.
	StorageClass string `yaml:"storage_class"`
}

// Runner is the machine that runs this program.
type Runner struct {
	Country string `yaml:"country"` // where it stands
}

// AnyClass leaves the storage class of objects to the destination.
const AnyClass = "any"

// BucketDefault asks for no encryption: the bucket's own applies.
const BucketDefault = "bucket-default"

// AnyOrder is of a provider that lists in an order of its own.
const AnyOrder = "any"

// ByProject has a provider's project pay for requests to buckets whose requesters do.
const ByProject = "project"

// Required demands that whose a provider's buckets are is checked.
const Required = "required"

// Defaults of a configuration.
const (
	DefaultFile   = "residency.yaml"
	DefaultState  = ".residency"
	DefaultTag    = "customer"
	DefaultBucket = "{bucket}-{region}"
)

// BuiltIn is the path of the configuration that is in force where there is no file.
const BuiltIn = "built in"

// builtIn is AWS by the standard credential chain.
const builtIn = "version: 1\nproviders: {aws: {type: aws}}\n"

// StandardInput is the path of a configuration that was read from it, as "-" asks for.
const StandardInput = "standard input"

// Load reads the file at path, or stdin if that is "-". With an empty path it is the file that
// $RESIDENCY_CONFIG names, or else residency.yaml here, or else, if nothing of that
// name is there, the built-in configuration. A file that is named and cannot be read
// is an error: another policy than the one that was meant would be in force.
func Load(
	catalog *regions.Catalog, path string, getenv func(string) string, stdin io.Reader,
) (*Config, error) {
	if path == "" {
		path = getenv("RESIDENCY_CONFIG")
	}
	if path == "" {
		path = DefaultFile
		// Lstat, for a link that leads nowhere is a file that was meant.
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			return Parse(catalog, BuiltIn, []byte(builtIn))
		}
	}
	if path == "-" {
		data, err := io.ReadAll(io.LimitReader(stdin, maxSize+1))
		if err != nil {
			return nil, fmt.Errorf("read the configuration from %s: %w", StandardInput, err)
		}
		return Parse(catalog, StandardInput, data)
	}
	data, err := read(path)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	c, err := Parse(catalog, path, data)
	if err != nil {
		return nil, err
	}
	if c.Path, err = filepath.Abs(path); err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	return c, nil
}

// read reads a file, or a pipe, as far as it can be a configuration.
func read(path string) (data []byte, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	return io.ReadAll(io.LimitReader(f, maxSize+1))
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
	said, err := text(name, data)
	if err == nil {
		err = bounded(name, said)
	}
	if err != nil {
		return nil, err
	}
	file, err := parser.ParseBytes(said, 0)
	if err != nil {
		return nil, fault(name, err)
	}
	c := &Config{}
	if file.Docs = documents(file); len(file.Docs) > 1 {
		return nil, &Error{File: name, Line: 1, Column: 1, Message: "more than one document"}
	}
	if len(file.Docs) == 0 {
		return nil, &Error{File: name, Line: 1, Column: 1, Message: "the file is empty; it begins with \"version: 1\""}
	}
	if err := nestedAlias(name, file.Docs[0].Body); err != nil {
		return nil, err
	}
	if err := merge(name, file.Docs[0].Body); err != nil {
		return nil, err
	}
	join(file.Docs[0].Body)
	asWritten(file.Docs[0].Body)
	if err := yaml.NodeToValue(file.Docs[0].Body, c, yaml.Strict()); err != nil {
		return nil, fault(name, err)
	}
	k := &checker{catalog: catalog, name: name, file: file, customer: regexp.MustCompile(customerName),
		owner: regexp.MustCompile(ownerName)}
	if err := k.check(c); err != nil {
		return nil, err
	}
	if err := k.empty(file.Docs[0].Body); err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	c.Path, c.SHA256, c.places = name, hex.EncodeToString(sum[:]), k
	if e := (*Error)(nil); len(c.Policy.Allowed) > 0 && errors.As(k.at("$.policy.allowed", ""), &e) {
		c.policyLine = fmt.Sprintf("%s:%d:%d", e.File, e.Line, e.Column)
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
		p, message := y.GetToken().Position, y.GetMessage()
		var of *yaml.TypeError
		var too *yaml.OverflowError
		switch {
		case errors.As(err, &of):
			message = fmt.Sprintf("want %s, not %s", inYAML(of.DstType), inYAML(of.SrcType))
		case errors.As(err, &too):
			message = fmt.Sprintf("%s is not in the range of this number", too.SrcNum)
		}
		return &Error{File: name, Line: p.Line, Column: p.Column, Message: brief(message)}
	}
	return &Error{File: name, Line: 1, Column: 1, Message: brief(err.Error())}
}

// inYAML is what YAML calls a value of the type.
func inYAML(t reflect.Type) string {
	if t == nil {
		return "nothing"
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		return "a mapping"
	case reflect.Slice, reflect.Array:
		return "a list"
	case reflect.Bool:
		return "true or false"
	case reflect.String:
		return "text"
	case reflect.Pointer:
		return inYAML(t.Elem())
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64, reflect.Uint, reflect.Uint8,
		reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number"
	}
	return "another value"
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
