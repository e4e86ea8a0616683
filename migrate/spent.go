package migrate

import (
	"context"

	"github.com/residency/residency/migrate/cost"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/record"
)

// Expected is what a plan is expected to cost: the work, and the estimate of it.
type Expected func(ctx context.Context, p *plan.Plan) (cost.Work, *cost.Estimate, error)

// spending is what a run sends, to be held against the estimate.
type spending struct {
	expected Expected
	known    *record.Cost // nil: nobody has estimated anything
	before   []cost.Count // of this run's
	closed   bool         // it was written down, and nothing may be added
}

// spends writes down that a run begins, and what the plan was expected to cost, unless that is
// known. What was sent until now is not the run's.
func (w *work) spends(ctx context.Context) error {
	s := &w.spent
	var err error
	if s.known, err = w.run.Cost(ctx); err != nil {
		return err
	}
	if s.known == nil {
		// Of a plan that was started without, what was sent before is not known.
		if started, err := w.run.Started(ctx); err != nil || s.expected == nil || !started.At.IsZero() {
			return err
		}
		s.known = &record.Cost{Requests: []cost.Count{}}
		if s.known.Work, s.known.Estimate, err = s.expected(ctx, w.run.Plan); err != nil {
			return err
		}
	}
	s.known.Begun++
	s.before = w.run.Stores.Sent(w.run.Plan.Ends())
	return w.run.SaveCost(ctx, s.known)
}

// hasSpent writes down what the run has sent, once. What comes after is not counted, for the
// certificate is over that file.
func (w *work) hasSpent(ctx context.Context) error {
	s := &w.spent
	if s.known == nil || s.closed {
		return nil
	}
	s.closed = true
	s.known.Counted++
	s.known.Requests = cost.Total(s.known.Requests, cost.Since(s.before, w.run.Stores.Sent(w.run.Plan.Ends())))
	return w.run.SaveCost(ctx, s.known)
}

// stopsSpending writes that down where a run ends without a certificate. Where that cannot be,
// the run counts as one of which nothing is known.
func (w *work) stopsSpending(ctx context.Context) {
	if ctx.Err() != nil {
		return
	}
	if err := w.hasSpent(ctx); err != nil {
		w.run.Notef("what this run has sent could not be written down: %v", err)
	}
}
