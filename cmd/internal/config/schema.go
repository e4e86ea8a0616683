package config

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/kind"
)

// SchemaURL is where the project publishes the schema of its configuration.
const SchemaURL = "https://raw.githubusercontent.com/residency/residency/main/cmd/internal/config/residency.schema.json"

// Schema is the JSON Schema (draft 7, which editors know) of a configuration, made of
// the types that one is read into. What needs the catalog or several places of a file to
// be judged is not in it: Parse finds that.
func Schema() ([]byte, error) {
	s := &schemaMaker{rules: schemaRules(), used: map[string]bool{}}
	root, err := s.of("", reflect.TypeFor[Config]())
	if err != nil {
		return nil, err
	}
	for path := range s.rules {
		if !s.used[path] {
			return nil, fmt.Errorf("the schema has a rule for %s, which a configuration does not have", path)
		}
	}
	root.Schema, root.ID, root.Title = "http://json-schema.org/draft-07/schema#", SchemaURL, "residency.yaml"
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(root); err != nil {
		return nil, fmt.Errorf("encode the schema: %w", err)
	}
	return b.Bytes(), nil
}

// schema is what is used here of JSON Schema.
type schema struct {
	Schema      string             `json:"$schema,omitempty"`
	ID          string             `json:"$id,omitempty"`
	Title       string             `json:"title,omitempty"`
	Description string             `json:"description,omitempty"`
	Type        any                `json:"type,omitempty"` // a name, or several
	Const       any                `json:"const,omitempty"`
	Enum        []string           `json:"enum,omitempty"`
	Pattern     string             `json:"pattern,omitempty"`
	Properties  map[string]*schema `json:"properties,omitempty"`
	Names       *schema            `json:"propertyNames,omitempty"`
	Others      any                `json:"additionalProperties,omitempty"` // a schema, or false
	Required    []string           `json:"required,omitempty"`
	Items       *schema            `json:"items,omitempty"`
	LeastItems  int                `json:"minItems,omitempty"`
	LeastNames  int                `json:"minProperties,omitempty"`
	MostNames   int                `json:"maxProperties,omitempty"`
	AnyOf       []*schema          `json:"anyOf,omitempty"`
}

// schemaRule is what the type of a value does not say: what it is for, and what it can be.
type schemaRule struct {
	about    string
	enum     []string
	pattern  string
	names    string // a pattern of a mapping's keys
	required []string
	one      bool // exactly one key
}

// schemaRules are by path: * stands for any name, [] for any item.
func schemaRules() map[string]schemaRule {
	const (
		address  = "^https?://[^@]+$"
		location = "^[a-z0-9][a-z0-9_-]*:[^/]+"
	)
	var unlisted []string
	for _, name := range kind.Names() {
		is, _ := kind.Of(name)
		unlisted = append(unlisted, is.Unlisted...)
	}
	return map[string]schemaRule{
		"":        {required: []string{"version", "providers"}},
		"version": {about: "The version of this format."},
		"state": {about: "Where plans, receipts and certificates are kept: a directory, or provider:bucket/prefix outside " +
			"of the United States. Default: " + DefaultState + "."},

		"providers": {about: "Accounts of storage services, by the name that locations use.", names: providerName.String()},
		"providers.*": {about: "One account of one storage service.",
			required: []string{"type"}},
		"providers.*.type": {about: "aws is Amazon S3; azure is Azure Blob Storage; gcs is Google Cloud Storage; " +
			"s3 is any other service with the API of Amazon S3, of which each region has its endpoint.", enum: kind.Names()},
		"providers.*.profile": {about: "Profile of the AWS configuration that has the credentials. Default: the standard " +
			"credential chain."},
		"providers.*.account": {about: "The account that must own the buckets, with its leading zeros. Default, on " +
			"Amazon: that of the credentials.", pattern: ownerName},
		"providers.*.owner_check": {about: "required blocks a plan while the owner of the buckets is not known.",
			enum: []string{Required}},
		"providers.*.ordering": {about: "any is for a service that lists in an order of its own. Its listings are sorted " +
			"here, and taken to be complete if a second one tells the same. Default: byte order, which every listing is held " +
			"to.", enum: []string{AnyOrder}},
		"providers.*.subscription": {about: "Of type azure: the ID of the subscription whose storage accounts are " +
			"meant. Resource Manager tells where they are.", pattern: subscriptionID.String()},
		"providers.*.resource_manager": {about: "Of type azure: the address of another Resource Manager than Azure's own.",
			pattern: address},
		"providers.*.project": {about: "Of type gcs: the project whose buckets are meant. Default: that of the " +
			"credentials."},
		"providers.*.requester_pays": {about: "Of type gcs: project has the project pay for requests to buckets whose " +
			"requesters do. Default: nobody does, and such buckets refuse.", enum: []string{ByProject}},
		"providers.*.endpoint": {about: "The address of all regions that have none of their own.", pattern: address},
		"providers.*.operator": {about: "Who runs the service, and the country whose law reaches them.",
			required: []string{"name", "country"}},
		"providers.*.operator.name": {about: "The company that runs the service."},
		"providers.*.operator.country": {about: "The company's country: two capital letters (ISO 3166-1).",
			pattern: countryCode.String()},
		"providers.*.not_used": {about: "Kinds of storage that no list of buckets shows, and that the account does not " +
			"use."},
		"providers.*.not_used[]": {enum: unlisted},
		"providers.*.regions": {about: "The regions, as a list of codes or by code with settings. Default, of aws: all " +
			"that the account has."},
		"providers.*.regions.*": {about: "One region."},
		"providers.*.regions.*.endpoint": {about: "The address of the service in this region.",
			pattern: address},
		"providers.*.regions.*.country": {about: "Where the region is: two capital letters (ISO 3166-1). Needed for a code " +
			"that no catalog knows.", pattern: countryCode.String()},
		"providers.*.regions.*.signing_region": {about: "What requests are signed for, which says nothing of the place. " +
			"Default: the region's code."},

		"providers.*.regions.*.accounts": {about: "Of type azure: the storage accounts of this region, where " +
			"Resource Manager is not asked. That they are there is then your word, and nothing of theirs is erased."},
		"providers.*.regions.*.accounts[]": {pattern: "^[a-z0-9]{3,24}$"},

		"policy":           {about: "Where data may be."},
		"policy.allowed":   {about: "Sets, countries or region codes. Without it: anywhere but the United States."},
		"policy.allowed[]": {},
		"policy.waivers": {about: "Places that may be outside of the policy until a day: inventory --check shows them, and " +
			"does not fail for them before that. Nothing of what is moved is changed."},
		"policy.waivers[]": {about: "One place that is waived.", required: []string{"place", "reason", "until", "owner"}},
		"policy.waivers[].place": {about: "The location, as inventory shows it: provider:bucket or provider:bucket/prefix/.",
			pattern: location},
		"policy.waivers[].region": {about: "Its region, as inventory shows it. Needed where several have buckets " +
			"of that name."},
		"policy.waivers[].reason": {about: "Why it is accepted."},
		"policy.waivers[].until": {about: "The last day, in UTC, such as 2026-12-31.",
			pattern: "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"},
		"policy.waivers[].owner": {about: "Who answers for it."},

		"discovery": {about: "How buckets are attributed that no customer names."},
		"discovery.bucket_tag": {about: "The bucket tag that names the customer. Default: " + DefaultTag +
			"."},

		"customers":             {about: "Whose data is where, by the customer's name.", names: customerName},
		"customers.*":           {about: "One customer.", required: []string{"data"}},
		"customers.*.allowed":   {about: "Where this customer's data may be, in place of the policy."},
		"customers.*.allowed[]": {},
		"customers.*.data":      {about: "Locations: provider:bucket, or provider:bucket/prefix/."},
		"customers.*.data[]":    {pattern: location},

		"destination": {about: "How buckets are named, and what writes ask for, where data is moved to."},
		"destination.bucket": {about: "A template of {bucket}, {region}, {customer} and {source_region}. Default: " +
			DefaultBucket + "."},
		"destination.accounts": {about: "Of type azure: the storage account that containers are made in, by " +
			"region. It has to be there."},
		"destination.accounts.*": {pattern: "^[a-z0-9]{3,24}$"},
		"destination.map": {about: "Names of buckets by source location, in place of the template.",
			names: location},
		"destination.map.*":   {},
		"destination.kms_key": {about: "The KMS key, of the destination's region, for what is under KMS at the source."},
		"destination.encryption": {about: "The encryption that writes ask for. Default: the bucket's own.",
			enum: []string{objectstore.AES256, objectstore.KMS, BucketDefault}},
		"destination.storage_class": {about: "any leaves the storage class to the destination. Default: objects keep their " +
			"own.", enum: []string{AnyClass}},

		"runner": {about: "The machine that runs residency."},
		"runner.country": {about: "Where it stands: two capital letters (ISO 3166-1). Certificates name it as declared.",
			pattern: countryCode.String()},

		"prices": {about: "A CSV file of your own prices, over those that are built in; a relative path starts where this " +
			"file is."},

		"sse_c_keys":        {about: "Where the keys of objects under SSE-C are to be read from."},
		"sse_c_keys[]":      {about: "One key, of a variable or of a file.", one: true},
		"sse_c_keys[].env":  {about: "A variable that holds the key in base64."},
		"sse_c_keys[].file": {about: "A file that holds the key's 32 bytes, or those in base64."},
	}
}

// schemaMaker makes schemas of types, by the rule of each path.
type schemaMaker struct {
	rules map[string]schemaRule
	used  map[string]bool
}

func (m *schemaMaker) of(path string, t reflect.Type) (*schema, error) {
	rule, ok := m.rules[path]
	if !ok {
		return nil, fmt.Errorf("the schema has no rule for %s", path)
	}
	m.used[path] = true
	s := &schema{Description: rule.about, Enum: rule.enum, Pattern: rule.pattern, Required: rule.required}
	if rule.names != "" {
		s.Names = &schema{Pattern: rule.names}
	}
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	var err error
	switch t.Kind() {
	case reflect.String:
		// An account's digits are text as they are written.
		if s.Type = "string"; strings.HasSuffix(path, ".account") {
			s.Type = []string{"string", "integer"}
		} else if s.Enum == nil && s.Pattern == "" {
			s.Pattern = `\S`
		}
	case reflect.Int:
		s.Const = 1 // the version is the only number
	case reflect.Slice:
		s.Type, s.LeastItems = "array", 1
		s.Items, err = m.of(path+"[]", t.Elem())
	case reflect.Map:
		s.Type, s.LeastNames = "object", 1
		s.Others, err = m.of(path+".*", t.Elem())
	case reflect.Struct:
		err = m.fields(s, path, t, rule)
	default:
		err = fmt.Errorf("the schema knows no %s, which %s is", t, path)
	}
	if err != nil {
		return nil, err
	}
	if t == reflect.TypeFor[Regions]() {
		return eitherWay(s), nil
	}
	return s, nil
}

// fields makes a schema of a mapping whose keys are known.
func (m *schemaMaker) fields(s *schema, path string, t reflect.Type, rule schemaRule) error {
	s.Type, s.Others, s.LeastNames, s.Properties = "object", false, 1, map[string]*schema{}
	if rule.one {
		s.MostNames = 1
	}
	for i := range t.NumField() {
		name, _, _ := strings.Cut(t.Field(i).Tag.Get("yaml"), ",")
		if name == "" || name == "-" {
			continue
		}
		field, err := m.of(strings.TrimPrefix(path+"."+name, "."), t.Field(i).Type)
		if err != nil {
			return err
		}
		s.Properties[name] = field
	}
	return nil
}

// eitherWay is regions as a mapping, in which a region needs no settings, or as a list.
func eitherWay(mapping *schema) *schema {
	if region, ok := mapping.Others.(*schema); ok {
		region.Type, region.LeastNames = []string{"object", "null"}, 0
	}
	list := &schema{Type: "array", LeastItems: 1, Items: &schema{Type: "string", Pattern: `\S`}}
	both := &schema{Description: mapping.Description, AnyOf: []*schema{mapping, list}}
	mapping.Description = ""
	return both
}
