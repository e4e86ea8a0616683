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
	open     bool         // it is written down that the run has begun, and not yet what it has sent
}

// expects finds out what the plan was expected to cost. What was sent until now is not the run's.
func (w *work) expects(ctx context.Context) (err error) {
	s := &w.spent
	s.before = w.run.Stores.Sent(w.run.Plan.Ends())
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
		return w.run.SaveCost(ctx, s.known) // no certificate is over that yet
	}
	return nil
}

// spends writes down that the run begins. A run that is refused before it does anything changes
// nothing of the evidence: the certificate of the run before is over that.
func (w *work) spends(ctx context.Context) error {
	if w.spent.known == nil {
		return nil
	}
	w.spent.open = true
	w.spent.known.Begun++
	return w.run.SaveCost(ctx, w.spent.known)
}

// hasSpent writes down what the run has sent, once. What comes after is not counted, for the
// certificate is over that file.
func (w *work) hasSpent(ctx context.Context) error {
	s := &w.spent
	if !s.open {
		return nil
	}
	s.open = false
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
