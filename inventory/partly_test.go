package inventory_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/residency/residency/inventory"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/memstore"
	"github.com/residency/residency/regions"
)

// partly is a service some of whose buckets cannot be listed.
type partly struct{ *memstore.Store }

func (p partly) Buckets(ctx context.Context) ([]objectstore.Bucket, error) {
	found, err := p.Store.Buckets(ctx)
	return found, errors.Join(err, &objectstore.Error{Op: "List", Bucket: "blob:other", Code: "Closed", Status: 409,
		Kind: objectstore.ErrRejected})
}

// What was found is looked at, and what was not is said.
func TestPartlyListed(t *testing.T) {
	catalog, err := regions.Load()
	if err != nil {
		t.Fatal(err)
	}
	store := memstore.New(memstore.Options{Endpoint: "blob", Now: time.Now}).Region("westeurope")
	if err := store.CreateBucket(t.Context(), "found", false); err != nil {
		t.Fatal(err)
	}
	policy, err := regions.NewPolicy(catalog, []string{"EU"})
	if err != nil {
		t.Fatal(err)
	}
	got, err := inventory.Scan(t.Context(), inventory.Request{Catalog: catalog, Now: time.Now(),
		Policy: func(string) regions.Policy { return policy },
		Claims: []inventory.Claim{{Customer: "acme", Location: objectstore.Location{Provider: "blob", Bucket: "found"}}},
		Providers: []inventory.Provider{{Name: "blob", Global: true,
			Region:   func(string) inventory.Store { return partly{store} },
			Country:  func(string) string { return "NL" },
			Operator: func(string) regions.Operator { return regions.Operator{} },
			Origin:   func(string) string { return "blob" }}}})
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Places) != 1 || got.Places[0].Bucket != "found" {
		t.Errorf("places %+v", got.Places)
	}
	if len(got.Coverage) != 1 || got.Coverage[0].Looked || got.Coverage[0].Reason == "" || got.Complete {
		t.Errorf("coverage %+v, complete is %t", got.Coverage, got.Complete)
	}
}
