package migrate

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// ErrUnexplained reports that entries which the plan has copied are gone at the
// source, and that another plan may have erased them in reliance on the copies.
// The copies stay (law L1).
var ErrUnexplained = errors.New("originals are gone, and it is not known who removed them")

// UnexplainedError is an ErrUnexplained that says what is gone.
type UnexplainedError struct {
	Drift Drift
	// Others tells that another plan has worked on the same destination since.
	Others bool
}

func (e *UnexplainedError) Error() string {
	text := fmt.Sprintf("%v: %s", ErrUnexplained, e.Drift)
	if e.Others {
		text += "; another plan has worked on the same destination since, and may have erased them, relying on the copies"
	}
	if at := e.Drift.Emptied; len(at) > 0 {
		text += "; nothing is left of what was copied from " + strings.Join(at, ", ") + ", and the copies may be all that there is"
	}
	return text + "; no copy was removed"
}

// Unwrap makes it an ErrUnexplained.
func (e *UnexplainedError) Unwrap() error { return ErrUnexplained }

// Entries is how many are gone or changed: what Options.RemoveOutdated must say
// for their copies to be removed.
func (e *UnexplainedError) Entries() int64 { return e.Drift.Gone + e.Drift.Changed }

// unbroken tells whether the plan's marks have stood since before it wrote what
// it may now take away.
func (w *work) unbroken(ctx context.Context) (bool, error) {
	if w.reservation.Suspect {
		return false, nil
	}
	for _, bucket := range slices.Sorted(maps.Keys(w.reservation.Marks)) {
		id := w.reservation.Marks[bucket]
		var stands bool
		if err := w.patient(ctx, func() (err error) {
			stands, err = w.stands(ctx, bucket, id, false)
			return err
		}); err != nil || !stands {
			return false, err
		}
	}
	return true, nil
}

// explain refuses to take copies away at the destination as long as somebody may
// have erased their originals in reliance on them. Where a mark was broken, only
// a listing that shows all originals of the pass at the source clears that.
func (w *work) explain(ctx context.Context, erasing bool) error {
	if ok, err := w.unbroken(ctx); err != nil || ok {
		return err
	}
	drift, err := w.driftNow(ctx, erasing)
	if err != nil {
		return err
	}
	switch n := drift.Gone + drift.Changed; {
	case n > 0 && n == w.outdated:
		w.note("copies of %d entries that are gone at the source, or changed, are removed, as told", n)
		return nil
	case n > 0:
		return &UnexplainedError{Drift: drift, Others: true}
	}
	r := w.reservation
	r.Suspect = false
	return w.saveReservation(ctx, r)
}
