package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/residency/residency/cmd/internal/render"
	"github.com/residency/residency/migrate"
	"github.com/residency/residency/migrate/certificate"
	"github.com/residency/residency/migrate/cost"
	"github.com/residency/residency/migrate/limit"
	"github.com/residency/residency/migrate/plan"
	"github.com/residency/residency/migrate/progress"
	"github.com/residency/residency/migrate/record"
	"github.com/residency/residency/regions"
)

func (a *app) migrateCommand() *cobra.Command {
	var to, plan, verify, abort, restore string
	var agree approval
	var keep, exclude, without, redirects, stream, unguarded bool
	fence := fenceOff
	var scope scopeFlags
	var outdated int64
	room := memoryDefault(os.ReadFile)
	var workers, passes int
	var sign signFlags
	var transit []string
	var most maxCost
	c := &cobra.Command{
		Use:   "migrate --to REGION",
		Short: "Move a customer's data: plan, copy, verify, erase, certify",
		Long: `migrate plans, copies every version and delete marker in order and verifies each
copy. Only if everything is verified and both ends still show what they should
does it erase the source and write a certificate.

What is outside of the policy moves, and what is in the United States. The rest
stays where it is, which the plan says, unless --all is given.

With several destinations each is given the data of its own provider, by a plan of
its own. All plans are made before anything is changed, shown, and approved
together: by one answer, or by --approve with the digest of each. If one cannot be
made, or is not approved, none is carried out. Then they are carried out one after
the other; what fails for one by then does not keep the others from it, and the
exit code is that of the first in the list of codes that any of them has. -o json
writes a list.

At a terminal it shows the plan and asks for the customer's name. Elsewhere it
needs --approve DIGEST or --yes; without either it writes the plan, prints its
digest and the command that would run it, and exits 4.

After an interruption or a kill, the same command resumes where it stopped.

Some servers cannot list every key: they write U+FFFD for characters that their
listings cannot represent. Such entries block the plan. With --exclude-unlistable
they stay at the source, are counted in plan and certificate, and it exits 6.

What others write to the source meanwhile is copied in further passes. Nothing is
erased until a listing shows that the source has stopped changing. --fence stops
it, with a statement in the source buckets' policies that denies writes. Where the
service does not honour that, the result says so; with --fence=required the run ends
instead, and erases nothing. The statement stays after the erase; before that,
--abort removes it.

If an original is gone from the source, its copy is removed only where nobody can
have erased the original in reliance on the copy. Where another plan has worked on
the same destination since, that is not known: the run stops and exits 6, and the
copies stay. If you have established that the owners deleted the originals, give
--remove-outdated with the number of entries that the message names.

--abort removes what a plan wrote at the destination, as long as nothing was
erased, and lifts its fence. Copies whose originals are gone stay, and so do those
that a run which was killed or stopped had no time to write down; it then exits 6.
` + exitCodes,
		Example: `  residency migrate --to eu-west --customer acme
  residency migrate --to eu-west --customer acme --approve 3f9a0c1b2d4e
  residency migrate --to eu-west --customer acme --yes --keep-source
  residency migrate --to aws:eu-west-1,blob:northeurope,google:europe-west1 --customer acme
  residency migrate --to aws:eu-west-1,blob:northeurope --customer acme --approve 3f9a0c1b2d4e,91be60a7c5d2
  residency migrate --to eu-west --customer acme --approve 3f9a0c1b2d4e --fence
  residency migrate --abort acme-eu-west-1-3f9a0c1b2d4e`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := agree.check(1 + strings.Count(to, ",")); err != nil {
				return err
			}
			if passes < 0 || passes > maxPasses {
				return &usageError{err: fmt.Errorf("--passes %d: want 0 to %d", passes, maxPasses)}
			}
			if outdated < 0 {
				return &usageError{err: fmt.Errorf("--remove-outdated %d: want the number of entries that the refusal named",
					outdated)}
			}
			if abort != "" {
				if to != "" || plan != "" {
					return &usageError{err: errors.New("--abort names the plan; it cannot be combined with --to or --plan")}
				}
				return a.abort(c.Context(), abort, agree)
			}
			if plan == "" && len(agree.digests) == 0 {
				if err := needTo(to); err != nil {
					return err
				}
			}
			signs, err := sign.read(c.Context(), a)
			if err != nil {
				return err
			}
			if c.Flags().Changed("workers") {
				if err := checkWorkers(workers); err != nil {
					return err
				}
			}
			if plan != "" && strings.Contains(to, ",") {
				return &usageError{err: errors.New("--plan is of one destination, and --to names several"),
					remedy: "leave --to out, or --plan"}
			}
			all, err := a.targets(c.Context(), to, scope)
			if err != nil {
				return err
			}
			return all.end(all.migrate(c.Context(), agree, func(one target) (*migration, error) {
				w := one.session
				w.signing = signs
				if w.restore, err = restoreTier(restore); err != nil {
					return nil, err
				}
				w.excludeUnlistable, w.withoutSettings, w.askRedirects, w.stream = exclude, without, redirects, stream
				w.unguardedWrites = unguarded
				if w.noTransit, err = w.countries(transit); err != nil {
					return nil, err
				}
				return &migration{app: a, session: w, to: one.to, plan: plan, verify: verify, agree: agree,
					options: migrate.Options{KeepSource: keep, Passes: passes, Fence: fence != fenceOff,
						FenceRequired: fence == fenceRequired, RemoveOutdated: outdated, NoTransit: w.noTransit},
					workers: workers, memory: room, most: most}, nil
			}))
		},
	}
	f := c.Flags()
	f.StringVar(&to, "to", "", "destination `region`; several, with commas between: for each the data of its own "+
		"provider, one after\nthe other")
	f.StringVar(&plan, "plan", "", "run this plan (`ID` or digest) instead of making one")
	f.StringVar(&abort, "abort", "", "remove what this plan (`ID` or digest) wrote at the destination, as long as "+
		"nothing was erased")
	f.BoolVar(&keep, "keep-source", false, "copy and verify, but keep the source; residency erase removes it later")
	f.Int64Var(&outdated, "remove-outdated", 0, "also remove the copies of `N` entries that are gone from the source, "+
		"although another plan may\nhave erased them in reliance on these copies; N is the number that the refusal named")
	f.IntVar(&passes, "passes", migrate.DefaultPasses,
		"how many further passes copy what others write to the source meanwhile")
	f.Var(&fence, "fence", "deny writes to the source before the last pass, by a statement in its buckets' policies; "+
		"with\n=required, end the run where that is not possible")
	f.Lookup("fence").NoOptDefVal = string(fencePossible)
	f.IntVar(&workers, "workers", 0, fmt.Sprintf(
		"entries and parts copied at once (default: adjusts automatically, %d to %d); fewer where the\nprocess may "+
			"open few files and connections (ulimit -n)", limit.LeastWorkers,
		limit.MostWorkers))
	f.Var(&room, "memory", "memory the process may use")
	agree.addTo(c, "; with several destinations that of each plan, with commas between")
	sign.addTo(c)
	addTransit(c, &transit)
	most.addTo(c)
	addVerify(c, &verify)
	addRestore(c, &restore)
	addExclude(c, &exclude)
	addWithout(c, &without)
	addRedirects(c, &redirects)
	addStream(c, &stream)
	addUnguarded(c, &unguarded)
	scope.addTo(c)
	a.addReport(c)
	return c
}

// abort undoes a plan's copies, after approval.
func (a *app) abort(ctx context.Context, plan string, agree approval) error {
	w, p, err := a.planned(ctx, plan)
	if err != nil {
		return err
	}
	agree.aborts = true
	command := a.command("migrate", "--abort", p.ID, "--approve", p.Digest)
	if err := a.approve(ctx, w, p, regions.Resolution{}, agree, command, nil); err != nil {
		return err
	}
	runner := a.runner(w, 0)
	stop := a.watch(ctx, runner.Progress)
	u, err := runner.Abort(ctx, p)
	stop(err)
	if u == nil {
		return err
	}
	if a.output == "json" {
		return errors.Join(a.json(u), err)
	}
	fmt.Fprintf(a.Out, "Aborted plan %s. Entries of customer %s at the destination:\n\n", p.ID, p.Customer)
	kept := "kept: not written by this plan, or versions without which what was found there would be out of sight"
	if len(u.Stays) > 0 {
		kept = "kept: not known to be written by this plan, or versions without which such entries would be out of sight"
	}
	hidden := "keys that were found there look deleted now"
	if u.Hidden == 1 {
		hidden = "key that was found there looks deleted now"
	}
	hidden += "; this service takes no deletion back"
	none := true
	for _, row := range []struct {
		n    int64
		text string
	}{
		{u.Removed, "removed: written by this plan"},
		{u.Orphans, "kept: their originals are gone from the source, so these may be the only copies"},
		{u.Kept, kept}, {u.Left, "could not be removed"},
		{u.Unknown, "in segments that never finished: unrecorded copies of them may exist"},
		{u.Uploads, map[bool]string{true: "unfinished upload", false: "unfinished uploads"}[u.Uploads == 1] + " aborted"},
		{u.Hidden, hidden},
	} {
		if row.n > 0 {
			none = false
			fmt.Fprintln(a.Out, render.Hang("  ", render.Count(row.n)+" "+row.text, a.page.Width, "    "))
		}
	}
	if none {
		fmt.Fprintln(a.Out, "  nothing that this plan has written is on record")
	}
	if u.Deleted != nil && *u.Deleted > 0 {
		text := render.Count(*u.Deleted) + " that were deleted there are kept by the service"
		if u.Until != nil {
			text += ", the last until " + u.Until.Format(time.RFC3339)
		}
		fmt.Fprintln(a.Out, render.Hang("  ", text, a.page.Width, "    "))
	}
	for _, s := range u.Stays {
		whose := "this plan made that bucket"
		if !s.Made {
			whose = "that bucket was there before, and which of them this plan has written is not known"
		}
		text := fmt.Sprintf("%s in all are in %s by a listing; %s", render.Count(s.Entries+s.Unlistable), s.Location, whose)
		if s.Unlistable > 0 {
			text += fmt.Sprintf(", and %s stand there under names that it cannot list as they are", render.Count(s.Unlistable))
		}
		fmt.Fprintln(a.Out, render.Hang("  ", text, a.page.Width, "    "))
	}
	if u.Fence != "" {
		fmt.Fprintln(a.Out, "  the fence was lifted: the source buckets have their own policies again")
	}
	if u.Orphans > 0 {
		fmt.Fprintln(a.Out)
		a.paragraph("This plan erased nothing at the source; it is not known who removed those originals.")
	} else {
		fmt.Fprintln(a.Out, "\nNothing was erased at the source.")
	}
	a.printProblems(u.Problems)
	return err
}

func checkWorkers(n int) error {
	if n < 1 || n > maxWorkers {
		return &usageError{err: fmt.Errorf("--workers %d: want 1 to %d", n, maxWorkers)}
	}
	return nil
}

// maxPasses bounds listings against a mistyped number.
const maxPasses = 100

// maxWorkers bounds connections and memory against a mistyped number.
const maxWorkers = 1024

func (a *app) runner(w *session, workers int) *migrate.Runner {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	r := &migrate.Runner{Home: w.home, Stores: w.stores, Now: a.now, Progress: &progress.Progress{}, Workers: workers,
		Tool: tool(), Host: host}
	r.Note = a.reporter().Note
	r.Expected = func(ctx context.Context, p *plan.Plan) (cost.Work, *cost.Estimate, error) {
		return a.expected(ctx, w, p)
	}
	r.LeaseTerm, r.Claims, r.Configuration = w.leaseTerm, w.named(), w.configuration()
	r.Signers, r.Stamp = w.signing.signers, w.signing.stamp
	r.Report = func(ctx context.Context, of *record.Record) ([]byte, error) { return a.report(ctx, w, of) }
	r.Catalog = certificate.Catalog{SHA256: w.catalog.SHA256(), AsOf: w.catalog.AsOfMonth()}
	return r
}

// carryOut runs with progress and prints what came of it.
func (a *app) carryOut(
	ctx context.Context, w *session, p *plan.Plan, verb string, do func(context.Context) (*migrate.Result, error),
	runner *migrate.Runner,
) error {
	stop := a.watch(ctx, runner.Progress)
	result, err := do(ctx)
	stop(err)
	var drift *migrate.DriftError
	if errors.As(err, &drift) && a.logKeys {
		for _, k := range drift.Drift.Keys {
			fmt.Fprintln(a.Err, "  key: "+render.Text(string(k)))
		}
	}
	if result == nil || ctx.Err() != nil {
		return err
	}
	reportErr := a.reportResult(ctx, w, p, result, err)
	if printErr := a.printResult(p, result, verb, err); printErr != nil {
		return errors.Join(err, printErr)
	}
	return errors.Join(err, reportErr)
}
