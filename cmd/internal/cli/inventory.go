package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/residency/residency/cmd/internal/render"
	"github.com/residency/residency/inventory"
	"github.com/residency/residency/inventory/remedy"
	"github.com/residency/residency/regions"
)

func (a *app) inventoryCommand() *cobra.Command {
	var check bool
	var allowed []string
	c := &cobra.Command{
		Use:   "inventory",
		Short: "List where customers' data is: location, law, size, findings, coverage",
		Long: `inventory looks at every bucket in every configured provider and region and
reports whose data it holds, in which country, under whose law, how much, and
whether the policy allows it. It changes nothing. Places that could not be
checked are listed, and make the exit code 1; whether data is within the policy is
then not known, unless some is seen outside of it.

--check needs a policy: from the configuration, or from --policy where the
configuration has none.

A bucket belongs to a customer if the configuration names it, if it is the
destination of a named bucket, or if its tag says so.`,
		Example: `  residency inventory
  residency inventory --customer acme
  residency inventory --check --quiet -o json > inventory.json
  residency inventory --check --policy EU,CH`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			a.keyless = true
			w, err := a.openStores(c.Context())
			if err != nil {
				return err
			}
			if c.Flags().Changed("policy") {
				if err := w.givePolicy(allowed); err != nil {
					return err
				}
			}
			if check && !w.config.HasPolicy(a.customer) {
				return &usageError{err: errors.New("nothing to check: no policy says where data may be"),
					remedy: "write policy.allowed into the configuration (" + w.config.Path + "), or give --policy EU"}
			}
			inv, err := a.scan(c.Context(), w, a.customer)
			if err != nil {
				return err
			}
			if a.customer != "" && !slices.Contains(inv.Names, a.customer) {
				return w.unknown(a.customer, inv)
			}
			a.reportOf(w).AddInventory(inv)
			a.found.People = a.inventoryPage(w, inv)
			if err := a.printInventory(inv); err != nil {
				return err
			}
			switch {
			case check && inv.Violated() && a.output == "table":
				return &silentError{errPolicy} // the table's findings say it
			case check && inv.Violated():
				return remedy.Wrap(fmt.Errorf("%w: %s", errPolicy, plural(inv.Violations(), "violation")),
					"residency inventory --check shows which, and its findings are in this output")
			case !inv.Complete:
				return errIncomplete
			case check && inv.Unclear:
				return errUnclear
			}
			return nil
		},
	}
	c.Flags().BoolVar(&check, "check", false, "exit 3 if data is outside the allowed jurisdictions")
	c.Flags().StringSliceVar(&allowed, "policy", nil,
		"where data may be, if the configuration does not say: sets, countries or region codes\n(`LIST`, such as EU,CH)")
	a.addReport(c)
	return inFormats(c, "json", "csv")
}

// givePolicy puts a policy in force where the configuration has none.
func (w *session) givePolicy(allowed []string) error {
	if line := w.config.PolicyLine(); line != "" {
		return &usageError{err: fmt.Errorf("%s: the configuration has a policy, which --policy does not replace", line),
			remedy: "leave --policy out, or change the configuration"}
	}
	if _, err := regions.NewPolicy(w.catalog, allowed); err != nil {
		return &usageError{err: fmt.Errorf("--policy: %w", err)}
	}
	w.config.Policy.Allowed = allowed
	return nil
}

// scan takes stock, with progress.
func (a *app) scan(ctx context.Context, w *session, customer string) (*inventory.Inventory, error) {
	progress := &inventory.Progress{}
	reporter := a.reporter()
	look := func() render.Snapshot { return render.Snapshot{Phase: "listing", Entries: progress.Entries.Load()} }
	reporter.Began(look())
	stop := reporter.Watch(ctx, look)
	request := a.request(w, customer, progress)
	for _, waiver := range w.config.Waivers() {
		request.Waivers = append(request.Waivers, inventory.Waiver(waiver))
	}
	inv, err := inventory.Scan(ctx, request)
	stop()
	reporter.Ended(look(), ended(ctx, err))
	return inv, err
}

func (a *app) printInventory(inv *inventory.Inventory) error {
	switch a.output {
	case "json":
		return render.JSON(a.Out, inv)
	case "csv":
		header := []string{"customer", "attributed_by", "provider", "region", "country", "jurisdictions", "operator",
			"operator_country", "bucket", "prefix", "versioning", "objects", "versions", "delete_markers", "unfinished_uploads",
			"bytes", "policy_verdict", "error", "residency_own", "residency_probes", "waived_until", "waiver_reason",
			"waiver_owner", "waiver_expired"}
		var rows [][]string
		for _, p := range inv.Places {
			var waiver [4]string
			if x := p.Waiver; x != nil {
				waiver = [4]string{x.Until, x.Reason, x.Owner, strconv.FormatBool(x.Expired)}
			}
			rows = append(rows, []string{p.Customer, string(p.Attribution), p.Provider, p.Region, p.Country,
				strings.Join(p.Sets, " "), p.Operator, p.OperatorIn, p.Bucket, p.Prefix, string(p.Versioning),
				number(p.Objects), number(p.Versions), number(p.Markers), number(p.Uploads), number(p.Bytes), string(p.Verdict),
				p.Error, number(p.Own), number(p.Probes), waiver[0], waiver[1], waiver[2], waiver[3]})
		}
		for _, c := range unplaced(inv) {
			row := make([]string, len(header))
			row[2], row[3], row[8] = c.Provider, c.Region, cmp.Or(c.Bucket, c.Kind)
			row[16], row[17] = string(inventory.Unknown), "not looked at: "+c.Reason
			rows = append(rows, row)
		}
		return render.CSV(a.Out, header, rows)
	}
	return a.inventoryTable(inv)
}

// several are the countries that a place may be in, as far as they fit.
func several(countries []string) string {
	if len(countries) > 3 {
		return "several"
	}
	return strings.Join(countries, "+")
}

// unplaced are the places that could not be looked at and have no place of their own.
func unplaced(inv *inventory.Inventory) (list []inventory.Coverage) {
	for _, c := range inv.Coverage {
		if c.Open() && !slices.ContainsFunc(inv.Places, func(p inventory.Place) bool {
			return c.Bucket != "" && p.Provider == c.Provider && p.Bucket == c.Bucket && p.Error != ""
		}) {
			list = append(list, c)
		}
	}
	return list
}

func number(n int64) string { return strconv.FormatInt(n, 10) }

func (a *app) inventoryTable(inv *inventory.Inventory) error {
	columns := []render.Column{{Name: "customer, location", Fold: true}, {Name: "region"}, {Name: "law"},
		{Name: "operator"}, {Name: "objects", Right: true, Spare: true}, {Name: "entries", Right: true},
		{Name: "size", Right: true},
		{Name: "policy", Mark: true}}
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
		rows = append(rows, []string{cmp.Or(p.Customer, "(unassigned)"), p.Location().String(), p.Region,
			law(cmp.Or(p.Country, several(p.Countries)), p.Sets), p.OperatorIn, render.Count(p.Objects), entries,
			render.Bytes(p.Bytes), verdict(p)})
	}
	a.printStanding(inv)
	if len(rows) == 0 {
		text := "No data found."
		switch looked := func(c inventory.Coverage) bool { return c.Looked }; {
		case !slices.ContainsFunc(inv.Coverage, looked):
			text = "Nothing could be looked at."
		case !inv.Complete:
			text = "No data found in what could be looked at."
		}
		fmt.Fprintln(a.Out, text)
	} else if err := a.page.Table(a.Out, columns, grouped(rows)); err != nil {
		return err
	}
	if len(empty) > 0 {
		fmt.Fprintln(a.Out, "\n"+render.Wrap("Empty: "+strings.Join(empty, ", "), a.page.Width, "  "))
	}
	fmt.Fprintln(a.Out)
	a.paragraph("law: country where the bytes are, then EU or EEA membership. operator: home country of the "+
		"service's operator. entries: versions and delete markers. policy: %s.", inv.Policy)
	fmt.Fprintln(a.Out, render.Wrap(render.Text("configuration: "+configured(inv.Configuration)), a.page.Loose, "  "))
	a.printFindings(inv)
	a.printExposures("Exposures", inv.Exposures, inv.Safeguards)
	if n := inv.Unassigned(); n > 0 && len(inv.Exposures) > 0 {
		a.paragraph("Not among these exposures: %s of nobody's, as far as is known.",
			plural(n, "place"))
	}
	a.printCoverage(inv)
	return nil
}

// printStanding says first what would be missed at the end.
func (a *app) printStanding(inv *inventory.Inventory) {
	missed := plural(inv.NotLooked(), "place") + " could not be looked at, see below."
	switch {
	case inv.Compliance == nil && inv.Complete:
		a.paragraph("NOT KNOWN whether data is within the policy: see the findings below.")
	case inv.Compliance == nil:
		a.paragraph("NOT KNOWN whether data is within the policy: %s", missed)
	case !inv.Complete:
		a.paragraph("OUTSIDE of the policy; and %s", missed)
	default:
		return
	}
	fmt.Fprintln(a.Out)
}

// verdict is a place's, and whether that is waived.
func verdict(p inventory.Place) string {
	switch {
	case p.Waiver == nil:
		return string(p.Verdict)
	case p.Waiver.Expired:
		return string(p.Verdict) + ", waiver expired"
	}
	return string(p.Verdict) + ", waived"
}

// law is a country and the union it is in, if any.
func law(country string, sets []string) string {
	if country == "" {
		return "unknown"
	}
	return strings.TrimSpace(country + " " + union(sets))
}

// union is the EU or the EEA, if it is among the sets.
func union(sets []string) string {
	for _, set := range []string{"EU", "EEA"} {
		if slices.Contains(sets, set) {
			return set
		}
	}
	return ""
}

func (a *app) printFindings(inv *inventory.Inventory) {
	if len(inv.Findings) == 0 {
		return
	}
	fmt.Fprintln(a.Out, "\nFindings:")
	for _, f := range inv.Findings {
		where := inv.Where(f)
		if where != "" {
			where += ": "
		}
		word := string(f.Severity)
		if f.Waives() {
			word = "waived"
		}
		lead := fmt.Sprintf("%-10s ", word)
		text := render.Hang(lead, render.Text(fmt.Sprintf("%s%s [%s]", where, f.Text, f.Rule)), a.page.Width-2,
			strings.Repeat(" ", 13))
		fmt.Fprintln(a.Out, "  "+a.page.Mark(text))
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
	fmt.Fprintln(a.Out)
	a.paragraph("Looked at: %s.", strings.Join(looked, ", "))
	for _, c := range inv.Coverage {
		if !c.Looked {
			where := c.Provider + ":" + c.Region
			if c.Bucket != "" {
				where += ", bucket " + c.Bucket
			}
			if c.Kind != "" {
				where = c.Provider + ", " + c.Kind
			}
			a.paragraph("NOT looked at: %s: %s", where, c.Reason)
			if c.Kind == "" && c.Remedy != "" {
				fmt.Fprintln(a.Out, advice("  next: ", c.Remedy, a.page.Width))
			}
		}
	}
}
