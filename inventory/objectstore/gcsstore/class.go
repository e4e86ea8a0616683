package gcsstore

import "github.com/residency/residency/inventory/objectstore"

// Classes implements objectstore.Classed (Cloud Storage documentation, "Storage classes").
func (s *Store) Classes() objectstore.Classes {
	return objectstore.Classes{"STANDARD", "NEARLINE", "COLDLINE", "ARCHIVE"}
}
