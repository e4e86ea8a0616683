package probe

import (
	"context"
	"errors"
	"fmt"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/phase"
)

// Beacon writes an object to a move's destination that a listing of it which is made now must
// show: one that does not is from before, as a cache on the way gives it. It is to be taken away
// after that. Where object lock could keep it none is written, and key is empty.
func (p *Prober) Beacon(ctx context.Context, move int) (key string, drop func() error, err error) {
	m, destination := p.run.Plan.Moves[move], p.run.Destination()
	lock, err := phase.ObjectLock(ctx, p.run, m)
	if err != nil {
		return "", nil, err
	}
	if m.Lock || lock != nil {
		return "", func() error { return nil }, nil
	}
	key = m.Prefix + p.OwnPrefix() + p.run.Token()
	var written objectstore.Written
	err = p.run.Patient(ctx, func() (err error) {
		written, err = put(ctx, destination, m.Destination, key)
		return err
	})
	if err != nil { // its answer may have been lost, and not the object
		return "", nil, errors.Join(fmt.Errorf("probe %s: %w", p.run.Plan.To(m), err),
			p.DropOwn(ctx, destination, m.Destination, m.Prefix))
	}
	return key, func() error {
		return p.Remove(ctx, destination, m.Destination, key, written)
	}, nil
}
