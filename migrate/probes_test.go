package migrate_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/memstore"
	"github.com/residency/residency/migrate"
)

// doubtful is a store that does not say whether its copies have all that the original has.
type doubtful struct{ objectstore.Store }

func (d doubtful) Capabilities() objectstore.Capabilities {
	c := objectstore.CapabilitiesOf(d.Store)
	c.CarriesAttributes = false
	return c
}

// A service that deletes in two steps can be too busy between them. Whichever deletion of a
// probe, a mark or an original that meets, the run goes on by itself.
func TestDeletionsThatEndHalfway(t *testing.T) {
	for _, within := range []bool{false, true} {
		met := true
		for at := 1; met; at++ {
			a := newAgain(t)
			if within {
				a.to = a.from
			}
			var n atomic.Int64
			for _, s := range []*memstore.Service{a.from, a.to} {
				s.Traits.TrailingMarkers, s.Traits.TwoSteps, s.Traits.ComparesVersions = true, true, true
				s.Halfway = func() bool {
					return n.Add(1) == int64(at)
				}
			}
			a.make()
			r := a.runner()
			r.Stores = func(provider, region string) objectstore.Store { return doubtful{a.stores(provider, region)} }
			r.Sleep = func(ctx context.Context, _ time.Duration) error { return ctx.Err() }
			result, err := r.Run(t.Context(), a.plan, migrate.Options{})
			if err != nil {
				t.Errorf("within one service %t, deletion %d ended halfway: %v\n%s", within, at, err, problems(result))
			}
			if left := a.from.Keys("bucket"); len(left) > 0 {
				t.Errorf("within one service %t, deletion %d: %q are left", within, at, left)
			}
			_, err = a.to.Region(eu).Stat(t.Context(), objectstore.Ref{Bucket: "bucket-" + eu, Key: "key"}, 0)
			if err != nil {
				t.Errorf("within one service %t, deletion %d: %v", within, at, err)
			}
			if met = n.Load() >= int64(at); at > 60 {
				t.Fatal("no end")
			}
		}
	}
}
