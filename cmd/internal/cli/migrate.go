package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/residency/residency/cmd/internal/render"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/engine"
	"github.com/residency/residency/regions"
)

func (a *app) migrateCommand() *cobra.Command {
	var to, plan, verify, abort, restore string
	var agree approval
	var keep, fence, exclude, without bool
	var outdated int64
	room := memoryDefault(os.ReadFile)
	var workers, passes int
	c := &cobra.Command{
		Use:   "migrate --to REGION",
		Short: "Move a customer's data: plan, copy, verify, erase, certify",
		Long: `migrate plans, then copies every version and delete marker in order, verifies
each, and only if all are verified and both ends still show what they should,
erases the source and writes a certificate.

At a terminal it shows the plan and asks for the customer's name. Elsewhere it
needs --approve DIGEST or --yes; without, it writes the plan, prints its digest
and the command that would run it, and exits 4.

Interrupted or killed, the same command goes on where it stopped.

Some servers do not list every key as it is: they put U+FFFD for characters that
their listings cannot hold. Such entries block the plan; with --exclude-unlistable
they stay at the source, are counted in plan and certificate, and it exits 6.

What others write to the source meanwhile is carried in further passes. Nothing
is erased before a listing shows that the source holds still; --fence makes it,
by a statement in the source buckets' policies that denies writes. The statement
stays after the erase, and until --abort otherwise.

A copy at the destination is removed, because its original is gone at the source,
only where nobody can have erased the original in reliance on it. Where another
plan has worked on the same destination since, that is not known: the run stops,
exits 6, and the copies stay until you have found out that the owners deleted the
originals and give --remove-outdated with the number of entries that it named.

--abort takes away what a plan wrote at the destination, as long as nothing was
erased, and lifts its fence. Copies whose originals are gone stay, and it exits 6.
` + exitCodes,
		Example: `  residency migrate --to eu-west --customer acme
  residency migrate --to eu-west --customer acme --approve 3f9a0c1b2d4e
  residency migrate --to eu-west --customer acme --yes --keep-source
  residency migrate --to eu-west --customer acme --approve 3f9a0c1b2d4e --fence
  residency migrate --abort acme-eu-west-1-3f9a0c1b2d4e`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := agree.check(); err != nil {
				return err
			}
			if passes < 0 || passes > maxPasses {
				return &usageError{err: fmt.Errorf("--passes %d: between 0 and %d", passes, maxPasses)}
			}
			if outdated < 0 {
				return &usageError{err: fmt.Errorf("--remove-outdated %d: the number of entries that a refusal named", outdated)}
			}
			if abort != "" {
				if to != "" || plan != "" {
					return &usageError{err: errors.New("--abort names the plan; --to and --plan do not go with it")}
				}
				return a.abort(c.Context(), abort, agree)
			}
			if plan == "" && agree.digest == "" {
				if err := needTo(to); err != nil {
					return err
				}
			}
			w, err := a.open(c.Context())
			if err != nil {
				return err
			}
			if c.Flags().Changed("workers") {
				if err := checkWorkers(workers); err != nil {
					return err
				}
			}
			if w.restore, err = restoreTier(restore); err != nil {
				return err
			}
			w.excludeUnlistable, w.withoutSettings = exclude, without
			m := &migration{app: a, world: w, to: to, plan: plan, verify: verify, agree: agree, options: migrate.Options{KeepSource: keep, Passes: passes, Fence: fence, RemoveOutdated: outdated}, workers: workers, memory: room}
			return m.run(c.Context())
		},
	}
	f := c.Flags()
	f.StringVar(&to, "to", "", "destination `region`")
	f.StringVar(&plan, "plan", "", "run this plan (`ID` or digest) instead of making one")
	f.StringVar(&abort, "abort", "", "take away what this plan (`ID` or digest) wrote at the destination, if nothing was erased yet")
	f.BoolVar(&keep, "keep-source", false, "copy and verify, and leave the source for residency erase")
	f.Int64Var(&outdated, "remove-outdated", 0, "remove the copies of `N` entries that are gone at the source although another plan may have erased them, relying on these copies; N is the number that a refusal named")
	f.IntVar(&passes, "passes", migrate.DefaultPasses, "how often what others write to the source meanwhile is carried")
	f.BoolVar(&fence, "fence", false, "deny writes to the source, by its buckets' policies, before the last pass")
	f.IntVar(&workers, "workers", 0, fmt.Sprintf("entries and parts copied at once (default: as many as turn out to be worth having, %d to %d)", engine.LeastWorkers, engine.MostWorkers))
	f.Var(&room, "memory", "memory that the process may take")
	agree.addTo(c)
	addVerify(c, &verify)
	addRestore(c, &restore)
	addExclude(c, &exclude)
	addWithout(c, &without)
	return c
}

// abort undoes a plan's copies, after approval.
func (a *app) abort(ctx context.Context, plan string, agree approval) error {
	w, p, err := a.planned(ctx, plan)
	if err != nil {
		return err
	}
	command := a.command("migrate", "--abort", p.ID, "--approve", p.Digest)
	if err := a.approve(ctx, w, p, regions.Resolution{}, agree, command); err != nil {
		return err
	}
	runner := a.runner(w, 0)
	stop := a.watch(ctx, runner.Progress)
	u, err := runner.Abort(ctx, p)
	stop()
	if u == nil {
		return err
	}
	if a.output == "json" {
		return errors.Join(a.json(u), err)
	}
	fmt.Fprintf(a.Out, "Aborted: plan %s. Of %s at the destination\n\n", p.ID, p.Customer)
	for _, row := range []struct {
		n    int64
		text string
	}{
		{u.Removed, "entries that it had written were removed"}, {u.Orphans, "entries that it had written stay: the source does not show their originals any more, and these may be the only copies"}, {u.Kept, "entries were found there, are not known to be its own or lie beneath such, and stay"}, {u.Left, "entries could not be removed"},
		{u.Unknown, "entries are in segments that never finished; copies of them may be there, unrecorded"}, {u.Uploads, "unfinished uploads were aborted"},
	} {
		if row.n > 0 {
			fmt.Fprintf(a.Out, "  %s %s\n", render.Count(row.n), row.text)
		}
	}
	if u.Fence != "" {
		fmt.Fprintln(a.Out, "  the fence was lifted: the source buckets have their policies back")
	}
	if u.Orphans > 0 {
		fmt.Fprintln(a.Out, "\nThis plan erased nothing of the source; who removed those originals is not known.")
	} else {
		fmt.Fprintln(a.Out, "\nNothing of the source was erased.")
	}
	a.printProblems(u.Problems)
	return err
}

func checkWorkers(n int) error {
	if n < 1 || n > maxWorkers {
		return &usageError{err: fmt.Errorf("--workers %d: between 1 and %d", n, maxWorkers)}
	}
	return nil
}

// maxPasses bounds listings against a mistyped number.
const maxPasses = 100

// maxWorkers bounds connections and memory against a mistyped number.
const maxWorkers = 1024

// migration is one run of the migrate command.
type migration struct {
	*app
	world   *world
	to      string
	plan    string
	verify  string
	agree   approval
	options migrate.Options
	workers int
	memory  memory
}

func (m *migration) run(ctx context.Context) error {
	var d regions.Resolution
	if m.to != "" {
		var err error
		if d, _, err = m.aimOrAny(); err != nil {
			return err
		}
	}
	p, fresh, err := m.choose(ctx, d)
	if err != nil {
		return err
	}
	if p == nil {
		return nil // nothing to do, and said so
	}
	runner := m.runner(m.world, m.workers)
	runner.Budget = m.memory.budget()
	status, err := runner.Status(ctx, p)
	if err != nil {
		return err
	}
	if status.Stage == migrate.Certified {
		if err := m.meant(ctx, m.world, p, m.agree); err != nil {
			return err
		}
		fmt.Fprintf(m.Out, "Nothing to do: plan %s is done, and its source was empty when it was certified.\n", p.ID)
		return nil
	}
	if len(p.Blockers) > 0 || len(p.EraseBlockers) > 0 && !m.options.KeepSource {
		if err := m.printPlan(p, d); err != nil {
			return err
		}
		return blocked(p)
	}
	if err := m.permitted(ctx, m.world, p); err != nil {
		return err
	}
	if err := m.approve(ctx, m.world, p, d, m.agree, m.again(p)); err != nil {
		return err
	}
	return m.carryOut(ctx, p, "migrate", func(ctx context.Context) (*migrate.Result, error) {
		o := m.options
		o.Fresh = fresh
		return runner.Run(ctx, p, o)
	}, runner)
}

// again is what would run this plan.
func (m *migration) again(p *migrate.Plan) string {
	words := []string{"--to", p.Destination.String(), "--customer", p.Customer}
	if m.options.KeepSource {
		words = append(words, "--keep-source")
	}
	if p.Verify != verifyAuto {
		words = append(words, "--verify", p.Verify)
	}
	if p.Restore != nil {
		words = append(words, "--restore", p.Restore.Tier)
	}
	if p.ExcludeUnlistable {
		words = append(words, "--exclude-unlistable")
	}
	if p.WithoutSettings {
		words = append(words, "--without-settings")
	}
	if m.options.Fence {
		words = append(words, "--fence")
	}
	if n := m.options.RemoveOutdated; n > 0 {
		words = append(words, "--remove-outdated", strconv.FormatInt(n, 10))
	}
	if m.options.Passes != migrate.DefaultPasses {
		words = append(words, "--passes", strconv.Itoa(m.options.Passes))
	}
	return m.command("migrate", append(words, "--approve", p.Digest)...)
}

func (a *app) runner(w *world, workers int) *migrate.Runner {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	r := &migrate.Runner{Home: w.home, Stores: w.stores, Now: a.now, Progress: &engine.Progress{}, Workers: workers, Tool: "residency " + version(), Host: host}
	r.Note = a.reporter().Note
	r.LeaseTerm, r.Claims = w.leaseTerm, w.named()
	return r
}

// carryOut runs with progress and prints what came of it.
func (a *app) carryOut(ctx context.Context, p *migrate.Plan, verb string, do func(context.Context) (*migrate.Result, error), runner *migrate.Runner) error {
	stop := a.watch(ctx, runner.Progress)
	result, err := do(ctx)
	stop()
	var drift *migrate.DriftError
	if errors.As(err, &drift) && a.logKeys {
		for _, k := range drift.Drift.Keys {
			fmt.Fprintln(a.Err, "  key: "+render.Text(string(k)))
		}
	}
	if result == nil || ctx.Err() != nil {
		return err
	}
	if printErr := a.printResult(p, result, verb, err); printErr != nil {
		return errors.Join(err, printErr)
	}
	return err
}
