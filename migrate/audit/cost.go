package audit

import (
	"encoding/json"

	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/cost"
	"github.com/residency/residency/migrate/record"
)

// cost fills in what the plan was expected to cost, and what was sent.
func (a *Account) cost(c *certificate.Certificate) {
	c.Cost = nil
	if a.Cost == nil || a.Cost.Estimate == nil {
		return
	}
	e := a.Cost.Estimate
	c.Cost = &certificate.Cost{Estimated: a.Cost.Work.At, Currency: e.Currency, Low: e.Low, High: e.High,
		Unknown: append([]string{}, e.Unknown...), Requests: cost.Compare(a.Cost.Work, e, a.Cost.Requests),
		Runs: a.Cost.Begun, Uncounted: a.Cost.Begun - a.Cost.Counted}
}

// misestimated tells what an estimate does not follow from, empty if it does from all that is
// there: the prices that it names; and, of a plan without further passes, its manifest.
func (a *Account) misestimated(r *record.Record) string {
	if a.Cost.Estimate == nil {
		return "anything: there is none"
	}
	if !same(a.Cost.Estimate, a.Cost.Work) {
		return "its prices"
	}
	if a.keyless || len(r.Passes) > 1 {
		return ""
	}
	work := r.Plan.Work(&a.charges, a.Cost.Work.Bandwidth)
	work.Rules = a.Cost.Work.Rules
	if !same(a.Cost.Estimate, work) {
		return "the manifest"
	}
	return ""
}

// same tells whether an estimate is that of some work by the prices that it names.
func same(e *cost.Estimate, w cost.Work) bool {
	again, err := e.Again(w)
	if err != nil {
		return false
	}
	one, err := json.Marshal(e)
	if err != nil {
		return false
	}
	other, err := json.Marshal(again)
	return err == nil && string(one) == string(other)
}
