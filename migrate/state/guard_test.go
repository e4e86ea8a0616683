package state_test

import (
	"context"
	"errors"
	"testing"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/memstore"
	"github.com/residency/residency/migrate/state"
)

// interrupted lets something happen before its first write.
type interrupted struct {
	objectstore.Store
	first func()
}

func (s *interrupted) Put(ctx context.Context, o objectstore.NewObject, body objectstore.Body) (
	objectstore.Written, error) {
	if first := s.first; first != nil {
		s.first = nil
		first()
	}
	return s.Store.Put(ctx, o, body)
}

// Whether a service compares ETags or version IDs: of two runs that find the same lease
// free, one has it.
func TestLeaseIsTakenOnce(t *testing.T) {
	for _, byID := range []bool{false, true} {
		c := newClock()
		service := memstore.New(memstore.Options{Endpoint: "m", Now: c.Now, Traits: memstore.Traits{GuardsByID: byID}})
		store := service.Region("eu-west-1")
		if err := store.CreateBucket(t.Context(), "ci-state", false); err != nil {
			t.Fatal(err)
		}
		if err := store.SetVersioning(t.Context(), "ci-state", objectstore.Enabled); err != nil {
			t.Fatal(err)
		}
		open := func(holder string, store objectstore.Store) *state.Bucket {
			b := state.NewBucket(store, objectstore.Location{Provider: "cloud", Bucket: "ci-state"}, holder)
			b.Now, b.After = c.Now, newWaiter().after
			return b
		}
		if _, release, err := open("earlier", store).Lease(t.Context(), "p"); err != nil {
			t.Fatal(err)
		} else if err := release(); err != nil {
			t.Fatalf("by ID %t: release: %v", byID, err)
		}
		release := func() error { return errors.New("the quicker run has no lease") }
		slow := &interrupted{Store: store, first: func() {
			var err error
			if _, release, err = open("quicker", store).Lease(t.Context(), "p"); err != nil {
				t.Error(err)
			}
		}}
		if _, _, err := open("slower", slow).Lease(t.Context(), "p"); !errors.Is(err, state.ErrLeased) {
			t.Errorf("by ID %t: the slower run: %v, want ErrLeased", byID, err)
		}
		if err := release(); err != nil {
			t.Errorf("by ID %t: %v", byID, err)
		}
	}
}
