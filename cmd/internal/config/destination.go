package config

import (
	"strings"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/kind"
)

// BucketName is what the destination of a location is called in a region: what the
// configuration says of that location, or else what its template makes. A bucket that
// has its name from the template already does not get it twice.
func (c *Config) BucketName(at objectstore.Location, region, customer, sourceRegion string) string {
	if name, ok := c.Destination.Map[at.String()]; ok {
		return name
	}
	name := at.Bucket
	if c.Providers[at.Provider].Cloud() == azure {
		account, container, _ := strings.Cut(name, ".")
		// $web and its like are the service's own names.
		if name = strings.TrimPrefix(container, "$"); c.Destination.Accounts[region] == "" {
			name = account + "-" + name // which is one name elsewhere, without a dot
		}
	}
	name = c.fill(c.base(name, customer, sourceRegion), region, customer, sourceRegion)
	if account := c.Destination.Accounts[region]; account != "" {
		return account + "." + contained(name)
	}
	return name
}

const azure = "azure" // in the catalog

// contained is a name as a container of Azure's can have it: without dots and underscores.
func contained(name string) string { return strings.NewReplacer(".", "-", "_", "-").Replace(name) }

// Asked is what encryption writes ask for; empty: none.
func (d Destination) Asked() string {
	if d.Encryption == BucketDefault {
		return ""
	}
	return d.Encryption
}

func (c *Config) fill(bucket, region, customer, sourceRegion string) string {
	return strings.NewReplacer("{bucket}", bucket, "{region}", region, "{customer}", customer, "{source_region}",
		sourceRegion).Replace(c.Destination.Bucket)
}

// base is the name from which the template has made a bucket's in its own region, or
// the name itself. Where it was before, which a template can ask for, is not known.
func (c *Config) base(bucket, customer, region string) string {
	before, after, once := strings.Cut(c.Destination.Bucket, "{bucket}")
	if !once || region == "" || strings.Contains(after, "{bucket}") || strings.Contains(c.Destination.Bucket,
		"{source_region}") || !strings.Contains(c.Destination.Bucket, "{region}") {
		return bucket
	}
	fixed := strings.NewReplacer("{region}", region, "{customer}", customer)
	name, begins := strings.CutPrefix(bucket, fixed.Replace(before))
	name, ends := strings.CutSuffix(name, fixed.Replace(after))
	if !begins || !ends || objectstore.CheckAnyBucketName(name) != nil {
		return bucket
	}
	return name
}

// mapping holds the names that the configuration gives to single locations against
// the rules of names.
func (k *checker) mapping(c *Config) error {
	for _, text := range sorted(c.Destination.Map) {
		at, err := objectstore.ParseLocation(text)
		if err != nil {
			return k.at("$.destination.map", "destination map: %v", err)
		}
		if err := k.bucket(c, at); err != nil {
			return k.at("$.destination.map", "destination map: location %q: %v", text, err)
		}
		if err := objectstore.CheckAnyBucketName(c.Destination.Map[text]); err != nil {
			return k.at("$.destination.map", "destination map: %s: %v", text, err)
		}
	}
	for _, code := range sorted(c.Destination.Accounts) {
		account := c.Destination.Accounts[code]
		is, _ := kind.Of(azure)
		if _, ok := k.catalog.Lookup(azure, code); !ok {
			return k.at("$.destination.accounts", "destination accounts: %q is no region of Azure", code)
		}
		if is.CheckBucket(account+".container") != nil {
			return k.at("$.destination.accounts", "destination accounts: %q is no storage account's name: 3 to 24 of "+
				"a-z and 0-9",
				account)
		}
	}
	return nil
}
