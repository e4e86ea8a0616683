package migrate

import (
	"context"
	"errors"
	"fmt"

	"github.com/residency/residency/inventory/objectstore"
)

// sameVersioning refuses a source that had no versioning when the plan was made
// and has been given it since: the plan's destination may hold one version of a key
// only, and others would be written over each other there.
func (w *work) sameVersioning(ctx context.Context) error {
	for _, m := range w.plan.Moves {
		if m.Versioning != objectstore.Unversioned {
			continue
		}
		now, err := w.source(m).Versioning(ctx, m.Bucket)
		switch {
		case errors.Is(err, objectstore.ErrNotFound):
			continue // the listing says so
		case err != nil:
			return fmt.Errorf("versioning of %s: %w", m.From(), err)
		case now != objectstore.Unversioned:
			return changed("%s had no versioning when the plan was made, and has been given it since", m.From())
		}
	}
	return nil
}
