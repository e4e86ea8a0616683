package report

import (
	"slices"

	"github.com/residency/residency/inventory"
)

// AddInventory takes what an inventory found.
func (r *Report) AddInventory(inv *inventory.Inventory) {
	complete := inv.Complete
	r.Customer, r.Policy, r.At = inv.Customer, inv.Policy, inv.At
	r.Configuration, r.Within, r.Complete = &inv.Configuration, inv.Compliance, &complete
	for _, p := range inv.Places {
		standing := string(p.Verdict)
		if p.Empty {
			standing = "empty"
		}
		r.Places = append(r.Places, Place{Location: p.Location().String(), Customer: p.Customer, Provider: p.Provider,
			Region: p.Region, Country: p.Country, Sets: notNil(p.Sets), Operator: p.Operator, OperatorCountry: p.OperatorIn,
			Bucket: p.Bucket, Prefix: p.Prefix, Entries: p.Versions + p.Markers, Bytes: p.Bytes,
			Standing: standing, Unseen: p.Error, Waiver: p.Waiver})
	}
	for _, c := range inv.Coverage {
		if at := unseenAt(c); c.Open() && !slices.ContainsFunc(r.Places, func(p Place) bool {
			return p.Location == at && (p.Region == c.Region || p.Unseen != "")
		}) {
			r.Places = append(r.Places, Place{Location: at, Provider: c.Provider, Region: c.Region, Sets: []string{},
				Bucket: c.Bucket, Standing: string(inventory.Unknown), Unseen: c.Reason})
		}
	}
	for _, f := range inv.Findings {
		r.Findings = append(r.Findings, Finding{Rule: f.Rule, Severity: Severity(f.Severity), Customer: f.Customer,
			Location: f.Location, Region: f.Region, Text: f.Text, Waiver: f.Waiver})
	}
}

// unseenAt is the location of findings about what was not looked at.
func unseenAt(c inventory.Coverage) string {
	switch {
	case c.Bucket != "":
		return c.Provider + ":" + c.Bucket
	case c.Kind != "":
		return c.Provider
	}
	return c.Provider + " " + c.Region
}

func notNil(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}
