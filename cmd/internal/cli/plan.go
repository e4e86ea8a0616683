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
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/cost"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/progress"
	"github.com/residency/residency/migrate/record"
	"github.com/residency/residency/regions"
)

func (a *app) planCommand() *cobra.Command {
	var to, verify, restore string
	var exclude, without, redirects, stream, unguarded bool
	var transit []string
	var scope scopeFlags
	var most maxCost
	c := &cobra.Command{
		Use:   "plan --to REGION",
		Short: "Write a plan: what would move, where to, and what stands in the way",
		Long: `plan lists one customer's data and records what would move: every version and
delete marker, the destination of each, what happens to the buckets' settings,
blockers and warnings. It changes nothing but the state. An approval names the
plan's digest.

What is outside of the policy moves, and what is in the United States. The rest
stays where it is, which the plan says, unless --all is given.

What it costs is estimated, as a range, by the prices of residency help cost. With
--max-cost a plan that may cost more, or of which that cannot be told, is refused.

--to takes a region (eu-west-1), an area (eu-west), or provider:region. Of an area
it is the lowest-numbered configured region that the policy allows. If it allows
some inside and some outside of the EU (eu-west-2 is London), name one. Of several
destinations each gets a plan for the data of its own provider; -o json writes a list
of them.`,
		Example: `  residency plan --to eu-west --customer acme
  residency plan --to aws:eu-west-1,blob:northeurope,google:europe-west1 --customer acme
  residency plan --to cloud:eu-central-1 --customer acme -o json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := needTo(to); err != nil {
				return err
			}
			all, err := a.targets(c.Context(), to, scope)
			if err != nil {
				return err
			}
			return all.end(all.each(c.Context(), func(ctx context.Context, one target) error {
				w := one.session
				d, customer, err := a.resolve(ctx, w, one.to)
				if err != nil {
					return err
				}
				if w.restore, err = restoreTier(restore); err != nil {
					return err
				}
				w.excludeUnlistable, w.withoutSettings, w.askRedirects, w.stream = exclude, without, redirects, stream
				w.unguardedWrites = unguarded
				if w.noTransit, err = w.countries(transit); err != nil {
					return err
				}
				p, err := a.makePlan(ctx, w, d, customer, verify)
				if errors.Is(err, plan.ErrNothing) {
					return errors.Join(a.nothingToMove(d, customer, err), err)
				}
				if err != nil {
					return err
				}
				a.reportOf(w).AddPlan(p)
				a.found.People = a.planPage(ctx, w, p)
				estimate, err := a.estimate(ctx, w, p)
				if err != nil {
					return err
				}
				if err := a.printPlan(p, d, estimate); err != nil {
					return err
				}
				if len(p.Blockers)+len(p.EraseBlockers) > 0 {
					return blocked(p)
				}
				return most.admits(estimate)
			}))
		},
	}
	c.Flags().StringVar(&to, "to", "", "destination `region`; several, with commas between: for each the data of its own "+
		"provider, by a plan\nof its own")
	addVerify(c, &verify)
	addRestore(c, &restore)
	addExclude(c, &exclude)
	addWithout(c, &without)
	addRedirects(c, &redirects)
	addStream(c, &stream)
	addUnguarded(c, &unguarded)
	addTransit(c, &transit)
	most.addTo(c)
	scope.addTo(c)
	a.addReport(c)
	return inFormats(c, "json", "csv")
}

func planColumns() []string {
	return []string{"source", "source_region", "source_country", "destination", "destination_region",
		"destination_country", "way", "versions", "delete_markers", "unfinished_uploads", "bytes"}
}

// passing says how many bytes do.
func passing(p *plan.Plan) string {
	least, all := int64(0), true
	for _, m := range p.Moves {
		switch m.Way {
		case plan.Streamed:
			least += m.Totals.Bytes
		case plan.Mixed:
			least, all = least+m.Through.Bytes, false
		}
	}
	if all {
		return "bytes"
	}
	return render.Bytes(least) + ", and what the service does not copy after all,"
}

// verifyAuto is how to verify unless told otherwise.
const verifyAuto = "auto"

func verifyWays() []string { return []string{verifyAuto, "readback"} }

func addVerify(c *cobra.Command, verify *string) {
	c.Flags().StringVar(verify, "verify", verifyAuto,
		"`how` to verify: auto (by what the services compute, re-reading only the rest) or\nreadback (re-read "+
			"everything)")
}

func addExclude(c *cobra.Command, exclude *bool) {
	c.Flags().BoolVar(exclude, "exclude-unlistable", false,
		"leave at the source the entries whose keys its server cannot list, and move the rest")
}

func addWithout(c *cobra.Command, without *bool) {
	c.Flags().BoolVar(without, "without-settings", false,
		"do not carry source bucket settings that cannot be read (policy, lifecycle, …), instead of\nblocking the plan")
}

func addRedirects(c *cobra.Command, redirects *bool) {
	c.Flags().BoolVar(redirects, "ask-redirects", false,
		"ask each version that the service copies by itself for a website redirect, which such a copy does not carry: "+
			"a request more for each")
}

func addStream(c *cobra.Command, stream *bool) {
	c.Flags().BoolVar(stream, "stream", false,
		"have bytes pass through this machine also where the service could copy them by itself, as where the\n"+
			"network rules of the source let this machine in, and not the service")
}

func addUnguarded(c *cobra.Command, unguarded *bool) {
	c.Flags().BoolVar(unguarded, "unguarded-writes", false,
		"where the destination takes no conditional writes: look at each key right before it is written,\n"+
			"instead of blocking the plan; what others write between the two is not seen")
}

func needTo(to string) error {
	if to == "" {
		return &usageError{err: errors.New("--to is missing"),
			remedy: "name the destination: --to eu-west, --to eu-central-1"}
	}
	return nil
}

func blocked(p *plan.Plan) error {
	if len(p.Blockers) == 0 {
		return &refusedError{err: fmt.Errorf("%w: %w, by %s; nothing was changed", migrate.ErrBlocked,
			migrate.ErrEraseBarred, plural(len(p.EraseBlockers), "blocker")),
			remedy: "resolve the blockers, then plan again; or copy without erasing (migrate --keep-source)"}
	}
	return &refusedError{err: fmt.Errorf("%w: %s; nothing was changed", migrate.ErrBlocked,
		plural(len(p.Blockers), "blocker")), remedy: "resolve the blockers, then plan again"}
}

// resolve finds the destination and the customer.
func (a *app) resolve(ctx context.Context, w *session, to string) (regions.Resolution, string, error) {
	d, err := a.destination(ctx, w, to)
	if err != nil {
		return d, "", err
	}
	customer, err := a.oneCustomer(w)
	return d, customer, err
}

// makePlan finds the customer's places and plans their move.
func (a *app) makePlan(ctx context.Context, w *session, d regions.Resolution, customer, verify string) (*plan.Plan,
	error) {
	if err := choice("verify", verify, verifyWays()); err != nil {
		return nil, err
	}
	request := a.request(w, customer, nil)
	request.Locate = true
	inv, err := inventory.Scan(ctx, request)
	if err != nil {
		return nil, err
	}
	found := slices.ContainsFunc(inv.Places, func(p inventory.Place) bool { return p.Customer == customer })
	if !found && (inv.Complete || !slices.Contains(inv.Names, customer)) {
		return nil, w.unknown(customer, inv)
	}
	if !w.policy(customer).Allows(d.Place.Code, d.Place.Country) {
		return nil,
			&refusedError{err: fmt.Errorf("%s (%s) is outside of the policy for %s, which allows %s", d.Place.Code,
				d.Place.Country, customer, w.policy(customer)),
				remedy: "choose a destination that the policy allows, or change the policy"}
	}
	if err := w.checkSources(customer, inv); err != nil {
		return nil, err
	}
	if err := w.checkStateBeforePlanning(customer, inv, d.Place); err != nil {
		return nil, err
	}
	operator := w.providers[d.Place.Provider].operator(d.Place.Code)
	reach, safeguards := inventory.Exposures(w.catalog, d.Place.Country, operator)
	charges := &plan.Charges{At: a.now()}
	progress := &progress.Progress{}
	stop := a.watch(ctx, progress)
	progress.Begin("planning", 0, 0)
	p, err := plan.Make(ctx, w.home, plan.Request{
		Customer: customer, Verify: verify, Scope: w.scope, Inventory: inv, Stores: w.stores, Now: a.now(),
		Progress: progress,
		Destination: plan.Region{Provider: d.Place.Provider, Code: d.Place.Code, Country: d.Place.Country,
			Operator: operator.Name, OperatorCountry: operator.Country},
		Exposures: reach, Safeguards: safeguards,
		Country: func(provider, region string) string { return w.providers[provider].country(region) },
		Allows:  w.policy(customer).Allows,
		Claims:  w.claims(d.Place.Provider, d.Place.Code),
		TagKey:  w.config.Discovery.BucketTag,
		KMSKey:  w.config.Destination.KMSKey,

		Encryption: w.config.Destination.Asked(),
		AnyClass:   w.config.Destination.StorageClass == config.AnyClass,
		Restore:    w.restore, CustomerKeys: len(w.config.Keys) > 0, ExcludeUnlistable: w.excludeUnlistable,
		WithoutSettings: w.withoutSettings, AskRedirects: w.askRedirects, Stream: w.stream,
		UnguardedWrites: w.unguardedWrites, Charges: charges, Planner: a.planner(w), NoTransit: w.noTransit,
		Locate: func(planner *certificate.Actor) {
			a.locateMachine(ctx, w)
			planner.Country, planner.Basis = a.who.Country, a.who.Basis
		},
		Seen: record.Endpoints{Home: w.home},
		BucketName: func(at objectstore.Location, from string) string {
			return w.config.BucketName(at, d.Place.Code, customer, from)
		},
		Map: w.config.Destination.Map,
	})
	stop(err)
	if err == nil {
		w.charges, w.charged = charges, p.ID
	}
	return p, err
}

// watch reports a run's progress until the returned stop is called with the error that
// the run ended with.
func (a *app) watch(ctx context.Context, p *progress.Progress) (stop func(error)) {
	reporter := a.reporter()
	var failed error // of the last phase
	p.Phased = func(over bool) {
		if over {
			reporter.Ended(snapshot(p), ended(ctx, failed))
		} else {
			reporter.Began(snapshot(p))
		}
	}
	stopWatch := reporter.Watch(ctx, func() render.Snapshot { return snapshot(p) })
	return func(err error) {
		failed = err
		p.End()
		stopWatch()
	}
}

// ended is how a phase ended.
func ended(ctx context.Context, err error) string {
	switch {
	case ctx.Err() != nil:
		return render.Interrupted
	case err != nil:
		return render.Stopped
	}
	return render.Done
}

func snapshot(p *progress.Progress) render.Snapshot {
	phase, _ := p.Phase.Load().(string)
	return render.Snapshot{
		Phase: phase, Entries: p.Entries.Load(), EntriesTotal: p.EntriesTotal.Load(), Bytes: p.Bytes.Load(),
		BytesTotal: p.BytesTotal.Load(),
		Failures:   p.Failures.Load(), Retries: p.Retries.Load(),
	}
}

// printPlan shows a plan, with what it costs unless that is nil.
func (a *app) printPlan(p *plan.Plan, d regions.Resolution, estimate *cost.Estimate) error {
	switch a.output {
	case "json":
		return a.json(planView{p, estimate})
	case "csv":
		var rows [][]string
		for _, m := range p.Moves {
			rows = append(rows,
				[]string{m.From().String(), m.Source.Code, m.Source.Country, p.To(m).String(), p.Destination.Code,
					p.Destination.Country, m.Way, number(m.Totals.Versions), number(m.Totals.Markers),
					number(m.Totals.Uploads), number(m.Totals.Bytes)})
		}
		if a.together != nil {
			a.together.rows = append(a.together.rows, rows...)
			return nil
		}
		return render.CSV(a.Out, planColumns(), rows)
	}
	fmt.Fprintf(a.Out, "Plan %s\n\n", p.ID)
	a.fact("customer", "%s", p.Customer)
	a.fact("destination", "%s, %s; operated by %s (%s)", p.Destination,
		law(p.Destination.Country, a.sets(p.Destination.Country)), orUnknown(p.Destination.Operator),
		orUnknown(p.Destination.OperatorCountry))
	if d.Area {
		var others []string
		for _, o := range d.Alternatives {
			others = append(others, fmt.Sprintf("%s (%s)", o.Code, orUnknown(o.Country)))
		}
		if len(others) > 0 {
			a.fact("", "chosen in the area, by the policy or as the first; others: %s", strings.Join(others, ", "))
		}
	}
	for _, end := range p.Ends() {
		if end.Endpoint != "" {
			a.fact("endpoint", "%s for %s, account %s", end.Endpoint, end, orUnknown(end.Account))
		}
	}
	for _, c := range p.OwnerChecks {
		a.fact("owner check", "%s: %s", c.At, c)
	}
	a.fact("to move", "%s entries (%s versions, %s delete markers), %s",
		render.Count(p.Totals.Entries), render.Count(p.Totals.Versions), render.Count(p.Totals.Markers),
		render.Bytes(p.Totals.Bytes))
	if p.Configuration != nil {
		a.fact("configured", "%s", configured(*p.Configuration))
	}
	if p.Encryption != "" {
		a.fact("encryption", "writes ask for %s; a copy that does not say that it has it is a mismatch", p.Encryption)
	}
	a.fact("verify", "%s", p.Verify)
	if estimate != nil {
		a.printCost(estimate)
	}
	if p.Streams() && p.Planner != nil {
		a.fact("transit", "%s pass through the machine that runs the plan; this one (%s) is in %s", passing(p),
			p.Planner.Host, standing(*p.Planner))
	}
	fmt.Fprintln(a.Out)
	if len(p.Moves) > 0 {
		var rows [][]string
		for _, m := range p.Moves {
			rows = append(rows, []string{m.From().String(), m.Source.Code + " " + m.Source.Country, p.To(m).String(),
				m.Way, render.Count(m.Totals.Entries), render.Bytes(m.Totals.Bytes)})
		}
		if err := a.page.Table(a.Out,
			[]render.Column{{Name: "source", Fold: true}, {Name: "in"}, {Name: "destination", Fold: true},
				{Name: "way"}, {Name: "entries", Right: true}, {Name: "size", Right: true}}, rows); err != nil {
			return err
		}
	}
	a.printScope(p)
	if err := a.printParity(p.Parity); err != nil {
		return err
	}
	if estimate != nil {
		if err := a.printParts(estimate); err != nil {
			return err
		}
	}
	a.printIssues("Blockers: resolve these before migrating", p.Blockers)
	a.printIssues("Blockers of the erase: resolve these before migrating, or copy with --keep-source", p.EraseBlockers)
	a.printIssues("Warnings", p.Warnings)
	a.printExposures("Exposures at the destination", p.Exposures, p.Safeguards)
	fmt.Fprintf(a.Out, "\ndigest %s\n", p.Digest)
	return nil
}

// printParity shows what becomes of the buckets' settings.
func (a *app) printParity(parity []plan.Parity) error {
	if len(parity) == 0 {
		return nil
	}
	rows := make([][]string, len(parity))
	for i, x := range parity {
		rows[i] = []string{x.Bucket, x.Setting, x.Outcome, x.Detail}
	}
	fmt.Fprintln(a.Out)
	return a.page.Table(a.Out, []render.Column{{Name: "bucket, setting", Fold: true}, {Name: "outcome", Mark: true},
		{Name: "detail", Fold: true}}, grouped(rows))
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

func (a *app) printIssues(title string, issues []plan.Issue) {
	if len(issues) == 0 {
		return
	}
	fmt.Fprintf(a.Out, "\n%s:\n", a.page.Mark(title))
	for _, i := range issues {
		text := i.Text
		if i.Location != "" {
			text = i.Place() + ": " + text
		}
		if i.Count > 0 {
			text += fmt.Sprintf(" (%s)", render.Count(i.Count))
		}
		fmt.Fprintln(a.Out, render.Hang("  ", render.Text(text+" ["+i.Rule+"]"), a.page.Width, "    "))
		if i.Remedy != "" {
			fmt.Fprintln(a.Out, advice("    next: ", i.Remedy, a.page.Loose))
		}
		if a.logKeys {
			for _, k := range i.Keys {
				fmt.Fprintln(a.Out, "    key: "+render.Text(string(k)))
			}
		}
	}
}
