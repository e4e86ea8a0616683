package azurestore

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/residency/residency/inventory/objectstore"
)

const (
	// deletedAccountDays is for how long a deleted account can be had back ("Recover a deleted
	// storage account").
	deletedAccountDays = 14
	// unknownRegion stands where there is a region and nobody names it. No catalog has it, so
	// that no policy takes it for allowed.
	unknownRegion = "unknown"
)

// Facts implements objectstore.Factual. What Resource Manager says is remembered for a minute
// and no longer, because a failover or a change of redundancy changes where the bytes are.
func (s *Store) Facts(ctx context.Context, bucket string) ([]objectstore.Fact, error) {
	f, err := s.facts(ctx, bucket)
	if err != nil || f.manager == nil {
		return f.found, err
	}
	err = together(f.ofAccount(ctx), f.ofService(ctx), f.ofContainer(ctx), f.ofReplication(ctx), f.ofLifecycle(ctx),
		f.ofDeleted(ctx))
	return f.found, err
}

// PlaceFacts implements objectstore.Placed, by what the account says of itself.
func (s *Store) PlaceFacts(ctx context.Context, bucket string) ([]objectstore.Fact, error) {
	f, err := s.facts(ctx, bucket)
	if err != nil || f.manager == nil {
		return f.found, err
	}
	err = f.ofAccount(ctx)
	return f.found, err
}

// ReplicationFacts implements objectstore.Replicating.
func (s *Store) ReplicationFacts(ctx context.Context, bucket string) ([]objectstore.Fact, error) {
	f, err := s.facts(ctx, bucket)
	if err != nil || f.manager == nil {
		return nil, err // what is not proven PlaceFacts tells
	}
	err = f.ofReplication(ctx)
	return f.found, err
}

// facts begins to gather those of a bucket. Without a manager there is nothing more to ask.
func (s *Store) facts(ctx context.Context, bucket string) (f facts, err error) {
	a, container, err := s.bucket(ctx, getAccount, bucket)
	if err != nil {
		return f, err
	}
	if !a.proven() {
		f.found = []objectstore.Fact{{Rule: "region-not-proven", Unproven: true,
			Declared: s.provider.endpoint != nil, Text: "that account " + a.name + " is in " +
				a.region + " is the configuration's word, because Azure Resource Manager could not be asked; whether " +
				"another region has a copy is not known"}}
		return f, nil
	}
	known, err := s.provider.accounts(ctx)
	if err != nil {
		return f, err
	}
	return facts{manager: s.provider.arm, known: known, account: a, container: container, bucket: bucket}, nil
}

// facts gathers those of one bucket.
type facts struct {
	*manager
	known             map[string]*account
	account           *account
	container, bucket string
	found             []objectstore.Fact
}

func (f *facts) add(rule, format string, args ...any) *objectstore.Fact {
	f.found = append(f.found, objectstore.Fact{Rule: rule, Text: fmt.Sprintf(format, args...)})
	return &f.found[len(f.found)-1]
}

// propertiesOf are an account's.
func (m *manager) propertiesOf(ctx context.Context, a *account, bucket string) (armAccount, error) {
	return a.properties.get(ctx, m.send.now, func() (v armAccount, _ time.Duration, err error) {
		err = m.get(ctx, m.call(getAccount, http.MethodGet, a.id, bucket, readAccounts), &v)
		return v, memoTime, err
	})
}

// ofAccount tells of redundancy, failovers and keys ("Azure Storage redundancy"; "Storage
// Accounts - Get Properties").
func (f *facts) ofAccount(ctx context.Context) error {
	a, err := f.propertiesOf(ctx, f.account, f.bucket)
	if err != nil {
		return err
	}
	p := &a.Properties
	f.add("redundancy", "the account is %s (%s)", a.SKU.Name, a.Kind)
	if second := regionCode(p.SecondaryLocation); second != "" {
		also := f.add("secondary-copy", "the service keeps a second copy of everything in %s", second)
		also.Regions, also.Later = []string{second}, true
	} else if geo(a.SKU.Name) {
		// Redundancy that reaches another region, of which the answer does not name the region.
		also := f.add("secondary-copy", "the service keeps a second copy in another region (%s), which it does not name",
			a.SKU.Name)
		also.Regions, also.Later = []string{unknownRegion}, true
	}
	if place := a.place(); place != f.account.region {
		f.add("failed-over", "the account is in %s now, and was in %s before", place, f.account.region).Regions =
			[]string{place}
	}
	if p.LastGeoFailoverTime != "" {
		f.add("failed-over", "the account failed over to its second region at %s", date(p.LastGeoFailoverTime))
	}
	if p.FailoverInProgress {
		f.add("failover-in-progress", "the account is failing over to its second region now")
	}
	if p.AccountMigrationInProgress || p.SKUConversion.Status == "InProgress" {
		f.add("migration-in-progress", "the service is moving the account to another redundancy %s", p.SKUConversion.Target)
	}
	if p.IsHnsEnabled {
		f.add("hierarchical-namespace", "the account has a hierarchical namespace: names are paths, listed by folder, and "+
			"files and folders have owners and access control lists").Folders = true
	}
	if strings.EqualFold(p.Encryption.KeySource, "Microsoft.Keyvault") {
		f.add("customer-key-vault", "the key of the account's encryption lies in the key vault %s",
			shownHost(p.Encryption.KeyVaultProperties.KeyVaultURI))
	}
	if i := p.ImmutableStorageWithVersioning; i.Enabled {
		f.add("immutability", "the account can lock versions (version-level immutability)")
		// Containers take it over ("Storage Accounts - Get Properties", ImmutableStorageAccount).
		if d := i.ImmutabilityPolicy; d.State != "" && !strings.EqualFold(d.State, "Disabled") {
			f.add("immutability", "the account has a default policy (%s) that keeps each new version for %d days",
				strings.ToLower(d.State), d.Days).Locks = true
		}
	}
	return nil
}

// geo tells whether an account's redundancy reaches another region: GRS, GZRS and what can be
// read there.
func geo(sku string) bool {
	return strings.Contains(sku, "GRS") || strings.Contains(sku, "GZRS")
}

// ofService tells what outlives a deletion ("Soft delete for blobs", "Soft delete for containers",
// "Point-in-time restore for block blobs", "Change feed support").
func (f *facts) ofService(ctx context.Context) error {
	s, err := f.service(ctx, f.account, f.bucket)
	if err != nil {
		return err
	}
	p := &s.Properties
	if p.IsVersioningEnabled {
		f.add("versioning", "the account keeps versions")
	}
	if r := p.DeleteRetentionPolicy; r.Enabled {
		f.add("soft-delete", "what is deleted is kept for %d days", r.Days).Keeps = r.keeps()
		if r.AllowPermanentDelete {
			f.add("permanent-delete", "deleted versions and snapshots can be removed before that")
		}
	}
	if r := p.ContainerDeleteRetentionPolicy; r.Enabled {
		f.add("container-soft-delete", "a deleted container is kept for %d days", r.Days).Keeps = r.keeps()
	}
	if r := p.RestorePolicy; r.Enabled {
		f.add("point-in-time-restore", "the account can be put back to any time of the last %d days", r.Days).Keeps =
			r.keeps()
	}
	if feed := p.ChangeFeed; feed.Enabled {
		f.add("change-feed", "the account keeps a record of names that were written and deleted, in $blobchangefeed, %s",
			days(feed.Days))
	}
	return nil
}

// ofContainer tells of locks ("Blob Containers - Get"). A policy of a container that can lock
// versions is the one that new versions get ("Immutable storage for version-level scope").
func (f *facts) ofContainer(ctx context.Context) error {
	var container armContainer
	id := f.account.id + servicePath + "/containers/" + f.container
	c := f.call(getContainer, http.MethodGet, id, f.bucket, readContainers)
	if err := f.get(ctx, c, &container); err != nil {
		return err
	}
	p := &container.Properties
	if p.HasLegalHold {
		f.add("immutability", "the container is under a legal hold").Locks = true
	}
	if p.HasImmutabilityPolicy {
		policy := p.ImmutabilityPolicy.Properties
		f.add("immutability", "the container has a policy (%s) that keeps each blob for %d days from its creation",
			strings.ToLower(policy.State), policy.Days).Locks = true
	}
	if p.ImmutableStorageWithVersioning.Enabled {
		f.add("immutability", "the container can lock versions (version-level immutability)")
	}
	return nil
}

// ofReplication tells where else the service copies blobs to ("Object replication for block
// blobs").
func (f *facts) ofReplication(ctx context.Context) error {
	all, err := f.account.replication.get(ctx, f.send.now, func() (all []armReplication, _ time.Duration, _ error) {
		c := f.call(listReplication, http.MethodGet, f.account.id+"/objectReplicationPolicies", f.bucket, readReplication)
		err := list(ctx, f.manager, c, func(r armReplication) { all = append(all, r) })
		return all, memoTime, err
	})
	for i := range all {
		p := &all[i].Properties
		if accountName(p.SourceAccount) != f.account.name {
			continue
		}
		for _, rule := range p.Rules {
			if rule.SourceContainer == f.container {
				other := accountName(p.DestinationAccount)
				bucket, region := other+"."+rule.DestinationContainer, f.regionOf(other)
				fact := f.add("object-replication", "the service copies what is written here to %s, in %s", bucket, region)
				fact.Regions, fact.Buckets = []string{region}, []string{bucket}
			}
		}
	}
	return err
}

// regionOf is where another account is. Those of other subscriptions are not known.
func (f *facts) regionOf(name string) string {
	if a := f.known[name]; a != nil {
		return a.region
	}
	return unknownRegion
}

// accountName is the last part of an account's ID, which older policies have in its place.
func accountName(id string) string { return id[strings.LastIndex(id, "/")+1:] }

// ofDeleted tells of accounts of the same region that are deleted and can be had back.
func (f *facts) ofDeleted(ctx context.Context) error {
	all, err := f.deleted.get(ctx, f.send.now, func() (all []armDeleted, _ time.Duration, _ error) {
		c := f.call(listDeleted, http.MethodGet, f.id("/deletedAccounts"), f.bucket, readDeleted)
		err := list(ctx, f.manager, c, func(d armDeleted) { all = append(all, d) })
		return all, memoTime, err
	})
	for i := range all {
		d := &all[i]
		if regionCode(d.Properties.Location) == f.account.region {
			f.add("deleted-account", "account %s in %s was deleted at %s and can be had back for %d days", d.Name,
				f.account.region, date(d.Properties.DeletionTime), deletedAccountDays)
		}
	}
	return err
}

// days tells how long something is kept; 0 days is without end.
func days(n int) string {
	if n == 0 {
		return "without an end"
	}
	return fmt.Sprintf("for %d days", n)
}

// date shows a time of Resource Manager's.
func date(text string) string {
	if t := created(text); !t.IsZero() {
		return t.Format(time.DateTime) + " UTC"
	}
	return "a time that is not told"
}

// shownHost is the host of an address, for texts.
func shownHost(address string) string {
	host := strings.TrimPrefix(address, "https://")
	host, _, _ = strings.Cut(host, "/")
	return host
}
