package report

import (
	"strings"

	"github.com/residency/residency/migrate/plan"
)

// AddPlan takes what a plan says.
func (r *Report) AddPlan(p *plan.Plan) {
	r.takePlan(p, "moves")
	r.takeStays(p)
	r.addIssues(Blocker, p.Customer, p.Blockers)
	r.addIssues(Blocker, p.Customer, p.EraseBlockers)
	r.addIssues(Warning, p.Customer, p.Warnings)
}

// takePlan takes the plan's places, each at its source.
func (r *Report) takePlan(p *plan.Plan, standing string) {
	r.Plan, r.Digest, r.Customer = p.ID, p.Digest, p.Customer
	r.Places = []Place{}
	for _, m := range p.Moves {
		r.Places = append(r.Places, Place{Location: m.From().String(), Customer: p.Customer, Provider: m.Source.Provider,
			Region: m.Source.Code, Country: m.Source.Country, Sets: []string{}, Operator: m.Source.Operator,
			OperatorCountry: m.Source.OperatorCountry, Bucket: m.Bucket, Prefix: m.Prefix, Entries: m.Totals.Entries,
			Bytes: m.Totals.Bytes, Standing: standing})
	}
}

// takeStays takes the places that the plan leaves where they are. That one satisfies the policy
// is a note; that it was left out although it may not is more.
func (r *Report) takeStays(p *plan.Plan) {
	for _, s := range p.Stays {
		provider, _, _ := strings.Cut(s.Location, ":")
		r.Places = append(r.Places, Place{Location: s.Location, Customer: p.Customer, Provider: provider, Region: s.Region,
			Country: s.Country, Sets: []string{}, Standing: "stays"})
		severity := Note
		if s.Why == plan.NotNamed {
			severity = Warning
		}
		r.Findings = append(r.Findings, Finding{Rule: ruleStays, Severity: severity, Customer: p.Customer,
			Location: s.Location, Region: s.Region, Text: "is not moved by this plan: " + s.Why})
	}
}

func (r *Report) addIssues(s Severity, customer string, issues []plan.Issue) {
	for _, i := range issues {
		r.Findings = append(r.Findings, Finding{Rule: i.Rule, Severity: s, Customer: customer, Location: i.Location,
			Region: i.Region, Text: i.Text, Next: i.Remedy, Count: i.Count})
	}
}
