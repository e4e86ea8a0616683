package reserve

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/state"
)

// relied refuses sources that a run of another plan is writing to at the moment.
func (v *Reservation) relied(ctx context.Context) error {
	for _, m := range v.run.Plan.Moves {
		err := v.otherLeases(ctx, v.run.Source(m), m.Bucket, m.Prefix, "")
		var held *state.LeasedError
		switch {
		case errors.As(err, &held) && strings.HasPrefix(held.Holder, v.Holder()+", "):
			return fmt.Errorf("%w: the lease written to %s shows in %s; nothing was erased", ErrCoupled, v.run.Plan.To(m),
				m.From())
		case errors.Is(err, state.ErrLeased):
			return fmt.Errorf("another migration is writing to %s: %w", m.From(), err)
		case errors.Is(err, objectstore.ErrDenied) && m.Prefix != "":
			v.run.Notef("it could not be checked whether another migration is writing to %s at the moment (access denied to "+
				"keys that begin with %s)", m.From(), objectstore.LeasePrefix)
		case err != nil:
			return fmt.Errorf("look for reservations of %s: %w", m.From(), err)
		}
	}
	return nil
}

// leaseAt takes the lease of one move's destination. Where object lock could
// keep its versions for years none is taken, and the mark alone tells of others.
func (v *Reservation) leaseAt(ctx context.Context, m plan.Move) (context.Context, func() error, error) {
	store := v.run.Destination()
	lock, err := phase.ObjectLock(ctx, v.run, m)
	if err != nil {
		return nil, nil, err
	}
	if m.Lock || lock != nil {
		return ctx, func() error { return nil }, nil
	}
	tidy := &tidyStore{Store: store}
	home := state.NewBucket(tidy, objectstore.Location{Provider: v.run.Plan.Destination.Provider, Bucket: m.Destination},
		v.holder(v.Token))
	for _, token := range v.ended {
		home.Ended = append(home.Ended, v.holder(token))
	}
	home.Now, home.Nonce, home.Term, home.Reserves, home.Drop = v.run.Now, v.run.Token, cmp.Or(v.term, defaultTerm), true,
		tidy.clear
	name := objectstore.LeaseName(m.Prefix)
	leased, end, err := home.Lease(ctx, name)
	var held *state.LeasedError
	if errors.As(err, &held) && strings.HasPrefix(held.Holder, plan.LeaseHolder(v.run.Plan.ID)) &&
		held.Until.Before(v.run.Now().Add(2*home.Term)) {
		// The same plan, from a state that is not here: a run that died, most
		// likely, and its lease ends by itself. If it goes on, it has renewed it.
		v.run.Notef("an earlier run of this plan, with another state, has reserved %s until %s; waiting for that",
			v.run.Plan.To(m),
			held.Until.UTC().Format(time.RFC3339))
		if err := v.run.Wait(ctx, held.Until.Sub(v.run.Now())+time.Second); err != nil {
			return nil, nil, err
		}
		leased, end, err = home.Lease(ctx, name)
	}
	if err != nil {
		return nil, nil, err
	}
	if v.run.Plan.UnguardedWrites {
		if err := v.settled(leased, home, name); err != nil {
			return nil, nil, errors.Join(err, end())
		}
	}
	// Ours is there before others' are looked for: of two that do both at once,
	// at least one sees the other.
	if err := v.otherLeases(leased, store, m.Destination, m.Prefix, name); err != nil {
		return nil, nil, errors.Join(err, end())
	}
	return leased, end, nil
}

// settling is longer than another run takes from its look for a lease to its own.
const settling = 5 * time.Second

// settled looks whether a lease that was written without a condition is ours after a
// while: of two runs that saw none, the last to write has it.
func (v *Reservation) settled(ctx context.Context, home *state.Bucket, name string) error {
	if err := v.run.Wait(ctx, settling); err != nil {
		return err
	}
	err := home.Leased(ctx, name)
	var held *state.LeasedError
	if errors.As(err, &held) && held.Holder == v.holder(v.Token) {
		return nil
	}
	return cmp.Or(err, fmt.Errorf("%w: it was taken away at once", state.ErrLeaseLost))
}

// Holder begins the names that leases at a destination have for the plan's runs.
func (v *Reservation) Holder() string { return plan.LeaseHolder(v.run.Plan.ID) + v.ID }

// holder is how a lease at a destination names one of the plan's runs.
func (v *Reservation) holder(token string) string {
	return v.Holder() + ", run " + token
}

// otherLeases is as the function, and tries again what can be.
func (v *Reservation) otherLeases(
	ctx context.Context, store objectstore.Store, bucket, prefix, own string,
) (err error) {
	failed := v.run.Patient(ctx, func() error {
		if err = otherLeases(ctx, store, bucket, prefix, own, v.run.Now()); errors.Is(err, state.ErrLeased) {
			return nil // which is an answer
		}
		return err
	})
	return cmp.Or(failed, err)
}

// otherLeases looks for leases, apart from its own, of keys that overlap a prefix of a
// bucket. One that is held is a state.LeasedError.
func otherLeases(ctx context.Context, store objectstore.Store, bucket, prefix, own string, now time.Time) error {
	for v, err := range store.Versions(ctx, bucket, objectstore.LeasePrefix, "") {
		if err != nil {
			return err
		}
		name, _, _ := strings.Cut(v.Key, "/")
		if name == own || !v.Latest || v.Marker || !objectstore.IsLease(v.Key) {
			continue
		}
		reserved, ok := objectstore.LeaseOf(name)
		if !ok || !strings.HasPrefix(reserved, prefix) && !strings.HasPrefix(prefix, reserved) {
			continue // somebody's own key, or keys apart from ours
		}
		// Whatever lies there now: it may have been renewed since.
		l, err := state.ReadLease(ctx, store, objectstore.Ref{Bucket: bucket, Key: v.Key}, now)
		if errors.Is(err, objectstore.ErrNotFound) {
			continue // given back meanwhile
		}
		if err != nil {
			return err
		}
		if l.Held {
			return &state.LeasedError{Holder: l.Holder, Until: l.Until}
		}
	}
	return nil
}
