package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/residency/residency/cmd/internal/render"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/state"
	"github.com/residency/residency/regions"
)

// The commands for a plan that exists.

func (a *app) eraseCommand() *cobra.Command {
	var plan string
	var agree approval
	var workers int
	var sign signFlags
	c := &cobra.Command{
		Use:   "erase --plan ID",
		Short: "Erase the source of a plan that was run with --keep-source",
		Long: `erase passes the same gate as migrate: every entry is verified, the source is as
planned, and the destination still shows what was written. Then it deletes exactly
the versions in the plan, lists what is left, and writes the certificate.
` + exitCodes,
		Example: `  residency erase --plan acme-eu-west-1-3f9a0c1b2d4e --approve 3f9a0c1b2d4e`,
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := errors.Join(agree.check(1), checkWorkers(workers)); err != nil {
				return err
			}
			signs, err := sign.read(c.Context(), a)
			if err != nil {
				return err
			}
			w, p, err := a.planned(c.Context(), plan)
			if err != nil {
				return err
			}
			w.signing = signs
			w.signing.warn(a, p.Destination.Country)
			departs, err := a.checkPlan(c.Context(), w, p, false)
			if err != nil {
				return err
			}
			files, err := ownShare()
			if err != nil {
				return err
			}
			runner := a.runner(w, files.most(workers))
			runner.Departs = departs
			status, err := runner.Status(c.Context(), p)
			if err != nil {
				return err
			}
			if status.Stage == migrate.Certified {
				if err := a.confirmDigest(c.Context(), w, p, agree); err != nil {
					return err
				}
				n := nothing{Plan: &p.ID, Customer: p.Customer, Destination: p.Destination.String(),
					Reason: "the source of plan " + p.ID + " was erased and found empty"}
				if err := a.vanished(c.Context(), w, n, p); err != nil {
					return err
				}
				return a.nothingToDo(n)
			}
			agree.stands = stands(status) + " What is to be approved is that its entries are deleted at the source."
			command := a.command("erase", append([]string{"--plan", p.ID, "--approve", p.Digest}, w.signing.words...)...)
			if err := a.approve(c.Context(), w, p, regions.Resolution{}, agree, command, nil); err != nil {
				return err
			}
			a.noteDeparture(p, departs)
			err = a.carryOut(c.Context(), w, p, "erase", func(ctx context.Context) (*migrate.Result, error) {
				runner.Actor, runner.Approval = a.actor(w), a.approvedBy
				return runner.Erase(ctx, p)
			}, runner)
			if err != nil {
				return &eraseError{err: err, carries: a.command("migrate", "--plan", p.ID, "--approve", p.Digest)}
			}
			return nil
		},
	}
	addPlan(c, &plan)
	c.Flags().IntVar(&workers, "workers", migrate.DefaultWorkers, "deletion requests sent at once")
	agree.addTo(c, "")
	sign.addTo(c)
	return c
}

func addPlan(c *cobra.Command, plan *string) {
	c.Flags().StringVar(plan, "plan", "", "the plan's `ID` or digest")
}

func (a *app) verifyCommand() *cobra.Command {
	var plan, how string
	c := &cobra.Command{
		Use:   "verify --plan ID",
		Short: "Check the destination against the receipts again",
		Long: `verify lists the destination and compares it with the receipts of a plan, at any
later time. With --verify readback it also reads every version and compares its
SHA-256 or, where its receipt has none, the checksum by which it was proven. Where
there is none of the bytes alone, as of objects in parts that a service copied by
itself, it compares the checksum that the store keeps, and says of how many.`,
		Example: `  residency verify --plan acme-eu-west-1-3f9a0c1b2d4e
  residency verify --plan acme-eu-west-1-3f9a0c1b2d4e --verify readback`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := choice("verify", how, verifyWays()); err != nil {
				return err
			}
			w, p, err := a.planned(c.Context(), plan)
			if err != nil {
				return err
			}
			runner := a.runner(w, 0)
			stop := a.watch(c.Context(), runner.Progress)
			v, err := runner.Verify(c.Context(), p, how == "readback")
			stop(err)
			if v == nil {
				return err
			}
			a.reportOf(w).AddVerification(p, v)
			if a.output == "json" {
				return errors.Join(a.json(v), err)
			}
			say := a.paragraph
			say("%s of %s entries of plan %s are at the destination as written.", render.Count(v.Entries-v.Recorded-v.Spoiled),
				render.Count(v.Entries-v.Recorded), p.ID)
			if v.Recorded > 0 {
				say("The destination's service has no place for %s delete markers, which the evidence alone has.",
					render.Count(v.Recorded))
			}
			if how == "readback" {
				say("%s were read again and match the checksum in their evidence.", render.Count(v.Reread))
			}
			if v.Compared > 0 {
				say("For %s, whose evidence has no checksum of the bytes alone, the store's own was compared.",
					render.Count(v.Compared))
			}
			if v.Certified {
				say("The certificate says what the plan and the receipts say.")
			}
			if v.Newer > 0 {
				say("Not checked, as not made by this plan: further entries there (%s).",
					render.Count(v.Newer))
				if v.Covered > 0 {
					say("For %s of the plan's keys, what is current is such an entry, and not what this plan wrote last.",
						render.Count(v.Covered))
				}
			}
			if v.Own > 0 {
				say("Not checked, as residency's own: leases of runs that are active or were killed (%s).",
					render.Count(v.Own))
			}
			a.printProblems(v.Problems)
			return err
		},
	}
	addPlan(c, &plan)
	c.Flags().StringVar(&how, "verify", "auto",
		"`how` to verify: auto (by listing) or readback (read every version again)")
	a.addReport(c)
	return c
}

func (a *app) statusCommand() *cobra.Command {
	var plan string
	c := &cobra.Command{
		Use:   "status",
		Short: "Show what is done, what is left and what is in the way",
		Long: `status reads the state and sends no request to any store (except to the one that
holds the state). Without --plan it lists all plans; with it, it shows that plan.`,
		Example: `  residency status
  residency status --plan acme-eu-west-1-3f9a0c1b2d4e -o json`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			w, err := a.openState(c.Context())
			if err != nil {
				return err
			}
			if plan != "" {
				p, err := a.load(c.Context(), w, plan)
				if err != nil {
					return err
				}
				s, err := a.runner(w, 0).Status(c.Context(), p)
				if err != nil {
					return err
				}
				if a.output == "csv" {
					return a.printPlans(w, []any{s})
				}
				return a.printStatus(p, s)
			}
			return a.listPlans(c.Context(), w)
		},
	}
	addPlan(c, &plan)
	return inFormats(c, "json", "csv")
}

func (a *app) listPlans(ctx context.Context, w *session) error {
	ids, err := plan.List(ctx, w.home)
	if err != nil {
		return err
	}
	all := []any{}
	names := sortedKeys(w.config.Customers)
	var damaged error // what hides others' plans from nobody
	for _, id := range ids {
		s, err := a.statusOf(ctx, w, id)
		if errors.Is(err, state.ErrDamaged) {
			if a.customer == "" || strings.HasPrefix(id, a.customer+"-") {
				damaged = errors.Join(damaged, fmt.Errorf("plan %s: %w", id, err))
				all = append(all, damagedPlan{"residency/status/1", id, migrate.Damaged, err.Error()})
			}
			continue
		}
		if err != nil {
			return err
		}
		names = append(names, s.Customer)
		if a.customer == "" || s.Customer == a.customer {
			all = append(all, s)
		}
	}
	if a.customer != "" && damaged == nil && !slices.Contains(names, a.customer) {
		return &usageError{err: fmt.Errorf("no plan in %s is about customer %q, and the configuration does not name them%s",
			w.home, a.customer, meant(a.customer, names)), remedy: "residency status lists the plans of all customers"}
	}
	return errors.Join(a.printPlans(w, all), damaged)
}

func (a *app) statusOf(ctx context.Context, w *session, id string) (*migrate.Status, error) {
	p, err := plan.Load(ctx, w.home, id)
	if err != nil {
		return nil, err
	}
	return a.runner(w, 0).Status(ctx, p)
}

// damagedPlan is a plan of which nothing is known.
type damagedPlan struct {
	Schema string        `json:"schema"`
	Plan   string        `json:"plan"`
	Stage  migrate.Stage `json:"stage"`
	Error  string        `json:"error"`
}

// printPlans lists plans: a *migrate.Status of each, or a damagedPlan.
func (a *app) printPlans(w *session, all []any) error {
	if a.output == "json" {
		return a.json(all)
	}
	header := []render.Column{{Name: "plan"}, {Name: "customer", Spare: true}, {Name: "destination", Fold: true},
		{Name: "stage", Mark: true},
		{Name: "verified", Right: true}, {Name: "entries", Right: true}, {Name: "created", Spare: true}}
	created, count := time.DateOnly, render.Count
	if a.output == "csv" {
		created, count = "2006-01-02 15:04", number
	}
	var rows [][]string
	for _, one := range all {
		switch s := one.(type) {
		case *migrate.Status:
			rows = append(rows, []string{s.Plan, s.Customer, s.Destination, string(s.Stage), count(s.EntriesCopied),
				count(s.Entries), s.Created.Format(created)})
		case damagedPlan:
			rows = append(rows, []string{s.Plan, "", "", string(s.Stage), "", "", ""})
		}
	}
	if a.output == "csv" {
		names := make([]string, len(header))
		for i, c := range header {
			names[i] = c.Name
		}
		return render.CSV(a.Out, names, rows)
	}
	if len(rows) == 0 {
		fmt.Fprintf(a.Out, "No plans in %s.\n", w.home)
		return nil
	}
	return a.page.Table(a.Out, header, rows)
}

func (a *app) printStatus(p *plan.Plan, s *migrate.Status) error {
	if a.output == "json" {
		return a.json(s)
	}
	if err := a.printPlan(p, regions.Resolution{}, nil); err != nil {
		return err
	}
	fmt.Fprintf(a.Out, "\nstage     %s\nverified  %s of %s entries, %d of %d segments\nerased    %d of %d segments\n",
		s.Stage,
		render.Count(s.EntriesCopied), render.Count(s.Entries), s.SegmentsCopied, s.Segments, s.SegmentsErased,
		s.Segments)
	for _, l := range s.Left {
		a.paragraph("left      %s: %s entries, %s unfinished uploads: %s", l.Location, render.Count(l.Entries),
			render.Count(l.Uploads), l.Reason)
	}
	if next := a.nextStep(p, s); next != "" {
		fmt.Fprintf(a.Out, "next      %s\n", next)
	}
	return nil
}

// stands says how a plan stands.
func stands(s *migrate.Status) string {
	return fmt.Sprintf("Stage of this plan: %s. %s of its %s entries are copied and verified; %d of %s erased at the source.",
		s.Stage, render.Count(s.EntriesCopied), render.Count(s.Entries), s.SegmentsErased, plural(s.Segments, "segment"))
}

// nextStep is the command that goes on from where a plan is.
func (a *app) nextStep(p *plan.Plan, s *migrate.Status) string {
	if len(p.Blockers) > 0 {
		return "" // they name what to do
	}
	switch s.Stage {
	case migrate.Planned, migrate.Copying, migrate.Aborted:
		if len(p.EraseBlockers) > 0 {
			return a.command("migrate", "--plan", p.ID, "--keep-source", "--approve", p.Digest)
		}
		return a.command("migrate", "--plan", p.ID, "--approve", p.Digest)
	case migrate.Copied, migrate.Erasing:
		return a.command("erase", "--plan", p.ID, "--approve", p.Digest)
	case migrate.Aborting:
		return a.command("migrate", "--abort", p.ID, "--approve", p.Digest)
	case migrate.Certified:
		return a.command("verify", "--plan", p.ID)
	}
	return ""
}

// load finds a plan by its ID or digest, for every command that is given one.
// With --customer, another customer's plan is refused.
func (a *app) load(ctx context.Context, w *session, name string) (*plan.Plan, error) {
	p, err := plan.Load(ctx, w.home, name)
	if err == nil && a.customer != "" && a.customer != p.Customer {
		return nil, &refusedError{err: fmt.Errorf("plan %s is about customer %s, not %s", p.ID, p.Customer, a.customer),
			remedy: "name that customer, or leave --customer out"}
	}
	if err == nil {
		r := a.reportOf(nil)
		r.Plan, r.Digest, r.Customer = p.ID, p.Digest, p.Customer
	}
	return p, err
}

// planned opens a session and loads a plan.
func (a *app) planned(ctx context.Context, name string) (*session, *plan.Plan, error) {
	if name == "" {
		return nil, nil, &usageError{err: errors.New("--plan is missing"), remedy: "residency status lists the plans"}
	}
	w, err := a.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	p, err := a.load(ctx, w, name)
	if err != nil {
		return nil, nil, err
	}
	if err := hasSources(w, p); err != nil {
		return nil, nil, err
	}
	return w, p, a.checkDestination(w, p)
}

// checkDestination refuses a plan whose destination is not where the catalog and the
// configuration say it is, or where the policy lets nothing be: a plan is a
// file, and its word is not enough.
func (a *app) checkDestination(w *session, p *plan.Plan) error {
	at, ok := w.providers[p.Destination.Provider]
	if !ok {
		return &usageError{err: fmt.Errorf("plan %s moves to provider %s, which the configuration does not have", p.ID,
			p.Destination.Provider)}
	}
	d, err := w.resolve(p.Destination.String())
	if err != nil {
		return fmt.Errorf("plan %s: %w", p.ID, err)
	}
	if country := at.country(p.Destination.Code); country != p.Destination.Country {
		return &refusedError{err: fmt.Errorf("plan %s says that %s is in %q; it is in %q", p.ID, p.Destination,
			p.Destination.Country, country), remedy: "plan again"}
	}
	if !w.policy(p.Customer).Allows(d.Place.Code, d.Place.Country) {
		return &refusedError{err: fmt.Errorf("plan %s: %s (%s) is outside of the policy for %s, which allows %s", p.ID,
			d.Place.Code, d.Place.Country, p.Customer, w.policy(p.Customer)),
			remedy: "choose a destination that the policy allows, or change the policy"}
	}
	return nil
}
