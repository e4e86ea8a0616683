package plan

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/residency/residency/inventory"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/regions"
)

// secondCopies are the regions in which the source's service keeps a copy of everything that follows
// later, sorted.
func secondCopies(place inventory.Place) []string {
	var codes []string
	for _, f := range place.Facts {
		if f.Later {
			codes = append(codes, f.Regions...)
		}
	}
	slices.Sort(codes)
	return slices.Compact(codes)
}

// facts names what the source's service does with what is erased there, and what it does not
// prove of where that is.
func (p *planner) facts(place inventory.Place, m Move) {
	for _, f := range place.Facts {
		p.factOf(f, m)
	}
}

// factOf is facts for one.
func (p *planner) factOf(f objectstore.Fact, m Move) {
	at := m.From().String()
	if f.Unproven {
		p.plan.EraseBlockers = append(p.plan.EraseBlockers, Issue{Rule: f.Rule, Location: at, Text: f.Text,
			Remedy: "give the credentials access to what tells the region, or copy with --keep-source"})
	}
	if f.Locks {
		p.plan.EraseBlockers = append(p.plan.EraseBlockers, locked(f, at, m))
	}
	if f.Expires {
		p.warn(Issue{Rule: f.Rule, Location: at, Region: m.Source.Code, Text: f.Text + "; that is not carried",
			Remedy: "set the like at the destination after the migration, if it is wanted there"})
	}
	if f.Later {
		p.warn(Issue{Rule: f.Rule, Location: at, Region: m.Source.Code,
			Text:   f.Text + "; when what is deleted goes from there too is not documented, and no listing shows it",
			Remedy: "if that is not to stay, change the account's redundancy before the erase"})
	}
	if f.Folders {
		p.warn(Issue{Rule: f.Rule, Location: at, Region: m.Source.Code,
			Text:   f.Text + "; folders, and what they and files have besides bytes and metadata, are not carried",
			Remedy: "see with the service's own tools who may read what, and set the like at the destination"})
	}
	p.copied(f, at, m)
	if f.Keeps > 0 || f.Forever {
		p.warn(Issue{Rule: f.Rule, Location: at,
			Text: f.Text + "; what is erased stays there that long, and the certificate says so",
			Remedy: "turn it off before the first deletion if nothing is to stay: a later change does not touch what is " +
				"deleted already"})
	}
}

// copied names where the source's service copies what is written there.
func (p *planner) copied(f objectstore.Fact, at string, m Move) {
	switch {
	case len(f.Buckets) == 0:
	case slices.Contains(f.Buckets, m.Destination):
		p.block(replicates(f.Text, at, m))
	default:
		p.warn(Issue{Rule: f.Rule, Location: at, Region: m.Source.Code,
			Text:   f.Text + "; those copies are not part of this plan",
			Remedy: "list them with residency inventory"})
	}
}

// facts looks where else the service keeps what is written to a move's destination.
func (p *destinationReader) facts(ctx context.Context, m *Move) error {
	factual, ok := p.Stores(p.Destination.Provider, p.Destination.Code).(objectstore.Factual)
	if !ok {
		return nil
	}
	to := p.plan.To(*m).String()
	facts, err := factual.Facts(ctx, m.Destination)
	switch {
	case errors.Is(err, objectstore.ErrDenied):
		p.block(Issue{Rule: "destination-not-read", Location: to, Region: p.plan.Destination.Code,
			Text: "where else its service keeps copies could not be read: " + err.Error(), Remedy: "grant access to read it"})
	case err != nil && !objectstore.Only(err, objectstore.ErrNotFound): // what is to be made may have facts already
		return fmt.Errorf("look at %s: %w", to, err)
	}
	if err := p.accountVersioning(ctx, *m); err != nil {
		return err
	}
	m.Also = alsoIn(facts, p.Destination.Code)
	p.plan.Blockers = append(p.plan.Blockers, Elsewhere(facts, p.Destination, to, p.Country, p.Allows)...)
	for _, f := range facts {
		p.changed(f, to)
	}
	return nil
}

// changed refuses a destination whose service would not leave the copies as they are written,
// and names where it copies them.
func (p *destinationReader) changed(f objectstore.Fact, to string) {
	i, blocks := altered(f, to, p.plan.Destination.Code)
	switch {
	case blocks:
		p.block(i)
	case len(f.Buckets) > 0:
		i.Text += "; copies are copied there too"
		i.Remedy = "see that data may be there, or turn it off"
		p.warn(i)
	}
}

// accountVersioning refuses to have histories moved to an account that keeps none: turning
// versioning on concerns all that is in it.
func (p *destinationReader) accountVersioning(ctx context.Context, m Move) error {
	store := p.Stores(p.Destination.Provider, p.Destination.Code)
	if m.Exists || !objectstore.CapabilitiesOf(store).NewBuckets.AccountVersioning {
		return nil
	}
	versioning, err := store.Versioning(ctx, m.Destination)
	switch {
	case errors.Is(err, objectstore.ErrDenied):
		p.block(Issue{Rule: "destination-not-read", Location: p.plan.To(m).String(), Text: "whether its account " +
			"keeps versions could not be read: " + err.Error(), Remedy: "grant access to read it"})
	case err != nil:
		return fmt.Errorf("versioning of %s: %w", p.plan.To(m), err)
	case versioning != objectstore.Enabled && m.Versioning != objectstore.Unversioned:
		p.block(Issue{Rule: "destination-unversioned", Location: p.plan.To(m).String(),
			Text:   "its account keeps no versions, and the source does",
			Remedy: "turn versioning on for the whole account, or choose another one in destination.accounts"})
	}
	return nil
}

// keepsVersions tells whether the destination of a source that says that it keeps no versions keeps some. One that is
// made is like its source, unless it is as its account is.
func (p *destinationReader) keepsVersions(ctx context.Context, m Move) (bool, error) {
	store := p.Stores(p.Destination.Provider, p.Destination.Code)
	if !m.Exists && !objectstore.CapabilitiesOf(store).NewBuckets.AccountVersioning {
		return false, nil
	}
	versioning, err := store.Versioning(ctx, m.Destination)
	if err != nil && !errors.Is(err, objectstore.ErrDenied) {
		return false, fmt.Errorf("versioning of %s: %w", p.plan.To(m), err)
	}
	return versioning == objectstore.Enabled, nil
}

// alsoIn are the other regions that facts name, sorted.
func alsoIn(facts []objectstore.Fact, region string) (codes []string) {
	for _, f := range facts {
		codes = append(codes, f.Regions...)
	}
	slices.Sort(codes)
	return slices.DeleteFunc(slices.Compact(codes), func(code string) bool { return code == region })
}

// Elsewhere are the blockers of a destination whose service keeps what is written to it in
// other regions too, or does not prove where it is: what is no destination by itself is none
// in this way, and what the policy does not allow is none for the customer's data.
func Elsewhere(facts []objectstore.Fact, to Region, location string, country func(provider, code string) string,
	allows func(code, country string) bool,
) (blockers []Issue) {
	for _, f := range facts {
		var refused, outside []string
		for _, code := range f.Regions {
			in := ""
			if country != nil {
				in = country(to.Provider, code)
			}
			switch {
			case code == to.Code:
				continue
			case regions.Admissible(in) == nil && (allows == nil || allows(code, in)):
				continue
			case regions.Admissible(in) == nil:
				outside = append(outside, fmt.Sprintf("%s (%s)", code, in))
				continue
			}
			if in == "" {
				in = "country unknown"
			}
			refused = append(refused, fmt.Sprintf("%s (%s)", code, in))
		}
		slices.Sort(refused)
		if len(refused) > 0 {
			blockers = append(blockers, Issue{Rule: f.Rule, Location: location, Region: to.Code,
				Text:   f.Text + "; data may not be moved to " + strings.Join(slices.Compact(refused), ", "),
				Remedy: "choose a destination that keeps no copies there, or change its redundancy"})
		}
		slices.Sort(outside)
		if len(outside) > 0 {
			blockers = append(blockers, Issue{Rule: f.Rule, Location: location, Region: to.Code,
				Text:   f.Text + "; the policy does not allow " + strings.Join(slices.Compact(outside), ", "),
				Remedy: "choose a destination that keeps no copies there, change its redundancy, or change the policy"})
		}
		if f.Unproven && !f.Declared {
			blockers = append(blockers, Issue{Rule: f.Rule, Location: location, Region: to.Code, Text: f.Text,
				Remedy: "give the credentials access to what tells the region"})
		}
	}
	return blockers
}
