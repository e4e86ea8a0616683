package migrate

import (
	"slices"

	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/plan"
)

// leftOut tells whether all that is left is what the plan leaves out.
func (r *Result) leftOut(p *plan.Plan) bool {
	return p.ExcludeUnlistable && !r.SourceEmpty &&
		!slices.ContainsFunc(r.Left, func(l certificate.Left) bool { return l.Entries+l.Uploads > 0 })
}
