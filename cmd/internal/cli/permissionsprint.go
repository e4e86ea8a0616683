package cli

import (
	"fmt"
	"strings"

	"github.com/residency/residency/cmd/internal/render"
	"github.com/residency/residency/inventory/objectstore/iam"
	"github.com/residency/residency/migrate/permission"
)

// printed is a document as JSON output has it.
type printed struct {
	End      string `json:"end"`
	Provider string `json:"provider,omitempty"`
	Account  string `json:"account,omitempty"`
	Assumed  bool   `json:"placeholders"`
	// One of the two, and of a role what is optional and it does not have.
	Policy *iam.Policy `json:"policy,omitempty"`
	Role   iam.Role    `json:"role,omitempty"`
	Left   []string    `json:"left_out,omitempty"`
}

func (a *app) printPermissions(documents []permission.Document, alone bool) error {
	for _, d := range documents {
		if d.Role != nil {
			a.noteRole(d)
			continue
		}
		parts := d.Policy.Split(iam.MaxSize)
		if len(parts) > 1 {
			a.reporter().Note(fmt.Sprintf("the policy of the %s has %s characters, and a managed IAM policy holds at "+
				"most %s: "+
				"it is split into %d parts; attach them all",
				d.Where, render.Count(int64(d.Policy.Size())), render.Count(iam.MaxSize), len(parts)))
		}
		if d.Where.Assumed {
			a.reporter().Note(fmt.Sprintf("the policy of the %s has a placeholder instead of the bucket's name: %s",
				d.Where, d.Where.Places[0].Bucket))
		}
	}
	switch a.output {
	case "json":
		return a.permissionsJSON(documents, alone)
	case "terraform":
		a.permissionsTerraform(documents)
		return nil
	case "csv":
		columns := []string{"end", "action", "resource", "stage", "request", "when", "why"}
		return render.CSV(a.Out, columns, permissionRows(documents))
	}
	return a.permissionsTable(documents)
}

func (a *app) permissionsJSON(documents []permission.Document, alone bool) error {
	var all []printed
	for _, d := range documents {
		p := printed{End: d.Where.Name(), Provider: d.Where.Provider, Account: d.Where.Account, Assumed: d.Where.Assumed,
			Role: d.Role, Left: d.Left}
		if d.Role != nil {
			p.Assumed = d.Where.Account == ""
			all = append(all, p)
			continue
		}
		for _, part := range d.Policy.Split(iam.MaxSize) {
			p.Policy = &part
			all = append(all, p)
		}
	}
	switch {
	case alone && len(all) == 1 && all[0].Role != nil:
		return render.JSON(a.Out, all[0].Role)
	case alone && len(all) == 1:
		return render.JSON(a.Out, all[0].Policy)
	}
	return render.JSON(a.Out, all)
}

func (a *app) permissionsTerraform(documents []permission.Document) {
	first := true
	for _, d := range documents {
		parts := written(d)
		for i, part := range parts {
			if !first {
				fmt.Fprintln(a.Out)
			}
			first = false
			name := "residency_" + d.Where.Name()
			if d.Where.Provider != "" {
				name += "_" + d.Where.Provider
			}
			if len(parts) > 1 {
				name += fmt.Sprintf("_%d", i+1)
			}
			fmt.Fprint(a.Out, part.Terraform(name))
		}
	}
}

// written are a document's parts, each as its service takes it.
func written(d permission.Document) (parts []iam.Role) {
	if d.Role != nil {
		return append(parts, d.Role)
	}
	for _, part := range d.Policy.Split(iam.MaxSize) {
		parts = append(parts, part)
	}
	return parts
}

// noteRole says what cannot be seen of a role.
func (a *app) noteRole(d permission.Document) {
	if d.Where.Account == "" {
		a.reporter().Note(fmt.Sprintf("the role of the %s has a placeholder, because the configuration does not name the %s",
			d.Where, map[string]string{permission.Azure: "subscription", permission.Google: "project"}[d.Where.Service]))
	}
	if len(d.Left) > 0 {
		a.reporter().Note(fmt.Sprintf("the role of the %s does not have what is optional: %s", d.Where,
			strings.Join(d.Left, ", ")))
	}
}

// permissionRows says why each action is allowed, one row for each request.
func permissionRows(documents []permission.Document) [][]string {
	var rows [][]string
	for _, d := range documents {
		for _, r := range d.Rows {
			rows = append(rows, []string{d.Where.String(), r.Action, strings.Join(r.Resources, " "), string(r.Stage),
				r.Use.Operation, string(r.When), r.Why()})
		}
	}
	return rows
}

func (a *app) permissionsTable(documents []permission.Document) error {
	for i, d := range documents {
		if i > 0 {
			fmt.Fprintln(a.Out)
		}
		what := "Policy of the "
		if d.Role != nil {
			what = "Custom role of the "
		}
		fmt.Fprintf(a.Out, "%s\n\n", render.Text(what+d.Where.String()))
		var rows [][]string
		for _, line := range d.Reasons() {
			rows = append(rows, []string{line.Action, string(line.On), line.Requests, line.Why})
		}
		columns := []render.Column{
			{Name: "action"}, {Name: "on", Fold: true}, {Name: "requests", Fold: true}, {Name: "why", Fold: true},
		}
		if err := a.page.Table(a.Out, columns, rows); err != nil {
			return err
		}
		for _, part := range written(d) {
			text, err := part.JSON()
			if err != nil {
				return err
			}
			fmt.Fprintf(a.Out, "\n%s", text)
		}
	}
	return nil
}
