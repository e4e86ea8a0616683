package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/residency/residency/inventory"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/regions"
)

// A state within what a plan moves, or where it goes, would be moved with it, and
// each run would find its own files new.

// checkStateBeforePlanning refuses to plan where the state is in the way, by its name and its providers'
// endpoints. A plan would be written to it.
func (w *session) checkStateBeforePlanning(customer string, inv *inventory.Inventory, d regions.Place) error {
	at := w.stateKeys()
	if at == nil {
		return nil
	}
	for _, place := range inv.Places {
		if _, moves := w.scope.Moves(place, inv.Policy); !moves {
			continue
		}
		if place.Customer != customer || place.Provider == d.Provider && place.Region == d.Code {
			continue
		}
		from := objectstore.Location{Provider: place.Provider, Bucket: place.Bucket, Prefix: place.Prefix}
		to := from
		to.Provider, to.Bucket = d.Provider, w.config.BucketName(from, d.Code, customer, place.Region)
		for _, end := range ends(from, to) {
			if w.same(at.Provider, end.at.Provider) && through(*at, end.at.Provider).Overlaps(end.at) {
				return w.stateInTheWay(end)
			}
		}
	}
	return nil
}

// checkState refuses to run a plan where the state is in the way, by its name or
// because the plan itself shows there: names and addresses can differ for one
// bucket.
func (w *session) checkState(ctx context.Context, p *plan.Plan) error {
	at := w.stateKeys()
	if at == nil {
		return nil
	}
	for _, m := range p.Moves {
		for i, end := range ends(m.From(), p.To(m)) {
			region := []string{m.Source.Code, p.Destination.Code}[i]
			if !through(*at, end.at.Provider).Overlaps(end.at) {
				continue
			}
			if !w.same(at.Provider, end.at.Provider) {
				shows, err := shown(ctx, w.stores(end.at.Provider, region), end.at.Bucket, at.Prefix+p.ID+"/")
				if err != nil {
					return fmt.Errorf("look for the state in %s: %w", end.at, err)
				}
				if !shows {
					continue
				}
			}
			return w.stateInTheWay(end)
		}
	}
	return nil
}

// through is a location as it would be called if another provider had it.
func through(at objectstore.Location, provider string) objectstore.Location {
	at.Provider = provider
	return at
}

// shown tells whether a bucket has an entry under a prefix.
func shown(ctx context.Context, store objectstore.Store, bucket, prefix string) (bool, error) {
	for _, err := range store.Versions(ctx, bucket, prefix, "") {
		if errors.Is(err, objectstore.ErrNotFound) {
			return false, nil
		}
		return err == nil, err
	}
	return false, nil
}

// stateKeys are those under which the state lies; nil if it is a directory.
func (w *session) stateKeys() *objectstore.Location {
	if w.stateAt == nil {
		return nil
	}
	at := *w.stateAt
	if at.Prefix != "" && !strings.HasSuffix(at.Prefix, "/") {
		at.Prefix += "/"
	}
	return &at
}

// end is one of a move's two, and what is to become of it.
type end struct {
	at   objectstore.Location
	role string
}

func ends(from, to objectstore.Location) []end {
	return []end{{from, "which is to be moved"}, {to, "where data is to be written"}}
}

func (w *session) stateInTheWay(e end) error {
	lies := "lies within"
	if len(w.stateKeys().Prefix) < len(e.at.Prefix) {
		lies = "lies around"
	}
	return &refusedError{err: fmt.Errorf("state %s %s %s, %s; nothing was changed", w.stateAt, lies, e.at, e.role),
		remedy: "keep the state in a directory, or in a bucket that no plan moves or writes to (--state); a state " +
			"that has plans can be copied there as a whole"}
}
