package plan

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/residency/residency/inventory"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/remedy"
)

// ErrClaimed reports that a place of a move is, or may be, another customer's.
var ErrClaimed = remedy.New("the location is also another customer's",
	"find out whose bucket it is, and name each customer's data through one provider; migrate --abort ID removes the "+
		"copies")

// Claims say whose data is where. The zero value knows nothing.
type Claims struct {
	Named []inventory.Claim // by the configuration
	Moved []inventory.Claim // where a migration to the same destination would put what is named
	// Same tells whether two providers are certain to be one service under two
	// names; nil: none are.
	Same func(a, b string) bool
	// Views finds the stores through which a provider shows a bucket, which are none
	// if it has no such bucket; nil: none.
	Views func(ctx context.Context, at objectstore.Location) ([]objectstore.Store, error)
}

// Meeting is a claim of another customer that a place runs into.
type Meeting struct {
	Claim inventory.Claim
	Doubt string // why it may be another place all the same; empty if it is not
}

func (m *Meeting) String() string {
	if m.Doubt == "" {
		return fmt.Sprintf("is, or would hold, data of customer %s (%s)", m.Claim.Customer, m.Claim.Location)
	}
	return fmt.Sprintf("may be the same bucket as %s, which is, or would be, customer %s's: %s",
		m.Claim.Location, m.Claim.Customer, m.Doubt)
}

// Source finds out whether data that a customer's move takes away is named as
// another's.
func (c Claims) Source(
	ctx context.Context, customer string, at objectstore.Location, store objectstore.Store,
) (*Meeting, error) {
	return c.meet(ctx, c.Named, customer, at, store)
}

// Destination finds out whether a customer's move would go to what is another's.
func (c Claims) Destination(
	ctx context.Context, customer string, at objectstore.Location, store objectstore.Store,
) (*Meeting, error) {
	return c.meet(ctx, slices.Concat(c.Named, c.Moved), customer, at, store)
}

// meet looks for a claim of the same keys. Where another provider has a bucket of
// that name, and nothing says that the two are one service, what both show does.
func (c Claims) meet(
	ctx context.Context, claims []inventory.Claim, customer string, at objectstore.Location, store objectstore.Store,
) (*Meeting, error) {
	var doubtful []inventory.Claim
	for _, claim := range claims {
		there := claim.Location
		there.Provider = at.Provider
		if claim.Customer == customer || !there.Overlaps(at) {
			continue
		}
		if claim.Location.Provider == at.Provider || c.Same != nil && c.Same(claim.Location.Provider, at.Provider) {
			return &Meeting{Claim: claim}, nil
		}
		doubtful = append(doubtful, claim)
	}
	for _, claim := range doubtful {
		doubt, err := c.doubt(ctx, at, store, claim.Location)
		if err != nil {
			return nil, err
		}
		if doubt != "" {
			return &Meeting{Claim: claim, Doubt: doubt}, nil
		}
	}
	return nil, nil
}

// doubt says why a bucket may be another one of its name; empty if it is not, or
// if neither has anything in it.
func (c Claims) doubt(
	ctx context.Context, at objectstore.Location, store objectstore.Store, other objectstore.Location,
) (string, error) {
	if c.Views == nil {
		return "", nil
	}
	unseen := func(err error) (string, error) {
		return fmt.Sprintf("it could not be checked through %s (%v)", other.Provider, err), ctx.Err()
	}
	views, err := c.Views(ctx, other)
	if err != nil {
		return unseen(err)
	}
	prefix := max(at.Prefix, other.Prefix) // of two that overlap, the longer
	for _, view := range views {
		same, err := alike(ctx, store, view, at.Bucket, prefix)
		switch {
		case errors.Is(err, objectstore.ErrNotFound):
			continue // one of the two is not there
		case err != nil:
			return unseen(err)
		case same:
			return "both show the same entries", nil
		}
	}
	return "", nil
}

// alike compares what two stores show of a bucket: the beginning of what is under
// a prefix or, where both have nothing there, of all. They differ only if the one
// shows what the other does not, and goes on to show it.
func alike(ctx context.Context, a, b objectstore.Store, bucket, prefix string) (bool, error) {
	for _, under := range slices.Compact([]string{prefix, ""}) {
		first, err := beginning(ctx, a, bucket, under)
		if err != nil {
			return false, err
		}
		other, err := beginning(ctx, b, bucket, under)
		if err != nil {
			return false, err
		}
		if len(first)+len(other) == 0 {
			continue
		}
		again, err := beginning(ctx, a, bucket, under)
		if err != nil {
			return false, err
		}
		stays := len(first) == 0 && len(again) == 0 || common(first, again)
		return !stays || common(first, other) || common(again, other), nil
	}
	return false, nil
}

// looked is how many entries of a bucket are compared with another's.
const looked = 1000

// seen is an entry by all that two addresses of one server show alike.
type seen struct {
	key, version, etag string
	size               int64
	modified           time.Time
}

func beginning(ctx context.Context, store objectstore.Store, bucket, prefix string) (map[seen]bool, error) {
	entries := make(map[seen]bool)
	for v, err := range limit(store.Versions(ctx, bucket, prefix, ""), looked) {
		if err != nil && !errors.Is(err, objectstore.ErrUnlistable) {
			return nil, err
		}
		// Leases and probes come and go.
		if !objectstore.IsLease(v.Key) && !objectstore.IsProbe(v) {
			entries[seen{v.Key, v.VersionID, v.ETag, v.Size, v.Modified.UTC().Truncate(time.Second)}] = true
		}
	}
	return entries, nil
}

func limit[V any](all iter.Seq2[V, error], n int) iter.Seq2[V, error] {
	return func(yield func(V, error) bool) {
		i := 0
		for v, err := range all {
			if i++; !yield(v, err) || i == n {
				return
			}
		}
	}
}

func common(a, b map[seen]bool) bool {
	for e := range a {
		if b[e] {
			return true
		}
	}
	return false
}
