package config

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

// Waiver is somebody's word that a place may be outside of the policy until a day. It is for
// inventory --check, and changes nothing of what is moved.
type Waiver struct {
	Place  string `yaml:"place"`  // as inventory shows it
	Region string `yaml:"region"` // of the place, if several regions have buckets of that name
	Reason string `yaml:"reason"`
	Until  string `yaml:"until"` // the last day, in UTC: 2006-01-02
	Owner  string `yaml:"owner"` // who answers for it
}

// Waived is a waiver whose parts have been read.
type Waived struct {
	Location      objectstore.Location
	Region        string
	Reason, Owner string
	Until         time.Time
}

// Waivers are those of the file, in its order.
func (c *Config) Waivers() []Waived {
	var all []Waived
	for _, w := range c.Policy.Waivers {
		// Parse has checked each.
		at, err := objectstore.ParseLocation(w.Place)
		until, bad := time.Parse(time.DateOnly, w.Until)
		if err == nil && bad == nil {
			all = append(all, Waived{Location: at, Region: w.Region, Reason: w.Reason, Owner: w.Owner, Until: until})
		}
	}
	return all
}

func (k *checker) waivers(c *Config) error {
	for i, w := range c.Policy.Waivers {
		path := fmt.Sprintf("$.policy.waivers[%d]", i)
		for _, part := range [][2]string{{"place", w.Place}, {"reason", w.Reason}, {"until", w.Until}, {"owner", w.Owner}} {
			if strings.TrimSpace(part[1]) == "" {
				return k.at(path, "waiver: %s is missing; each waiver has place, reason, until and owner", part[0])
			}
		}
		at, err := objectstore.ParseLocation(w.Place)
		if err != nil {
			return k.at(path+".place", "waiver: %v", err)
		}
		if _, ok := c.Providers[at.Provider]; !ok {
			return k.at(path+".place", "waiver: place %q: no provider is called %q", w.Place, at.Provider)
		}
		if slices.ContainsFunc(c.Policy.Waivers[:i], func(o Waiver) bool {
			return o.Place == w.Place && (o.Region == w.Region || o.Region == "" || w.Region == "")
		}) {
			return k.at(path+".place", "waiver: %s has two", at)
		}
		if _, err := time.Parse(time.DateOnly, w.Until); err != nil {
			return k.at(path+".until", "waiver: until %q is no date such as 2026-12-31", w.Until)
		}
	}
	return nil
}
