package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/residency/residency/cmd/internal/config"
	"github.com/residency/residency/cmd/internal/render"
	"github.com/residency/residency/inventory"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/engine"
	"github.com/residency/residency/regions"
)

func (a *app) planCommand() *cobra.Command {
	var to, verify, restore string
	var exclude, without bool
	c := &cobra.Command{
		Use:   "plan --to REGION",
		Short: "Write a plan: what would move, where to, and what is in the way",
		Long: `plan lists one customer's data and writes down what would be moved: the manifest
of every version and delete marker, the mapping, blockers and warnings. It
changes nothing but the state. The plan's digest is what an approval names.

--to takes a region (eu-west-1), an area (eu-west: its lowest-numbered region
that is configured), or provider:region.`,
		Example: `  residency plan --to eu-west --customer acme
  residency plan --to cloud:eu-central-1 --customer acme -o json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := needTo(to); err != nil {
				return err
			}
			w, err := a.open(c.Context())
			if err != nil {
				return err
			}
			d, customer, err := a.aim(w, to)
			if err != nil {
				return err
			}
			if w.restore, err = restoreTier(restore); err != nil {
				return err
			}
			w.excludeUnlistable, w.withoutSettings = exclude, without
			p, err := a.makePlan(c.Context(), w, d, customer, verify)
			if err != nil {
				return err
			}
			if err := a.printPlan(p, d); err != nil {
				return err
			}
			if len(p.Blockers)+len(p.EraseBlockers) > 0 {
				return blocked(p)
			}
			return nil
		},
	}
	c.Flags().StringVar(&to, "to", "", "destination `region`")
	addVerify(c, &verify)
	addRestore(c, &restore)
	addExclude(c, &exclude)
	addWithout(c, &without)
	return c
}

// verifyAuto is how to verify unless told otherwise.
const verifyAuto = "auto"

func addVerify(c *cobra.Command, verify *string) {
	c.Flags().StringVar(verify, "verify", verifyAuto, "`how` to verify: auto (what the services compute, re-reading the rest) or readback (re-read all)")
}

func addExclude(c *cobra.Command, exclude *bool) {
	c.Flags().BoolVar(exclude, "exclude-unlistable", false, "leave at the source what its server does not list under its own key, and move the rest")
}

func addWithout(c *cobra.Command, without *bool) {
	c.Flags().BoolVar(without, "without-settings", false, "leave behind what cannot be read of the source buckets' settings (policy, lifecycle, …); without, that blocks")
}

func needTo(to string) error {
	if to == "" {
		return &usageError{err: errors.New("--to is missing"), hint: "say where to: --to eu-west, --to eu-central-1"}
	}
	return nil
}

func blocked(p *migrate.Plan) error {
	if len(p.Blockers) == 0 {
		return &refusedError{err: fmt.Errorf("%w: %w, by %s; nothing was changed", migrate.ErrBlocked, migrate.ErrEraseBarred, plural(len(p.EraseBlockers), "blocker")), hint: "remove what blocks, then plan again; or copy without erasing, with migrate --keep-source"}
	}
	return &refusedError{err: fmt.Errorf("%w: %s; nothing was changed", migrate.ErrBlocked, plural(len(p.Blockers), "blocker")), hint: "remove what blocks, then plan again"}
}

// aim finds the destination and the customer.
func (a *app) aim(w *world, to string) (regions.Resolution, string, error) {
	d, err := w.catalog.Resolve(to, w.offered())
	if err != nil {
		return d, "", err
	}
	customer, err := a.oneCustomer(w)
	return d, customer, err
}

// makePlan finds the customer's places and plans their move.
func (a *app) makePlan(ctx context.Context, w *world, d regions.Resolution, customer, verify string) (*migrate.Plan, error) {
	if verify != verifyAuto && verify != "readback" {
		return nil, &usageError{err: fmt.Errorf("--verify %q: one of auto, readback", verify)}
	}
	request := a.request(w, customer, nil)
	request.Locate = true
	inv, err := inventory.Scan(ctx, request)
	if err != nil {
		return nil, err
	}
	known := false
	for _, p := range inv.Places {
		known = known || p.Customer == customer
	}
	if !known && inv.Complete {
		return nil, w.unknown(customer)
	}
	if !w.policy(customer).Allows(d.Place.Code, d.Place.Country) {
		return nil, &refusedError{err: fmt.Errorf("%s (%s) is outside of the policy for %s, which allows %s", d.Place.Code, d.Place.Country, customer, w.policy(customer)), hint: "choose a destination that the policy allows, or change the policy"}
	}
	if err := w.roomFor(customer, inv.Places, d.Place); err != nil {
		return nil, err
	}
	operator := w.providers[d.Place.Provider].operator(d.Place.Code)
	progress := &engine.Progress{}
	defer a.watch(ctx, progress)()
	progress.Begin("planning", 0, 0)
	return migrate.Make(ctx, w.home, migrate.Request{
		Customer: customer, Verify: verify, Inventory: inv, Stores: w.stores, Now: a.now(), Progress: progress,
		Destination: migrate.Region{Provider: d.Place.Provider, Code: d.Place.Code, Country: d.Place.Country, Operator: operator.Name, OperatorCountry: operator.Country},
		Exposures:   inventory.Exposures(w.catalog, d.Place.Country, operator),
		Country:     func(provider, region string) string { return w.providers[provider].country(region) },
		Claims:      w.claims(d.Place.Provider, d.Place.Code),
		TagKey:      w.config.Discovery.BucketTag,
		KMSKey:      w.config.Destination.KMSKey,
		AnyClass:    w.config.Destination.StorageClass == config.AnyClass,
		Restore:     w.restore, CustomerKeys: len(w.config.Keys) > 0, ExcludeUnlistable: w.excludeUnlistable, WithoutSettings: w.withoutSettings,
		BucketName: func(bucket, from string) string { return w.config.BucketName(bucket, d.Place.Code, customer, from) },
	})
}

// unknown says why a customer of whom nothing was found has nothing.
func (w *world) unknown(customer string) error {
	var named []string
	for _, c := range w.config.Claims() {
		if c.Customer == customer {
			named = append(named, c.Location.String())
		}
	}
	why := "the configuration does not name them"
	if len(named) > 0 {
		slices.Sort(named)
		why = fmt.Sprintf("no configured region shows %s, which the configuration names", strings.Join(named, ", "))
	}
	tag := w.config.Discovery.BucketTag
	return &usageError{err: fmt.Errorf("no data of customer %q: %s, and no bucket is tagged %s=%s", customer, why, tag, customer),
		hint: "residency inventory shows who has what"}
}

// watch reports a run's progress until the returned stop is called.
func (a *app) watch(ctx context.Context, p *engine.Progress) (stop func()) {
	reporter := a.reporter()
	p.Phased = func(ended bool) {
		if ended {
			reporter.Ended(snapshot(p))
		} else {
			reporter.Began(snapshot(p))
		}
	}
	stopWatch := reporter.Watch(ctx, func() render.Snapshot { return snapshot(p) })
	return func() {
		p.End()
		stopWatch()
	}
}

func snapshot(p *engine.Progress) render.Snapshot {
	phase, _ := p.Phase.Load().(string)
	return render.Snapshot{
		Phase: phase, Entries: p.Entries.Load(), EntriesTotal: p.EntriesTotal.Load(), Bytes: p.Bytes.Load(), BytesTotal: p.BytesTotal.Load(),
		Failures: p.Failures.Load(), Retries: p.Retries.Load(),
	}
}

func (a *app) printPlan(p *migrate.Plan, d regions.Resolution) error {
	switch a.output {
	case "json":
		return a.json(p)
	case "csv":
		var rows [][]string
		for _, m := range p.Moves {
			rows = append(rows, []string{m.From().String(), m.Source.Code, m.Source.Country, p.To(m).String(), p.Destination.Code, p.Destination.Country, m.Way, number(m.Totals.Versions), number(m.Totals.Markers), number(m.Totals.Uploads), number(m.Totals.Bytes)})
		}
		return render.CSV(a.Out, []string{"source", "source_region", "source_country", "destination", "destination_region", "destination_country", "way", "versions", "delete_markers", "unfinished_uploads", "bytes"}, rows)
	}
	fmt.Fprintf(a.Out, "Plan %s\n\n", p.ID)
	fmt.Fprintf(a.Out, "  customer     %s\n", p.Customer)
	fmt.Fprintf(a.Out, "  destination  %s, %s; operated by %s (%s)\n", p.Destination, law(p.Destination.Country, a.sets(p.Destination.Country)), orUnknown(p.Destination.Operator), orUnknown(p.Destination.OperatorCountry))
	if d.Area {
		var others []string
		for _, o := range d.Alternatives {
			others = append(others, fmt.Sprintf("%s (%s)", o.Code, orUnknown(o.Country)))
		}
		if len(others) > 0 {
			fmt.Fprintf(a.Out, "               chosen as the lowest-numbered of its area; others: %s\n", strings.Join(others, ", "))
		}
	}
	for _, end := range p.Ends() {
		if end.Endpoint != "" {
			fmt.Fprintf(a.Out, "  answered by  %s for %s, account %s\n", end.Endpoint, end, orUnknown(end.Account))
		}
	}
	for _, c := range p.OwnerChecks {
		fmt.Fprintf(a.Out, "  owner check  %s\n", render.Wrap(render.Text(c.At+": "+c.String()), render.Width-15, strings.Repeat(" ", 15)))
	}
	fmt.Fprintf(a.Out, "  to move      %s entries (%s versions, %s delete markers), %s\n", render.Count(p.Totals.Entries), render.Count(p.Totals.Versions), render.Count(p.Totals.Markers), render.Bytes(p.Totals.Bytes))
	fmt.Fprintf(a.Out, "  verify       %s\n\n", p.Verify)
	if len(p.Moves) > 0 {
		var rows [][]string
		for _, m := range p.Moves {
			rows = append(rows, []string{m.From().String(), m.Source.Code + " " + m.Source.Country, p.To(m).String(), m.Way, render.Count(m.Totals.Entries), render.Bytes(m.Totals.Bytes)})
		}
		if err := render.Table(a.Out, []render.Column{{Name: "source", Fold: true}, {Name: "in"}, {Name: "destination", Fold: true}, {Name: "way"}, {Name: "entries", Right: true}, {Name: "size", Right: true}}, rows); err != nil {
			return err
		}
	}
	if err := a.printParity(p.Parity); err != nil {
		return err
	}
	a.printIssues("Blockers: nothing moves before these are gone", p.Blockers)
	a.printIssues("Blockers of the erase: nothing moves before these are gone, unless with --keep-source", p.EraseBlockers)
	a.printIssues("Warnings", p.Warnings)
	a.printExposures("Exposures at the destination", p.Exposures)
	fmt.Fprintf(a.Out, "\ndigest %s\n", p.Digest)
	return nil
}

// printParity shows what becomes of the buckets' settings.
func (a *app) printParity(parity []migrate.Parity) error {
	if len(parity) == 0 {
		return nil
	}
	rows := make([][]string, len(parity))
	for i, x := range parity {
		rows[i] = []string{x.Bucket, x.Setting, x.Outcome, x.Detail}
	}
	fmt.Fprintln(a.Out)
	return render.Table(a.Out, []render.Column{{Name: "bucket, setting", Fold: true}, {Name: "outcome"}, {Name: "detail", Fold: true}}, grouped(rows))
}

func orUnknown(s string) string {
	if s == "" {
		return "unknown"
	}
	return s
}

// sets asks the catalog, which Load has read once already in this command.
func (a *app) sets(country string) []string {
	catalog, err := regions.Load()
	if err != nil {
		return nil
	}
	return catalog.Sets(country)
}

func (a *app) printIssues(title string, issues []migrate.Issue) {
	if len(issues) == 0 {
		return
	}
	fmt.Fprintf(a.Out, "\n%s:\n", title)
	for _, i := range issues {
		text := i.Text
		if i.Location != "" {
			text = i.Location + ": " + text
		}
		if i.Count > 0 {
			text += fmt.Sprintf(" (%s)", render.Count(i.Count))
		}
		fmt.Fprintln(a.Out, "  "+render.Wrap(render.Text(text+" ["+i.Rule+"]"), render.Width-2, "    "))
		if i.Remedy != "" {
			fmt.Fprintln(a.Out, "    next: "+i.Remedy)
		}
		if a.logKeys {
			for _, k := range i.Keys {
				fmt.Fprintln(a.Out, "    key: "+render.Text(string(k)))
			}
		}
	}
}
