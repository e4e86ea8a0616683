package migrate

import (
	"context"
	"fmt"
)

// carry settles. Where the source is kept the run ends with that, and what it
// calls verified was copied perhaps long ago: the destination is listed, and what
// it does not show any more is copied again. Where the source is to be erased the
// gate looks.
func (w *work) carry(ctx context.Context, o Options) error {
	erasing, err := w.erasing(ctx)
	if err != nil {
		return err
	}
	for again := false; ; again = true {
		if err := w.settle(ctx, o); err != nil || !o.KeepSource {
			return err
		}
		w.Progress.Begin("checking destination", w.totals().Entries, 0)
		spoiled, _, err := w.spoiled(ctx, true)
		if err != nil || spoiled == 0 {
			return err
		}
		if erasing {
			return fmt.Errorf("%w: %d of %d entries: %w", ErrSpoiledLate, spoiled, w.totals().Entries, ErrVerification)
		}
		if err := w.unprove(ctx); err != nil {
			return err
		}
		if again {
			return fmt.Errorf("%w: %d entries; this run erased nothing: %w", ErrSpoiled, spoiled, ErrVerification)
		}
		w.note("%d entries that were copied are not at the destination any more; copying them again", spoiled)
	}
}
