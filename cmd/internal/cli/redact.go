package cli

import (
	"slices"

	"github.com/residency/residency/cmd/internal/render"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/manifest"
	"github.com/residency/residency/migrate/plan"
)

// json writes a value, and objects' keys in it only if they are asked for: they
// may be personal data, and output ends up in logs.
func (a *app) json(v any) error {
	if !a.logKeys {
		v = withoutKeys(v)
	}
	if a.together != nil {
		a.together.documents = append(a.together.documents, v)
		return nil
	}
	return render.JSON(a.Out, v)
}

// withoutKeys returns a copy that has no keys.
func withoutKeys(v any) any {
	switch x := v.(type) {
	case planView:
		p, _ := withoutKeys(x.Plan).(*plan.Plan)
		return planView{p, x.Estimate}
	case *plan.Plan:
		c := *x
		c.Segments = slices.Clone(x.Segments)
		for i := range c.Segments {
			c.Segments[i].FirstKey, c.Segments[i].LastKey = "", ""
		}
		c.Blockers, c.Warnings = issues(x.Blockers), issues(x.Warnings)
		c.EraseBlockers = issues(x.EraseBlockers)
		return &c
	case *migrate.Result:
		c := *x
		c.Problems = problems(x.Problems)
		return &c
	case *migrate.Verification:
		c := *x
		c.Problems = problems(x.Problems)
		return &c
	case *migrate.Undone:
		c := *x
		c.Problems = problems(x.Problems)
		return &c
	case *migrate.Status:
		c := *x
		c.Blockers = issues(x.Blockers)
		return &c
	case []any:
		all := make([]any, len(x))
		for i, s := range x {
			all[i] = withoutKeys(s)
		}
		return all
	}
	return v
}

func issues(list []plan.Issue) []plan.Issue {
	list = slices.Clone(list)
	for i := range list {
		list[i].Keys = nil
	}
	return list
}

func problems(list []migrate.Problem) []migrate.Problem {
	list = slices.Clone(list)
	for i := range list {
		list[i].Key = manifest.Key("")
	}
	return list
}
