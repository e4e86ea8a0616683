package config

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/kind"
)

// subscriptionID is the form of what Azure calls one (Azure documentation, "Get subscription
// and tenant IDs").
var subscriptionID = regexp.MustCompile(`^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`)

// takes refuses settings that mean nothing to a provider's kind, and asks for those without
// which nothing can be found.
func (k *checker) takes(path, name string, p Provider, is kind.Kind) error {
	for _, written := range []struct {
		setting kind.Setting
		value   string
	}{
		{kind.Profile, p.Profile}, {kind.Account, p.Account}, {kind.Ordering, p.Ordering},
		{kind.Subscription, p.Subscription}, {kind.Manager, p.Manager}, {kind.Project, p.Project},
		{kind.Payer, p.Payer},
	} {
		setting, value := written.setting, written.value
		if value == "" || slices.Contains(is.Takes, setting) {
			continue
		}
		if setting == kind.Ordering && slices.Contains(is.Takes, kind.Profile) {
			return k.at(path+".ordering", "provider %s: type %s lists in byte order; ordering is for other services", name,
				p.Type)
		}
		return k.at(path+"."+string(setting), "provider %s: %s means nothing to type %s; it is for type %s", name, setting,
			p.Type, strings.Join(takers(setting), ", "))
	}
	if p.Subscription != "" && !subscriptionID.MatchString(p.Subscription) {
		return k.at(path+".subscription", "provider %s: subscription %q is not the ID of one: want "+
			"00000000-0000-0000-0000-000000000000", name, p.Subscription)
	}
	if p.Payer != "" && (p.Payer != ByProject || p.Project == "") {
		return k.at(path+".requester_pays", "provider %s: requester_pays %q: the only value is %q, which has the "+
			"provider's project pay, and needs project beside it", name, p.Payer, ByProject)
	}
	if p.Manager != "" {
		if err := k.endpoint(path+".resource_manager", p.Manager); err != nil {
			return err
		}
	}
	named := slices.ContainsFunc(sorted(p.Regions), func(code string) bool { return len(p.Regions[code].Accounts) > 0 })
	if slices.Contains(is.Takes, kind.Subscription) && p.Subscription == "" && !named {
		return k.at(path, "provider %s: type %s needs its subscription, or storage accounts by region: regions: "+
			"{westeurope: {accounts: [acme]}}, whose regions then are your word", name, p.Type)
	}
	return nil
}

// takers are the kinds to which a setting means something.
func takers(s kind.Setting) (names []string) {
	for _, name := range kind.Names() {
		if is, _ := kind.Of(name); slices.Contains(is.Takes, s) {
			names = append(names, name)
		}
	}
	return names
}

// bucket holds a location's provider and bucket against what there is and can be.
func (k *checker) bucket(c *Config, l objectstore.Location) error {
	p, ok := c.Providers[l.Provider]
	if !ok {
		return fmt.Errorf("no provider is called %q", l.Provider)
	}
	is, _ := kind.Of(p.Type) // the provider's check has looked
	return is.CheckBucket(l.Bucket)
}
