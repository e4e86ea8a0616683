package config

import (
	"slices"
	"testing"
)

// A configuration says the same in braces and in lines.
func TestFlowStyle(t *testing.T) {
	catalog := load(t)
	const head = "version: 1\nproviders:\n  aws: {type: aws, regions: [eu-west-1]}\n  two: {type: aws, regions: {us-east-1: {}}}\n"
	want := []string{"aws:acme-prod", "two:acme-logs/a/b", "aws:xyz"}
	for _, customers := range []string{
		"customers:\n  acme:\n    data:\n      - aws:acme-prod\n      - two:acme-logs/a/b\n      - aws:xyz\n",
		"customers:\n  acme:\n    data: [aws:acme-prod, two:acme-logs/a/b, aws:xyz]\n",
		"customers:\n  acme: {data: [aws:acme-prod, two:acme-logs/a/b, aws:xyz]}\n",
		"customers: {acme: {data: [aws:acme-prod, \"two:acme-logs/a/b\", 'aws:xyz']}}\n",
		"customers: {acme: {data: [\n  aws:acme-prod,\n  two:acme-logs/a/b,\n  aws:xyz,\n]}}\n",
	} {
		c, err := Parse(catalog, "f.yaml", []byte(head+customers))
		if err != nil {
			t.Errorf("%s: %v", customers, err)
			continue
		}
		if got := c.Customers["acme"].Data; !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", customers, got, want)
		}
	}
	_, err := Parse(catalog, "f.yaml", []byte(head+"customers: {acme: {data: [aws: acme-prod]}}\n"))
	if err == nil || err.Error() != "f.yaml:5:30: want text, not a mapping" {
		t.Errorf("a mapping in place of a location: %v, want its place in words of YAML", err)
	}
}
