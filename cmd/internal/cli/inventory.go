package cli

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/residency/residency/cmd/internal/render"
	"github.com/residency/residency/inventory"
)

func (a *app) inventoryCommand() *cobra.Command {
	var check bool
	c := &cobra.Command{
		Use:   "inventory",
		Short: "List where customers' data is: place, law, amounts, findings, coverage",
		Long: `inventory looks at every bucket of every configured provider and region and says
whose data it holds, in which country, under whose law, how much, and whether
the policy allows it. It changes nothing. What could not be looked at is listed
and makes the exit code 1.

A bucket is a customer's because the configuration names it, because it is
where a named one moves to, or because of its tag.`,
		Example: `  residency inventory
  residency inventory --customer acme
  residency inventory --check --quiet -o json > inventory.json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			a.keyless = true
			w, err := a.open(c.Context())
			if err != nil {
				return err
			}
			inv, err := a.scan(c.Context(), w, a.customer)
			if err != nil {
				return err
			}
			if err := a.printInventory(inv); err != nil {
				return err
			}
			switch {
			case check && !inv.Compliance:
				return &silentError{errPolicy}
			case !inv.Complete:
				return errIncomplete
			}
			return nil
		},
	}
	c.Flags().BoolVar(&check, "check", false, "exit 3 if data is outside of the allowed jurisdictions")
	return c
}

// scan takes stock, with progress.
func (a *app) scan(ctx context.Context, w *world, customer string) (*inventory.Inventory, error) {
	progress := &inventory.Progress{}
	reporter := a.reporter()
	look := func() render.Snapshot { return render.Snapshot{Phase: "looking", Entries: progress.Entries.Load()} }
	reporter.Began(look())
	stop := reporter.Watch(ctx, look)
	defer func() {
		stop()
		reporter.Ended(look())
	}()
	return inventory.Scan(ctx, a.request(w, customer, progress))
}

func (a *app) printInventory(inv *inventory.Inventory) error {
	switch a.output {
	case "json":
		return render.JSON(a.Out, inv)
	case "csv":
		header := []string{"customer", "attributed_by", "provider", "region", "country", "jurisdictions", "operator", "operator_country", "bucket", "prefix", "versioning", "objects", "versions", "delete_markers", "unfinished_uploads", "bytes", "policy_verdict", "error", "residency_own", "residency_probes"}
		var rows [][]string
		for _, p := range inv.Places {
			rows = append(rows, []string{p.Customer, string(p.Attribution), p.Provider, p.Region, p.Country, strings.Join(p.Sets, " "), p.Operator, p.OperatorIn, p.Bucket, p.Prefix, string(p.Versioning),
				number(p.Objects), number(p.Versions), number(p.Markers), number(p.Uploads), number(p.Bytes), string(p.Verdict), p.Error, number(p.Own), number(p.Probes)})
		}
		return render.CSV(a.Out, header, rows)
	}
	return a.inventoryTable(inv)
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

func (a *app) inventoryTable(inv *inventory.Inventory) error {
	columns := []render.Column{{Name: "customer, location", Fold: true}, {Name: "region"}, {Name: "law"}, {Name: "operator"}, {Name: "objects", Right: true}, {Name: "entries", Right: true}, {Name: "size", Right: true}, {Name: "policy"}}
	var rows [][]string
	var empty []string
	for _, p := range inv.Places {
		if p.Empty {
			if p.Customer != "" {
				empty = append(empty, p.Location().String())
			}
			continue
		}
		entries := render.Count(p.Versions + p.Markers)
		if p.Error != "" {
			entries = ">" + entries
		}
		rows = append(rows, []string{cmp.Or(p.Customer, "(nobody's)"), p.Location().String(), p.Region, law(p.Country, p.Sets), p.OperatorIn, render.Count(p.Objects), entries, render.Bytes(p.Bytes), string(p.Verdict)})
	}
	if len(rows) == 0 {
		fmt.Fprintln(a.Out, "No data found.")
	} else if err := render.Table(a.Out, columns, grouped(rows)); err != nil {
		return err
	}
	if len(empty) > 0 {
		fmt.Fprintln(a.Out, "\n"+render.Wrap("Empty: "+strings.Join(empty, ", "), render.Width, "  "))
	}
	fmt.Fprintf(a.Out, "\nlaw: country of the bytes, then EU or EEA membership. operator: home country of who runs the\nservice. entries: versions and delete markers. policy: %s.\n", inv.Policy)
	a.printFindings(inv.Findings)
	a.printExposures("Exposures", inv.Exposures)
	a.printCoverage(inv)
	return nil
}

// law is a country and the union it is in, if any.
func law(country string, sets []string) string {
	if country == "" {
		return "unknown"
	}
	for _, set := range []string{"EU", "EEA"} {
		if slices.Contains(sets, set) {
			return country + " " + set
		}
	}
	return country
}

func (a *app) printFindings(findings []inventory.Finding) {
	if len(findings) == 0 {
		return
	}
	fmt.Fprintln(a.Out, "\nFindings:")
	for _, f := range findings {
		where := f.Location
		if where != "" {
			where += ": "
		}
		text := render.Wrap(render.Text(fmt.Sprintf("%s%s [%s]", where, f.Text, f.Rule)), render.Width-13, strings.Repeat(" ", 13))
		fmt.Fprintf(a.Out, "  %-10s %s\n", f.Severity, text)
	}
}

// printExposures lists which laws reach the data: one line for each country of
// location and each operator. JSON has each with its detail and source.
func (a *app) printExposures(title string, exposures []inventory.Exposure) {
	if len(exposures) == 0 {
		return
	}
	type group struct {
		axis, through string
		locations     int
		laws          []string
	}
	var groups []*group
	oldest := exposures[0].AsOf
	for _, e := range exposures {
		i := slices.IndexFunc(groups, func(g *group) bool { return g.axis == e.Axis && g.through == e.Through })
		if i < 0 {
			i = len(groups)
			groups = append(groups, &group{axis: e.Axis, through: e.Through})
		}
		groups[i].laws = append(groups[i].laws, e.Law)
		groups[i].locations = max(groups[i].locations, len(e.Locations))
		if e.AsOf.Before(oldest) {
			oldest = e.AsOf
		}
	}
	fmt.Fprintf(a.Out, "\n%s, as of %s (by rule; -o json has sources and details):\n", title, oldest.Format("2006-01"))
	for _, g := range groups {
		head := g.axis + " " + orUnknown(g.through)
		if g.locations > 0 {
			head += ", " + plural(g.locations, "place")
		}
		fmt.Fprintln(a.Out, "  "+render.Wrap(render.Text(head+": "+strings.Join(g.laws, "; ")), render.Width-2, "    "))
	}
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return render.Count(int64(n)) + " " + noun + "s"
}

func (a *app) printCoverage(inv *inventory.Inventory) {
	var looked []string
	for _, c := range inv.Coverage {
		if c.Looked {
			looked = append(looked, c.Provider+":"+c.Region)
		}
	}
	if len(looked) == 0 {
		looked = []string{"nothing"}
	}
	fmt.Fprintln(a.Out, "\n"+render.Wrap("Looked at: "+strings.Join(looked, ", ")+".", render.Width, "  "))
	for _, c := range inv.Coverage {
		if !c.Looked {
			where := c.Provider + ":" + c.Region
			if c.Bucket != "" {
				where += ", bucket " + c.Bucket
			}
			fmt.Fprintln(a.Out, "NOT looked at: "+render.Wrap(render.Text(where+": "+c.Reason), render.Width-15, "  "))
		}
	}
}
