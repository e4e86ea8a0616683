package inventory

import (
	"slices"

	"github.com/residency/residency/inventory/objectstore"
)

// Where is a finding's location for people, with its region where two regions of its
// provider have a bucket of that name.
func (inv *Inventory) Where(f Finding) string {
	at, err := objectstore.ParseLocation(f.Location)
	if err != nil || f.Region == "" {
		return f.Location
	}
	other := func(p Place) bool {
		return p.Provider == at.Provider && p.Bucket == at.Bucket && p.Region != f.Region
	}
	if !slices.ContainsFunc(inv.Places, other) {
		return f.Location
	}
	return f.Location + " (" + f.Region + ")"
}
