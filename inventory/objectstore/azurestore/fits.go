package azurestore

import (
	"net/http"

	"github.com/residency/residency/inventory/objectstore"
)

// CheckObject implements objectstore.ObjectChecker: what Put would refuse before it sends
// anything.
func (s *Store) CheckObject(o objectstore.NewObject) error {
	return s.attributes(make(http.Header), &o)
}
