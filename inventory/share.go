package inventory

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/regions"
)

// shares cuts a bucket into places by whose data they hold, most specific
// prefix first.
func (s *scan) shares(b bucket, tags []objectstore.Tag) []Place {
	var shares []Place
	add := func(customer, prefix string, by Attribution) {
		for _, p := range shares {
			if p.Prefix == prefix {
				return // an earlier, stronger attribution stands
			}
		}
		shares = append(shares, s.newPlace(b, customer, prefix, by))
	}
	for _, c := range s.Claims {
		if c.Location.Provider == b.provider.Name && c.Location.Bucket == b.name {
			add(c.Customer, c.Location.Prefix, ByConfiguration)
		}
	}
	for _, c := range s.Claims {
		// A bucket of the very same name, of another provider, may be that very bucket, or somebody's.
		if c.Location.Bucket != b.name && s.isDestination(c, b) {
			add(c.Customer, c.Location.Prefix, ByDestination)
		}
	}
	for _, t := range tags {
		if t.Key == s.TagKey && t.Value != "" {
			add(t.Value, "", ByTag)
		}
	}
	add("", "", Unattributed)
	slices.SortFunc(shares, func(a, c Place) int {
		return cmp.Or(cmp.Compare(len(c.Prefix), len(a.Prefix)), cmp.Compare(a.Prefix, c.Prefix))
	})
	for i := range shares {
		for _, inner := range shares[:i] {
			if inner.Customer != shares[i].Customer && strings.HasPrefix(inner.Prefix, shares[i].Prefix) {
				shares[i].Others = append(shares[i].Others, inner.Prefix)
			}
		}
	}
	return shares
}

// Attribute says whose a bucket is, as a scan would: its places by the configuration and by
// the tags given, most specific prefix first. It asks no service anything.
func (r Request) Attribute(provider, region, name string, tags []objectstore.Tag) []Place {
	i := slices.IndexFunc(r.Providers, func(p Provider) bool { return p.Name == provider })
	if i < 0 {
		return nil
	}
	return (&scan{Request: r}).shares(bucket{&r.Providers[i], name, region}, tags)
}

// isDestination tells whether b, of whichever provider, has the name to which the template moves a
// claimed bucket, from whatever region.
func (s *scan) isDestination(c Claim, b bucket) bool {
	if s.Destination == nil {
		return false
	}
	for _, p := range s.Providers {
		if p.Name != c.Location.Provider {
			continue
		}
		for _, from := range p.Regions {
			if s.Destination(c.Location, b.region, c.Customer, from) == b.name {
				return true
			}
		}
	}
	return s.Destination(c.Location, b.region, c.Customer, "") == b.name
}

func (s *scan) newPlace(b bucket, customer, prefix string, by Attribution) Place {
	country := b.provider.Country(b.region)
	operator := b.provider.Operator(b.region)
	p := Place{
		Customer: customer, Attribution: by, Provider: b.provider.Name, Region: b.region, Bucket: b.name, Prefix: prefix,
		Country: country, Sets: s.Catalog.Sets(country), Operator: operator.Name, OperatorIn: operator.Country,
	}
	p.Verdict = s.verdict(customer, b.region, country)
	if country != "" || b.provider.Spread == nil {
		return p
	}
	if p.Countries = b.provider.Spread(b.region); len(p.Countries) > 0 {
		p.Verdict = Within
	}
	for i, may := range p.Countries {
		if sets := s.Catalog.Sets(may); i == 0 {
			p.Sets = sets
		} else {
			p.Sets = slices.DeleteFunc(p.Sets, func(name string) bool { return !slices.Contains(sets, name) })
		}
		p.Verdict = worse(p.Verdict, s.verdict(customer, b.region, may))
	}
	return p
}

// verdict is on one region.
func (s *scan) verdict(customer, region, country string) Verdict {
	switch {
	case country == "":
		return Unknown
	case s.Policy(customer).Allows(region, country):
		return Within
	}
	return Outside
}

// wanted tells whether the request looks for this share.
func (s *scan) wanted(p Place) bool { return s.Customer == "" || p.Customer == s.Customer }

// count lists the bucket once, or only the prefixes looked for, and adds each
// entry to the most specific share that holds it.
func (s *scan) count(ctx context.Context, store Store, b bucket, shares []Place) error {
	if s.Locate {
		return nil
	}
	kept := make(map[*Place]*objectstore.Kept)
	for _, prefix := range s.listed(shares) {
		for v, err := range store.Versions(ctx, b.name, prefix, "") {
			unlistable := errors.Is(err, objectstore.ErrUnlistable)
			if err != nil && !unlistable {
				return err
			}
			s.Progress.Entries.Add(1)
			s.Progress.Bytes.Add(v.Size)
			p := holder(shares, v.Key)
			if unlistable {
				p.Unlistable++
			} else if objectstore.IsLease(v.Key) && !v.Marker {
				p.Own++
				continue
			} else if objectstore.IsProbe(v) {
				p.Probes++
			}
			if v.Marker {
				p.Markers++
				continue
			}
			p.Versions++
			p.Bytes += v.Size
			if v.Latest {
				p.Objects++
			}
		}
		if err := keptOf(ctx, store, b.name, prefix, shares, kept); err != nil {
			return err
		}
		for u, err := range store.Uploads(ctx, b.name, prefix) {
			p := holder(shares, u.Key)
			if errors.Is(err, objectstore.ErrUnlistable) {
				p.Unlistable++
			} else if err != nil {
				return err
			}
			if u.Key == objectstore.MarkKey {
				p.Own++
			} else {
				p.Uploads++
			}
		}
	}
	return nil
}

// listed returns the prefixes that cover all shares that are wanted:
// everything, or each one.
func (s *scan) listed(shares []Place) []string {
	var prefixes []string
	for _, p := range shares {
		if !s.wanted(p) {
			continue
		}
		if p.Prefix == "" {
			return []string{""}
		}
		prefixes = append(prefixes, p.Prefix)
	}
	return prefixes
}

// holder finds the share that a key belongs to. The last one, with the empty
// prefix, holds whatever no other does.
func holder(shares []Place, key string) *Place {
	for i := range shares {
		if strings.HasPrefix(key, shares[i].Prefix) {
			return &shares[i]
		}
	}
	return &shares[len(shares)-1]
}

// finish orders the answer and draws its conclusions.
func (s *scan) finish(buckets []bucket) {
	inv := s.inventory
	slices.SortFunc(inv.Places, func(a, b Place) int {
		// What belongs to nobody comes last.
		return cmp.Or(boolean(a.Customer == "", b.Customer == ""), cmp.Compare(a.Customer, b.Customer),
			cmp.Compare(a.Provider, b.Provider),
			cmp.Compare(a.Region, b.Region), cmp.Compare(a.Bucket, b.Bucket), cmp.Compare(a.Prefix, b.Prefix))
	})
	slices.SortFunc(inv.Coverage, func(a, b Coverage) int {
		return cmp.Or(boolean(a.Kind != "", b.Kind != ""), cmp.Compare(a.Provider, b.Provider),
			cmp.Compare(a.Region, b.Region), cmp.Compare(a.Bucket, b.Bucket))
	})
	slices.Sort(s.names)
	inv.Names = slices.Compact(s.names)
	inv.Complete = true
	for _, c := range inv.Coverage {
		if c.Open() {
			inv.Complete = false
			where := c.Provider + " " + c.Region
			if c.Kind != "" {
				where = c.Provider
			}
			if c.Bucket != "" {
				where = c.Provider + ":" + c.Bucket
			}
			s.add(Finding{Rule: "not-looked-at", Severity: Error, Location: where, Region: c.Region,
				Text: c.Reason + hint(c)})
		}
	}
	for _, p := range inv.Places {
		if !p.Empty {
			s.judge(p)
		}
	}
	s.near()
	s.missing(buckets)
	if within := !s.outside; !within || inv.Complete && !s.unclear {
		inv.Compliance = &within
	}
	inv.Unclear = s.unclear
	s.waive()
	s.twice()
	s.expose()
	slices.SortStableFunc(inv.Findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(rank(a.Severity), rank(b.Severity)), cmp.Compare(a.Customer, b.Customer),
			cmp.Compare(a.Location, b.Location), cmp.Compare(a.Region, b.Region), cmp.Compare(a.Rule, b.Rule))
	})
	if s.Catalog.Stale(s.Now) {
		s.add(Finding{Rule: "catalog-stale", Severity: Warning,
			Text: fmt.Sprintf("the data on regions and law is from %s, more than six months ago",
				s.Catalog.AsOfMonth())})
	}
}

// hint is what to do about a kind of storage, for which there is nobody to ask.
func hint(c Coverage) string {
	if c.Kind == "" || c.Remedy == "" {
		return ""
	}
	return "; " + c.Remedy
}

func boolean(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	default:
		return 1
	}
}

func rank(s Severity) int { return slices.Index([]Severity{Violation, Error, Warning, Note}, s) }

func (s *scan) judge(p Place) {
	at := p.Location().String()
	s.outside = s.outside || p.Verdict != Within && p.Region != ""
	switch s.itself(p) {
	case Outside:
		s.add(Finding{Rule: "outside-policy", Severity: Violation, Customer: p.Customer, Location: at, Region: p.Region,
			Text: fmt.Sprintf("in %s (%s); the policy allows %s", p.Region, p.Where(), s.Policy(p.Customer))})
	case Unknown:
		if p.Region == "" {
			break // nobody could ask; it is not looked at, and that is said
		}
		s.add(Finding{Rule: "country-unknown", Severity: Violation, Customer: p.Customer, Location: at, Region: p.Region,
			Text: fmt.Sprintf("the country of region %s is not known; give it as country in the configuration", p.Region)})
	case Within:
	}
	s.judgeAlso(p)
	if p.Uploads > 0 {
		s.add(Finding{Rule: "unfinished-uploads", Severity: Warning, Customer: p.Customer, Location: at, Region: p.Region,
			Text: fmt.Sprintf("unfinished multipart uploads (%d) hold bytes that no object listing shows", p.Uploads)})
	}
	if p.Kept > 0 {
		s.add(Finding{Rule: "deleted-and-kept", Severity: Warning, Customer: p.Customer, Location: at, Region: p.Region,
			Text: fmt.Sprintf("entries that were deleted (%d, %d bytes) are kept by the service%s", p.Kept, p.KeptBytes,
				until(p.KeptUntil))})
	}
	if p.Unlistable > 0 {
		s.add(Finding{Rule: "unlistable-keys", Severity: Warning, Customer: p.Customer, Location: at, Region: p.Region,
			Text: fmt.Sprintf("the server cannot list entries or unfinished uploads here (%d) under their own keys: it writes "+
				"U+FFFD for what its listings cannot represent; they cannot be moved, and are counted where they seem to belong",
				p.Unlistable)})
	}
	if p.Own > 0 {
		s.add(Finding{Rule: "residency-own", Severity: Note, Customer: p.Customer, Location: at, Region: p.Region,
			Text: fmt.Sprintf("residency's own reservations (%d) mark this as the destination of a migration that has not "+
				"ended; they are not counted", p.Own)})
	}
	if p.Probes > 0 {
		s.add(Finding{Rule: "residency-own", Severity: Note, Customer: p.Customer, Location: at, Region: p.Region,
			Text: fmt.Sprintf("probes that a killed run of residency left behind (%d) are counted like any object", p.Probes)})
	}
	if p.Prefix != "" && !strings.HasSuffix(p.Prefix, "/") {
		s.add(Finding{Rule: "open-prefix", Severity: Warning, Customer: p.Customer, Location: at, Region: p.Region,
			Text: "the prefix does not end in /, so it also matches keys that merely begin with it"})
	}
	if p.Customer != "" && p.Versioning == objectstore.Suspended {
		s.add(Finding{Rule: "versioning-suspended", Severity: Note, Customer: p.Customer, Location: at, Region: p.Region,
			Text: "versioning is suspended: new writes replace the version with ID null"})
	}
}

// missing names configured locations whose bucket was not found where all
// could be looked at; a typo must not read as "nothing there".
func (s *scan) missing(buckets []bucket) {
	for _, c := range s.Claims {
		if s.Customer != "" && c.Customer != s.Customer {
			continue
		}
		if slices.ContainsFunc(buckets, func(b bucket) bool {
			return b.provider.Name == c.Location.Provider &&
				b.name == c.Location.Bucket
		}) {
			continue
		}
		if s.unseen(c.Location) {
			continue // which is said
		}
		s.unclear = true
		s.add(Finding{Rule: MissingRule, Severity: Error, Customer: c.Customer, Location: c.Location.String(),
			Text: "the configuration names this location, but no bucket of that name was found; correct it, or take it out"})
	}
}

// unseen tells whether a bucket may be where nobody could look.
func (s *scan) unseen(at objectstore.Location) bool {
	return slices.ContainsFunc(s.inventory.Coverage, func(c Coverage) bool {
		return !c.Looked && c.Kind == "" && c.Provider == at.Provider && (c.Bucket == "" || c.Bucket == at.Bucket)
	})
}

// expose collects the laws that reach the places, and the safeguards, each once.
func (s *scan) expose() {
	for _, p := range s.inventory.Places {
		if !s.inventory.exposed(p) {
			continue
		}
		for _, r := range p.regions() {
			operator := s.operator(p.Provider, r.Code)
			reach, safeguards := Exposures(s.Catalog, r.Country, operator)
			if known, ok := s.spread(p.Provider, r); ok {
				reach, safeguards = spreadExposures(s.Catalog, known, operator)
			}
			s.inventory.Exposures = merge(s.inventory.Exposures, reach, p.Location().String())
			s.inventory.Safeguards = merge(s.inventory.Safeguards, safeguards, p.Location().String())
		}
	}
}

// spread is what the catalog has of a region that spans countries, or whose country is not told.
func (s *scan) spread(provider string, r Region) (known regions.Region, ok bool) {
	i := slices.IndexFunc(s.Providers, func(p Provider) bool { return p.Name == provider })
	if i < 0 || s.Providers[i].Listed == nil || r.Country != "" {
		return regions.Region{}, false
	}
	known, ok = s.Providers[i].Listed(r.Code)
	return known, ok && (known.Within != "" || len(known.Countries) > 0)
}

// merge adds what reaches one more place.
func merge(list, more []Exposure, at string) []Exposure {
	for _, e := range more {
		i := slices.IndexFunc(list, func(o Exposure) bool {
			return o.Axis == e.Axis && o.Group == e.Group && o.Law == e.Law && o.Through == e.Through && o.Detail == e.Detail
		})
		if i < 0 {
			i = len(list)
			list = append(list, e)
		}
		if !slices.Contains(list[i].Locations, at) {
			list[i].Locations = append(list[i].Locations, at)
		}
	}
	return list
}

func (s *scan) operator(provider, region string) regions.Operator {
	for i := range s.Providers {
		if s.Providers[i].Name == provider {
			return s.Providers[i].Operator(region)
		}
	}
	return regions.Operator{}
}
