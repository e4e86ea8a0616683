package phase

import (
	"context"
	"errors"
	"fmt"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/plan"
)

// ObjectLock is the object lock setting of a move's destination, nil for none.
func ObjectLock(ctx context.Context, r *Run, m plan.Move) ([]byte, error) {
	lock, err := r.Destination().Setting(ctx, m.Destination, objectstore.ObjectLock)
	if errors.Is(err, objectstore.ErrNotOffered) || errors.Is(err, objectstore.ErrDenied) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("object lock of %s: %w", r.Plan.To(m), err)
	}
	return lock, nil
}
