package config

import (
	"bytes"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/santhosh-tekuri/jsonschema/v6"
)

var update = flag.Bool("update", false, "write the schema that is published")

// TestSchema holds the file that is published against the types.
func TestSchema(t *testing.T) {
	want, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	name := filepath.Base(SchemaURL)
	if *update {
		if err := os.WriteFile(name, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(name)
	if err != nil || !bytes.Equal(have, want) {
		t.Errorf("%s is not up to date (%v); go test ./cmd/internal/config -run TestSchema -update writes it", name, err)
	}
}

// validator tells what the schema has against a text.
func validator(t *testing.T) func(text string) error {
	t.Helper()
	data, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	document, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	if err := c.AddResource(SchemaURL, document); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile(SchemaURL) // which holds it against the schema of schemas
	if err != nil {
		t.Fatal(err)
	}
	return func(text string) error {
		var value any
		if err := yaml.Unmarshal([]byte(text), &value); err != nil {
			return err
		}
		return s.Validate(value)
	}
}

// TestSchemaTakes holds the schema against the examples of the documentation, and what
// init writes.
func TestSchemaTakes(t *testing.T) {
	validate := validator(t)
	pages, err := filepath.Glob(filepath.Join("..", "manual", "topics", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```yaml\n(.*?)```")
	var examples []string
	for _, page := range append(pages, filepath.Join("..", "..", "..", "README.md")) {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range block.FindAllStringSubmatch(string(text), -1) {
			if strings.HasPrefix(m[1], "steps:") || strings.HasPrefix(m[1], "include:") {
				continue // of a pipeline
			}
			if !strings.HasPrefix(m[1], "version:") {
				m[1] = "version: 1\nproviders: {aws: {type: aws}}\n" + m[1]
			}
			examples = append(examples, m[1])
		}
	}
	if len(examples) < 3 {
		t.Errorf("%d examples, want those of the README and the topics", len(examples))
	}
	for _, d := range []Draft{
		{Provider: "aws", Type: "aws"},
		{Provider: "aws", Type: "aws", Regions: []string{"eu-west-1"}, Customer: "acme", Data: []string{"aws:acme-prod/x/"},
			Allowed: []string{"EU", "CH"}, Profile: "prod", State: "aws:ci-state/here"},
		{Provider: "ovh", Type: "s3", Regions: []string{"gra"}, Endpoints: map[string]string{"gra": "https://s3.example.net"},
			Countries: map[string]string{"gra": "FR"}},
	} {
		text, err := d.Write(load(t))
		if err != nil {
			t.Fatal(err)
		}
		if first, _, _ := strings.Cut(text, "\n"); first != "# yaml-language-server: $schema="+SchemaURL {
			t.Errorf("the first line is %q, which tells editors nothing", first)
		}
		examples = append(examples, text)
	}
	examples = append(examples,
		"version: 1\nproviders:\n  aws: {type: aws, regions: {eu-west-1: {}, eu-west-3: }, account: 111122223333}\n")
	for _, text := range examples {
		if err := validate(text); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
		if _, err := Parse(load(t), "f.yaml", []byte(text)); err != nil {
			t.Errorf("%v\n%s", err, text)
		}
	}
}

// TestSchemaRefuses has one fault of each kind that an editor is to underline; residency
// refuses each too.
func TestSchemaRefuses(t *testing.T) {
	validate := validator(t)
	for _, text := range []string{
		"providers: {aws: {type: aws}}\n",
		"version: 2\nproviders: {aws: {type: aws}}\n",
		"version: 1\n",
		"version: 1\nproviders: {}\n",
		"version: 1\nproviders: {aws: {}}\n",
		"version: 1\nproviders: {aws: {type: tape}}\n",
		"version: 1\nproviders: {AWS: {type: aws}}\n",
		"version: 1\nproviders: {aws: {type: aws, regoins: [eu-west-1]}}\n",
		"version: 1\nproviders: {aws: {type: aws, regions: []}}\n",
		"version: 1\nproviders: {aws: {type: aws, not_used: [cupboards]}}\n",
		"version: 1\nproviders: {a: {type: s3, regions: {x: {endpoint: ftp://a, country: FR}}}}\n",
		"version: 1\nproviders: {a: {type: s3, regions: {x: {endpoint: 'https://a', country: France}}}}\n",
		"version: 1\nproviders: {a: {type: s3, operator: {name: A}, regions: {x: {endpoint: 'https://a', country: FR}}}}\n",
		base + "polcy: {allowed: [EU]}\n",
		base + "policy: {allowed: []}\n",
		base + "policy: {allowed: ['']}\n",
		base + "policy:\n",
		base + "state: ''\n",
		base + "customers: {acme: {}}\n",
		base + "customers: {acme: {data: [acme-prod]}}\n",
		base + "destination: {encryption: aes}\n",
		base + "destination: {storage_class: GLACIER}\n",
		base + "sse_c_keys: [{env: A, file: b}]\n",
		base + "sse_c_keys: [{}]\n",
	} {
		if err := validate(text); err == nil {
			t.Errorf("the schema takes\n%s", text)
		}
		if _, err := Parse(load(t), "f.yaml", []byte(text)); err == nil {
			t.Errorf("residency takes\n%s", text)
		}
	}
}
