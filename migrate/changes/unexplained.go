package changes

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate/phase"
)

// ErrUnexplained reports that entries which the plan has copied are gone at the
// source, and that another plan may have erased them in reliance on the copies.
// The copies stay (law L1).
var ErrUnexplained = errors.New("originals are gone from the source, and it is not known who removed them")

// UnexplainedError is an ErrUnexplained that says what is gone.
type UnexplainedError struct {
	Drift Drift
	// Others tells that another plan has worked on the same destination since.
	Others bool
	// Untold tells that nobody can say so, because the destination's service keeps no mark.
	Untold bool
	// By is a plan of this state that has erased originals since; empty: none is known of.
	// Then nobody's word removes copies.
	By string
}

func (e *UnexplainedError) Error() string {
	if e.By != "" {
		return fmt.Sprintf("plan %s has erased originals since, in reliance on copies that this plan wrote; no "+
			"copy was removed",
			e.By)
	}
	text := fmt.Sprintf("%v: %s", ErrUnexplained, e.Drift)
	switch {
	case e.Untold:
		text += "; whether another plan has erased them in reliance on the copies cannot be told, because the destination's " +
			"service keeps no mark of this one"
	case e.Others:
		text += "; another plan has worked on the same destination since and may have erased them in reliance on the copies"
	}
	if at := e.Drift.Depleted; len(at) > 0 {
		text += "; little or nothing is left of what was copied from " + strings.Join(at, ", ") +
			", and the copies may be all that is left"
	}
	return text + "; no copy was removed"
}

// Remedy says what may be done, as package remedy asks for it.
func (e *UnexplainedError) Remedy() string {
	if e.By != "" {
		return fmt.Sprintf("see residency status --plan %s; what it moved needs no other plan, and residency "+
			"migrate without --plan moves what has come since", e.By)
	}
	return fmt.Sprintf("residency status shows what other plans did; if another plan moved these entries, this one has "+
		"nothing left to do, and its copies may be the only ones. Only if you know that the owners deleted the originals: "+
		"migrate --plan ID --remove-outdated %d removes the copies too", e.Entries())
}

// Unwrap makes it an ErrUnexplained.
func (e *UnexplainedError) Unwrap() error { return ErrUnexplained }

// Entries is how many are gone or changed: what Options.RemoveOutdated must say
// for their copies to be removed.
func (e *UnexplainedError) Entries() int64 { return e.Drift.Gone + e.Drift.Changed }

// Explain refuses to take copies away at the destination as long as somebody may
// have erased their originals in reliance on them. Where a mark was broken, only
// a listing that shows all originals of the pass at the source clears that.
func (s *Check) Explain(ctx context.Context, erasing bool) error {
	if ok, err := s.reservation.Unbroken(ctx); err != nil || ok {
		return err
	}
	drift, err := s.ListSteadily(ctx, erasing)
	if err != nil {
		return err
	}
	switch n := drift.Gone + drift.Changed; {
	case n > 0 && n == s.Outdated:
		s.run.Notef("removing the copies of %s, gone from the source or changed there, as instructed", phase.Entries(n))
		return nil
	case n > 0:
		return s.Unexplained(drift, true)
	}
	return s.reservation.Clear(ctx)
}

// Unexplained is that of a drift. broken tells that the plan's mark is not there any more.
func (s *Check) Unexplained(drift Drift, broken bool) *UnexplainedError {
	keeps := !objectstore.CapabilitiesOf(s.run.Destination()).ForgetsEmptyUploads
	return &UnexplainedError{Drift: drift, Others: broken && keeps, Untold: broken && !keeps}
}
