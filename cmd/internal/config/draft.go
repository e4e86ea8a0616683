package config

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/residency/residency/inventory/objectstore/kind"
	"github.com/residency/residency/regions"
)

// Draft is what a new configuration is to say.
type Draft struct {
	State    string // where plans and receipts are kept; empty: DefaultState
	Provider string // its name in locations
	Type     string // names a kind
	Profile  string // of the AWS configuration; empty: the environment's credentials
	// Subscription is Azure's, and Project Google's.
	Subscription, Project string

	Regions   []string
	Endpoints map[string]string // by region, for type s3
	Countries map[string]string // by region, of those that no catalog knows
	Customer  string
	Data      []string // the customer's locations, such as aws:acme-prod/customers/acme/
	Allowed   []string // the policy; empty: anywhere but the US
}

// Write writes the draft as a commented configuration, and checks it: an error names what
// of it cannot be, and there is no text.
func (d Draft) Write(catalog *regions.Catalog) (string, error) {
	var b strings.Builder
	line := func(text, comment string) {
		if comment != "" {
			text = fmt.Sprintf("%-43s # %s", text, comment)
		}
		b.WriteString(strings.TrimRight(text, " ") + "\n")
	}
	line("# yaml-language-server: $schema="+SchemaURL, "")
	line("# Where customers' data is, and where it may be. residency help configuration says more.", "")
	line("version: 1", "")
	line("state: "+plainOr(cmp.Or(d.State, DefaultState)),
		"plans, receipts and certificates; in CI rather provider:bucket/prefix")
	line("providers:", "")
	line("  "+plainOr(d.Provider)+":", "")
	line("    type: "+plainOr(d.Type), "")
	if d.Subscription != "" {
		line("    subscription: "+strconv.Quote(d.Subscription), "")
	}
	if d.Project != "" {
		line("    project: "+plainOr(d.Project), "")
	}
	if d.Profile != "" {
		line("    profile: "+plainOr(d.Profile), "of ~/.aws/config; without it the environment's credentials")
	}
	if is, _ := kind.Of(d.Type); len(is.Unlisted) > 0 {
		line("    # not_used: ["+list(is.Unlisted)+"]", "")
		line("    # what no list of buckets shows: an inventory is not complete until you say what you do not use", "")
	}
	switch is, _ := kind.Of(d.Type); { // of one that is not known, the check says so
	case !is.Global:
		line("    regions:", "one endpoint each; a code that no catalog knows needs its country")
		for _, region := range d.Regions {
			text := fmt.Sprintf("      %s: {endpoint: %s", plainOr(region), strconv.Quote(d.Endpoints[region]))
			if country := d.Countries[region]; country != "" {
				text += ", country: " + strconv.Quote(country)
			}
			line(text+"}", "")
		}
	case len(d.Regions) > 0:
		line("    regions: ["+list(d.Regions)+"]", "only these; without the line all that the account has")
	}
	if len(d.Allowed) > 0 {
		line("policy:", "")
		line("  allowed: ["+list(d.Allowed)+"]", "sets, countries or region codes")
		line("  # waivers:", "inventory --check does not fail for these places until that day")
		line("  #   - {place: \""+plainOr(d.Provider)+":acme-legacy\", reason: why, until: 2026-12-31, owner: who}", "")
	} else {
		line("# policy:", "without one: anywhere but the US, and inventory --check needs --policy")
		line("#   allowed: [EU]", "")
		line("#   waivers:", "places that may be elsewhere until a day")
		line("#     - {place: \""+plainOr(d.Provider)+":acme-legacy\", reason: why, until: 2026-12-31, owner: who}", "")
	}
	line("discovery:", "")
	line("  bucket_tag: customer", "a bucket tagged customer=acme is acme's")
	if len(d.Data) > 0 {
		line("customers:", "")
		line("  "+plainOr(d.Customer)+":", "")
		line("    data: ["+list(d.Data)+"]", "provider:bucket or provider:bucket/prefix/")
	} else {
		line("# customers:", "residency inventory shows buckets that are nobody's")
		line("#   acme:", "")
		line("#     data: ["+plainOr(d.Provider)+":acme-prod]", "")
	}
	line("# prices: prices.csv", "your own, over those that are built in; see residency help cost")
	text := b.String()
	_, err := Parse(catalog, DefaultFile, []byte(text))
	return text, err
}

var plainText = regexp.MustCompile(`^[A-Za-z./][A-Za-z0-9_.:/-]*$`)

// plainOr is a text as YAML takes it: as it is, or quoted.
func plainOr(text string) string {
	switch strings.ToLower(text) {
	case "true", "false", "null", "yes", "no", "on", "off", "y", "n":
		return strconv.Quote(text)
	}
	if plainText.MatchString(text) && !strings.HasSuffix(text, ":") {
		return text
	}
	return strconv.Quote(text)
}

func list(texts []string) string {
	quoted := make([]string, len(texts))
	for i, t := range texts {
		quoted[i] = plainOr(t)
	}
	return strings.Join(quoted, ", ")
}
