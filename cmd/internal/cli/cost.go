package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/residency/residency/cmd/internal/render"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/cost"
	"github.com/residency/residency/migrate/plan"
)

// planView is a plan with what it costs, as JSON shows it.
type planView struct {
	*plan.Plan
	Estimate *cost.Estimate `json:"estimate,omitempty"`
}

// maxCost is the most that a plan may cost, as a flag.
type maxCost struct{ limit *cost.Limit }

func (m *maxCost) addTo(c *cobra.Command) {
	c.Flags().Var(m, "max-cost", "refuse a plan that may cost more than this `amount` (50, or 50USD), or of which that\n"+
		"cannot be told (see residency help cost)")
}

// String implements pflag.Value.
func (m *maxCost) String() string {
	if m.limit == nil {
		return ""
	}
	return m.limit.String()
}

// Type implements pflag.Value.
func (m *maxCost) Type() string { return "amount" }

// Set implements pflag.Value.
func (m *maxCost) Set(text string) error {
	l, err := cost.ParseLimit(text)
	if err == nil {
		m.limit = &l
	}
	return err
}

// words are the flag, to be pasted.
func (m *maxCost) words() []string {
	if m.limit == nil {
		return nil
	}
	return []string{"--max-cost", m.limit.String()}
}

// admits refuses what costs more.
func (m *maxCost) admits(e *cost.Estimate) error {
	if m.limit == nil {
		return nil
	}
	why, err := e.Check(*m.limit)
	switch {
	case err != nil:
		return &usageError{err: fmt.Errorf("--max-cost: %w", err), remedy: "give the limit in the currency of the prices"}
	case why != "" && e.High == nil && (e.Low == nil || *e.Low <= m.limit.Amount):
		return &refusedError{err: fmt.Errorf("--max-cost: %s; nothing was changed", why),
			remedy: "give prices for that in the file that prices: names (residency help cost)"}
	case why != "":
		return &refusedError{err: fmt.Errorf("--max-cost: %s; nothing was changed", why),
			remedy: "raise --max-cost, or move less at once (--source)"}
	}
	return nil
}

// estimate is what a plan costs as of now, by the prices in force.
func (a *app) estimate(ctx context.Context, w *session, p *plan.Plan) (*cost.Estimate, error) {
	_, e, err := a.expected(ctx, w, p)
	return e, err
}

// expected is an estimate, and the work that it is of.
func (a *app) expected(ctx context.Context, w *session, p *plan.Plan) (cost.Work, *cost.Estimate, error) {
	if w.charges == nil || w.charged != p.ID {
		w.charges, w.charged = &plan.Charges{At: a.now()}, p.ID
		if err := w.charges.Count(ctx, w.home, p); err != nil {
			return cost.Work{}, nil, err
		}
	}
	work := p.Work(w.charges, int64(a.bandwidth))
	e, err := cost.Of(work, w.prices)
	if errors.Is(err, cost.ErrCurrency) {
		err = &usageError{err: err}
	}
	return work, e, err
}

// printCost says in a few lines what a plan costs.
func (a *app) printCost(e *cost.Estimate) {
	a.fact("cost", "%s", once(e))
	if e.Before.High != nil && e.After.High != nil {
		a.fact("storage", "a month: %s at the source, %s at the destination", span(e.Before, e.Currency),
			span(e.After, e.Currency))
	} else if e.Currency != "" {
		a.fact("storage", "a month: not known of %s", cost.Several(append(e.Before.Unknown, e.After.Unknown...)))
	}
	text := "not known: "
	if e.Time.Low != nil && *e.Time.Low > 0 {
		text = "at least " + render.Duration(time.Duration(*e.Time.Low)*time.Second) + ", at most is not known: "
	}
	a.fact("time", "%s", text+e.Time.Basis)
}

// once is what a plan costs once.
func once(e *cost.Estimate) string {
	var recalled, priced int
	for _, l := range e.Lines {
		if l.Price != nil {
			priced++
			if l.Price.Confidence != "" && l.Price.Confidence != read {
				recalled++
			}
		}
	}
	switch {
	case priced == 0 && len(e.Lines) > 0:
		return "not known: there are no prices of " + strings.Join(places(e.Lines), ", ") + " (residency help cost)"
	case e.High == nil:
		return fmt.Sprintf("%s: there is no price of %s (residency help cost)", cost.Words(e.Low, nil, e.Currency),
			cost.Several(e.Unknown))
	}
	text := span(e.Sum, e.Currency) + ", once"
	if recalled > 0 {
		text += fmt.Sprintf("; %d of %s are from memory, not checked", recalled, plural(priced, "price"))
	}
	return text
}

// read is the confidence of prices that were read in their source.
const read = "read in a source"

// places are where lines are at, each once.
func places(lines []cost.Line) (all []string) {
	seen := make(map[string]bool)
	for _, l := range lines {
		if !seen[l.At] {
			seen[l.At] = true
			all = append(all, l.At)
		}
	}
	return all
}

// span is a sum of which both ends are known.
func span(s cost.Sum, currency string) string {
	return cost.Words(s.Low, s.High, currency)
}

// printParts shows what a plan costs, part by part, if any of it has a price.
func (a *app) printParts(e *cost.Estimate) error {
	if e.Currency == "" {
		return nil
	}
	var rows [][]string
	for _, l := range e.Lines {
		amount, price := "not known", ""
		if l.Price != nil {
			amount = l.Low.Shown(false) + " to " + l.High.Shown(true)
			price = fmt.Sprintf("%s per %s (%s)", l.Price.Price, l.Price.Unit, asOf(l))
		}
		rows = append(rows, []string{strings.TrimSpace(l.Item + " " + l.Of), l.At, quantity(l), amount, price})
	}
	fmt.Fprintln(a.Out)
	return a.page.Table(a.Out, []render.Column{{Name: "cost of", Fold: true}, {Name: "at"},
		{Name: "quantity", Right: true}, {Name: e.Currency, Right: true}, {Name: "price", Fold: true, Spare: true}}, rows)
}

// asOf says how far a price is to be trusted.
func asOf(l cost.Line) string {
	switch p := l.Price; {
	case p.Own && p.AsOf == "":
		return "yours"
	case p.Own:
		return "yours, " + p.AsOf
	case p.Confidence == read:
		return p.AsOf
	default:
		return p.Confidence
	}
}

func quantity(l cost.Line) string {
	show := render.Count
	switch l.Unit {
	case "bytes":
		show = render.Bytes
	case "KiB-days":
		show = func(n int64) string { return render.Count(n) + " KiB-days" }
	}
	if l.LowQuantity == l.HighQuantity {
		return show(l.LowQuantity)
	}
	return show(min(l.LowQuantity, l.HighQuantity)) + " to " + show(max(l.LowQuantity, l.HighQuantity))
}

// spentRows say what a certificate has of an estimate, and of what was sent.
func spentRows(c *certificate.Cost) (rows [][]string) {
	if c == nil {
		return nil
	}
	rows = [][]string{{"estimated", cost.Words(c.Low, c.High, c.Currency) + ", " + c.Estimated.Format(time.RFC3339)}}
	for _, r := range c.Requests {
		unit, show := " requests", render.Count
		if r.Item == cost.Received {
			unit, show = " of objects", render.Bytes
		}
		rows = append(rows, []string{"sent", fmt.Sprintf("%s %s: %s%s; estimated %s to %s", r.At, r.Item,
			show(r.Counted), unit, show(r.Low), show(r.High))})
	}
	if c.Uncounted > 0 {
		rows = append(rows, []string{"not counted", fmt.Sprintf("%d of %s did not come to an end of their own", c.Uncounted,
			plural(int(c.Runs), "run"))})
	}
	return rows
}
