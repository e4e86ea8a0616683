package config

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"
)

// inUTF16 is text as Windows writes it, with its mark or without.
func inUTF16(text string, order binary.AppendByteOrder, mark bool) []byte {
	var data []byte
	if mark {
		data = order.AppendUint16(data, 0xfeff)
	}
	for _, unit := range utf16.Encode([]rune(text)) {
		data = order.AppendUint16(data, unit)
	}
	return data
}

// Configurations come from editors, shells and templates of all kinds.
func TestParseAsWritten(t *testing.T) {
	catalog := load(t)
	amazon := func(rest string) string { return "version: 1\nproviders:\n  a:\n    type: aws\n" + rest }
	account := func(c *Config) string { return c.Providers["a"].Account }
	profiles := func(c *Config) string {
		return c.Providers["a"].Profile + " " + c.Providers["b"].Profile + " " + c.Providers["b"].Type
	}
	const anchored = "version: 1\nproviders:\n  a: &a\n    type: aws\n    profile: p\n"
	for _, tt := range []struct {
		name string
		in   string
		says func(*Config) string
		want string
	}{
		{"a byte order mark", "\ufeff" + base, func(c *Config) string { return c.Providers["cloud"].Type }, "s3"},
		{"an empty document behind", base + "---\n", func(c *Config) string { return c.Providers["cloud"].Type }, "s3"},
		{"a comment behind", base + "...\n---\n# nothing\n", func(c *Config) string { return c.Providers["cloud"].Type }, "s3"},
		{"an account that looks octal", amazon("    account: 012345670123\n"), account, "012345670123"},
		{"an account of zeros", amazon("    account: 000000000001\n"), account, "000000000001"},
		{"an account", amazon("    account: 123456789012\n"), account, "123456789012"},
		{"a quoted account", amazon("    account: '012345670123'\n"), account, "012345670123"},
		{"an account in braces", "{version: 1, providers: {a: {type: aws, account: 012345670123}}}", account, "012345670123"},
		{"a profile that looks like a number", amazon("    profile: 1e3\n"), func(c *Config) string {
			return c.Providers["a"].Profile
		}, "1e3"},
		{"a customer and a bucket that look like numbers", base + "customers:\n  007: {data: [\"cloud:acme\"]}\n" +
			"destination: {map: {\"cloud:acme\": 0123}}\n", func(c *Config) string {
			return fmt.Sprint(c.Customers, c.Destination.Map)
		}, "map[007:{[] [cloud:acme]}] map[cloud:acme:0123]"},
		{"Norway", base + "policy: {allowed: [NO]}\n", func(c *Config) string { return fmt.Sprint(c.Policy.Allowed) }, "[NO]"},
		{"merged", anchored + "  b:\n    <<: *a\n", profiles, "p p aws"},
		{"merged and overridden", anchored + "  b:\n    <<: *a\n    profile: q\n", profiles, "p q aws"},
		{"overridden, then merged", anchored + "  b:\n    profile: q\n    <<: *a\n", profiles, "p q aws"},
		{"the first of several", anchored + "  c: &c {type: s3, profile: z, regions: {us-east-1: {endpoint: \"http://[::1]:9\"}}}\n" +
			"  b:\n    <<: [*a, *c]\n    regions: [eu-west-1]\n", profiles, "p p aws"},
		{"merged in braces", anchored + "  b: {<<: *a, profile: q}\n", profiles, "p q aws"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c, err := Parse(catalog, "f.yaml", []byte(tt.in))
			if err != nil {
				t.Fatal(err)
			}
			if got := tt.says(c); got != tt.want {
				t.Errorf("%s, want %s", got, tt.want)
			}
		})
	}
}

func TestParseForeignText(t *testing.T) {
	catalog := load(t)
	for name, tt := range map[string]struct {
		in   []byte
		want string
	}{
		"UTF-16, little end first":  {inUTF16(base, binary.LittleEndian, true), "f.yaml:1:1: the file is in UTF-16; save it as UTF-8"},
		"UTF-16, big end first":     {inUTF16(base, binary.BigEndian, true), "f.yaml:1:1: the file is in UTF-16"},
		"UTF-16 without a mark":     {inUTF16(base, binary.LittleEndian, false), "f.yaml:1:1: the file is in UTF-16"},
		"UTF-32":                    {[]byte("\xff\xfe\x00\x00v\x00\x00\x00"), "f.yaml:1:1: the file is in UTF-32"},
		"Latin-1":                   {[]byte("version: 1\n# Caf\xe9\n"), "f.yaml:2:6: the file is not in UTF-8 here"},
		"two documents":             {[]byte(base + "---\n" + base), "f.yaml:1:1: more than one document"},
		"nothing but a mark":        {[]byte("\ufeff"), "f.yaml:1:1: the file is empty"},
		"an octal account":          {[]byte("version: 1\nproviders: {a: {type: aws, account: 0o12345}}\n"), "account \"0o12345\" is not 12 digits"},
		"an unknown alias":          {[]byte("version: 1\nproviders:\n  b:\n    <<: *a\n    type: aws\n"), "f.yaml:"},
		"a merge of no mapping":     {[]byte("version: 1\nproviders:\n  b:\n    <<: 5\n    type: aws\n"), "f.yaml:4:"},
		"the same key twice":        {[]byte("version: 1\nproviders:\n  b:\n    type: aws\n    type: s3\n"), "f.yaml:5:5: mapping key \"type\" already defined"},
		"a fault in what is merged": {[]byte("version: 1\nproviders:\n  b:\n    <<: {typ: aws}\n    type: aws\n"), "f.yaml:4:10: unknown field"},
		"too much that is merged": {[]byte("version: 1\nx: &x {" + manyKeys(5_000) + "}\ny: [" +
			strings.Repeat("{<<: *x}, ", 100) + "]\n"), "merge keys (<<) bring too much"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Parse(catalog, "f.yaml", tt.in)
			var e *Error
			if !errors.As(err, &e) || !strings.Contains(fmt.Sprint(err), tt.want) {
				t.Errorf("%v, want an *Error with %q", err, tt.want)
			}
		})
	}
}

func manyKeys(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "k%d: 1, ", i)
	}
	return b.String()
}
