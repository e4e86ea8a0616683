package report

import (
	"fmt"
	"slices"
	"strings"

	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/receipt"
)

// Rules of findings about a run.
const (
	ruleUnproven = "not-verified"
	ruleLeft     = "source-not-empty"
	ruleProblem  = "entry"
	ruleFurther  = "further-entries"
	ruleUnfenced = "not-fenced"
	ruleCovered  = "covered-keys"
	ruleStays    = "stays"
	ruleOutside  = "not-in-plan"
	ruleDiffers  = "configuration-differs"
	ruleKept     = "source-kept"
)

// AddResult takes what a run of a plan came to. The certificate is nil where there is none.
func (r *Report) AddResult(p *plan.Plan, result *migrate.Result, done bool, c *certificate.Certificate) {
	standing := "not done"
	switch {
	case done && result.Erased:
		standing = "moved"
	case done:
		standing = "copied"
	}
	r.Findings, r.Deletions = []Finding{}, []Deletion{}
	r.takePlan(p, standing)
	r.takeStays(p)
	r.Configuration = &result.Configuration
	r.addIssues(Warning, p.Customer, p.Warnings)
	for _, v := range receipt.Verdicts() {
		if n := result.Verdicts[string(v)]; n > 0 && v != receipt.Verified {
			r.add(Error, ruleUnproven, p.Customer, "", n, fmt.Sprintf("entries whose verdict is %s", v))
		}
	}
	r.addProblems(p.Customer, result.Problems)
	for _, l := range result.Left {
		unlistable := ""
		if l.Unlistable > 0 {
			unlistable = fmt.Sprintf(", of both %d that cannot be listed", l.Unlistable)
		}
		r.add(Error, ruleLeft, p.Customer, l.Location, l.Entries, fmt.Sprintf(
			"the source is not empty: %d entries, %d unfinished uploads%s: %s", l.Entries, l.Uploads, unlistable, l.Reason))
	}
	if done && !result.Erased {
		r.add(Warning, ruleKept, p.Customer, "", result.Entries, "entries are still at the source: it was not erased")
	}
	r.addDeparture(p.Customer, result.Departure)
	r.addFurther(p.Customer, result.Newer, result.Covered)
	if result.NotFenced != "" {
		r.add(Warning, ruleUnfenced, p.Customer, "", 0, "writes to the source were not blocked: "+result.NotFenced)
	}
	if c != nil {
		r.addDeletions(p, c)
	}
}

// addDeletions takes what the source lost, place by place.
func (r *Report) addDeletions(p *plan.Plan, c *certificate.Certificate) {
	for _, m := range c.Moves {
		i := slices.IndexFunc(p.Moves, func(x plan.Move) bool {
			return x.From().String() == m.SourceLocation && x.Source.Code == m.Source.Region
		})
		if i < 0 || m.Erased == 0 {
			continue
		}
		r.Deletions = append(r.Deletions, Deletion{Location: m.SourceLocation, Customer: p.Customer,
			Provider: m.Source.Provider, Region: m.Source.Region, Country: m.Source.Country, Bucket: p.Moves[i].Bucket,
			Prefix: p.Moves[i].Prefix, Entries: m.Erased, Left: m.SourceLeft, At: c.Finished.UTC()})
	}
}

// AddVerification takes what a later look at the destination found.
func (r *Report) AddVerification(p *plan.Plan, v *migrate.Verification) {
	r.Plan, r.Digest, r.Customer, r.Configuration = p.ID, p.Digest, p.Customer, &v.Configuration
	standing := "not as written"
	if v.OK {
		standing = "as written"
	}
	d := p.Destination
	for _, m := range p.Moves {
		to := p.To(m)
		r.Places = append(r.Places, Place{Location: to.String(), Customer: p.Customer, Provider: d.Provider, Region: d.Code,
			Country: d.Country, Sets: []string{}, Operator: d.Operator, OperatorCountry: d.OperatorCountry, Bucket: to.Bucket,
			Prefix: to.Prefix, Entries: m.Totals.Entries, Bytes: m.Totals.Bytes, Standing: standing})
	}
	if v.Spoiled > 0 {
		r.add(Error, ruleUnproven, p.Customer, "", v.Spoiled, "entries at the destination that are not as written")
	}
	r.addProblems(p.Customer, v.Problems)
	r.addFurther(p.Customer, v.Newer, v.Covered)
	r.takeStays(p)
}

// addFurther says what else is at the destination.
func (r *Report) addFurther(customer string, newer, covered int64) {
	if newer > 0 {
		r.add(Note, ruleFurther, customer, "", newer, "further entries at the destination, not of this plan")
	}
	if covered > 0 {
		r.add(Warning, ruleCovered, customer, "", covered,
			"keys whose current version at the destination is not what the plan wrote")
	}
}

// addDeparture says in what the configuration in force would have planned otherwise.
func (r *Report) addDeparture(customer string, d certificate.Departure) {
	for _, text := range d.Otherwise {
		r.add(Warning, ruleDiffers, customer, "", 0, "the configuration in force says: "+text)
	}
	for _, at := range d.NotInPlan {
		const unseen = " (what it holds " // behind a place that could not be looked at
		location, why, ok := strings.Cut(at, unseen)
		text := "is the customer's and not in the plan"
		if ok {
			text += unseen + why
		}
		r.add(Warning, ruleOutside, customer, location, 0, text)
	}
}

// addProblems gathers the first problems by where and what they are. Their keys stay where
// they are.
func (r *Report) addProblems(customer string, problems migrate.Problems) {
	type group struct{ location, what, reason string }
	var order []group
	counts := map[group]int64{}
	for _, p := range problems {
		g := group{p.Location, p.What, p.Reason}
		if counts[g]++; counts[g] == 1 {
			order = append(order, g)
		}
	}
	for _, g := range order {
		r.add(Error, ruleProblem, customer, g.location, counts[g], g.what+": "+g.reason+
			" (of the first problems; residency --log-keys shows the keys)")
	}
}

func (r *Report) add(s Severity, rule, customer, location string, count int64, text string) {
	r.Findings = append(r.Findings, Finding{Rule: rule, Severity: s, Customer: customer, Location: location, Text: text,
		Count: count})
}
