package azurestore

import "github.com/residency/residency/inventory/objectstore"

// Classes implements objectstore.Classed (Azure Storage documentation, "Access tiers for blob
// data").
func (s *Store) Classes() objectstore.Classes {
	return objectstore.Classes{"Hot", "Cool", "Cold", "Archive"}
}
