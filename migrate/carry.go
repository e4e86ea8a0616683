package migrate

import (
	"context"
	"fmt"

	"github.com/residency/residency/migrate/phase"
	"github.com/residency/residency/migrate/writeblock"
)

// carry copies and carries changes. Where the source is kept the run ends with that, and what it
// calls verified was copied perhaps long ago: the destination is listed, and what
// it does not show any more is copied again. Where the source is to be erased the
// gate looks.
func (w *work) carry(ctx context.Context, o Options) error {
	erasing, err := w.run.Erasing(ctx)
	if err != nil {
		return err
	}
	if why := writeblock.Ruleless(w.run); why != "" && o.FenceRequired {
		return fmt.Errorf("%w: %s; nothing was copied", ErrNotFenced, why)
	}
	for again := false; ; again = true {
		if err := w.carryChanges(ctx, o); err != nil || !o.KeepSource {
			return err
		}
		w.run.Progress.Begin("listing the destination again", w.run.Totals().Entries, 0)
		f, err := listDestination(ctx, w.run, keeping)
		w.result.showed(f)
		spoiled := f.shown.Spoiled
		if err != nil || spoiled == 0 {
			return err
		}
		if erasing {
			return w.spoiledLate(ctx, &f, fmt.Sprintf("%d of %d entries", spoiled, w.run.Totals().Entries))
		}
		if err := f.doubts.withdraw(ctx, w.run); err != nil {
			return err
		}
		if again {
			return w.spoiled(ctx, &f, phase.Entries(spoiled)+"; this run erased nothing")
		}
		w.run.Notef("no longer at the destination, and copied again: %s", phase.Entries(spoiled))
	}
}
