package plan

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/copier"
	"github.com/residency/residency/migrate/manifest"
)

// destinationListing walks the destination's listing alongside the source's.
type destinationListing struct {
	next func() ([]objectstore.Version, error, bool)
	stop func()
	held []objectstore.Version
	more bool
	err  error
	// opaque tells that ETags of copies may differ from their sources'.
	opaque bool
	// trailing tells that the destination can have no other delete markers than those on top.
	trailing bool
	// replicas is how many entries of the key that was compared last have the
	// version ID of the source's.
	replicas int
}

// openDestination opens the destination's listing; it is empty where there is no bucket
// yet. A bucket that is elsewhere, or somebody else's, is a blocker.
func (p *destinationReader) openDestination(ctx context.Context, m *Move) (*destinationListing, error) {
	empty := &destinationListing{next: func() ([]objectstore.Version, error, bool) { return nil, nil, false },
		stop: func() {}}
	store := p.Stores(p.Destination.Provider, p.Destination.Code)
	at := p.plan.To(*m).String()
	region, err := store.BucketRegion(ctx, m.Destination)
	switch {
	case errors.Is(err, objectstore.ErrNotFound):
		return empty, nil
	case errors.Is(err, objectstore.ErrOwner):
		p.block(Issue{Rule: "destination-owner", Location: at, Region: p.plan.Destination.Code, Text: err.Error(),
			Remedy: "set destination.bucket in the configuration; or, if you mean that account, name it as the provider's " +
				"account"})
		return empty, nil
	case errors.Is(err, objectstore.ErrDenied):
		p.block(Issue{Rule: "destination-denied", Location: at, Region: p.plan.Destination.Code,
			Text:   "a bucket of this name exists and denies access; it may be somebody else's",
			Remedy: "set destination.bucket in the configuration"})
		return empty, nil
	case err != nil:
		return nil, fmt.Errorf("look at %s: %w", at, err)
	}
	if region != "" && region != p.Destination.Code {
		p.block(Issue{Rule: "destination-elsewhere", Location: at, Region: region,
			Text: fmt.Sprintf("the bucket exists in %s, not in %s",
				region, p.Destination.Code), Remedy: "set destination.bucket in the configuration"})
		return empty, nil
	}
	m.Exists = true
	next, stop := iter.Pull2(objectstore.Histories(Listable(store.Versions(ctx, m.Destination, m.Prefix, ""))))
	b := &destinationListing{next: next, stop: stop, opaque: p.KMSKey != "" || p.CustomerKeys,
		trailing: objectstore.CapabilitiesOf(store).TrailingMarkers}
	b.held, b.err, b.more = next()
	return b, nil
}

// beside is what the destination holds of a key already.
type beside struct {
	held    int  // of its entries, from the oldest
	reach   int  // how far into the history these reach
	beneath int  // older entries beneath
	fits    bool // what it holds can be the beginning of this history
}

// compare tells what the destination holds of a history, oldest first.
func (b *destinationListing) compare(entries []manifest.Entry) (beside, error) {
	key := string(entries[0].Key)
	b.replicas = 0
	for b.err == nil && b.more && b.held[0].Key < key {
		b.held, b.err, b.more = b.next()
	}
	if b.err != nil {
		return beside{}, b.err
	}
	if !b.more || b.held[0].Key != key {
		return beside{fits: true}, nil
	}
	written, places := copier.Written(entries, b.trailing)
	there, deleted := copier.Uncovered(written, b.held)
	if len(written) == 0 {
		return beside{beneath: len(b.held), fits: deleted}, nil
	}
	if deleted && !copier.Deletable(len(there), places, 0) {
		return beside{}, nil // somebody has deleted it there, and not at the source
	}
	there, beneath := copier.Align(written, there)
	if len(there) > len(written) {
		return beside{}, nil
	}
	for i, v := range there {
		if !copier.Like(written[i], v, b.opaque) {
			return beside{}, nil
		}
		if Numbered(v.VersionID) && v.VersionID == written[i].VersionID {
			b.replicas++
		}
	}
	held := beside{held: len(there), reach: len(there), beneath: beneath, fits: true}
	if held.held > 0 && places != nil {
		held.reach = places[held.held-1] + 1
	}
	return held, nil
}
