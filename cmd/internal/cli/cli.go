// Package cli is the command line: it parses, calls the library, prints, and
// chooses the exit code.
package cli

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/residency/residency/cmd/internal/config"
	"github.com/residency/residency/cmd/internal/render"
	"github.com/residency/residency/cmd/internal/report"
	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/remedy"
	"github.com/residency/residency/migrate/certificate"
)

// Streams are where a command reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
}

// app is one invocation.
type app struct {
	Streams
	getenv  func(string) string
	trust   func() // authorities, before connections are set up
	now     func() time.Time
	log     *render.Log // what Err is too
	logTo   *os.File    // of --log-file
	page    render.Page // that results are written on
	reports *render.Reporter
	args    []string
	parsed  bool          // the command line named a command and suits it
	taken   []*pflag.Flag // that the environment set

	// Flags that every command has.
	configPath string
	customer   string
	output     string
	quiet      bool
	logFormat  string
	logFile    string
	bandwidth  bandwidth
	paced      objectstore.Pace // that bandwidth stands for
	logKeys    bool
	insecure   bool
	state      string

	approvedBy string             // how the plan at hand was approved
	who        *certificate.Actor // that runs this, once that was asked
	located    bool               // so were the metadata services of where who runs this

	reportTo  reportFlag
	reporting []*cobra.Command // that write reports
	running   string           // the one at hand, if it does
	found     *report.Report
	foundBy   *config.Config // that was in force
	foundAt   *config.Config // that would be, where the command has read none yet

	answers     *bufio.Reader
	interactive bool // somebody is there to answer
	keyless     bool // the command at hand opens no object
	observe     func(objectstore.Exchange)
	together    *together // what several destinations have for one result; nil: there is one
}

// Main runs one command and returns its exit code. The first signal ends the
// command's context, so that it stops cleanly; the second ends the process. trust has TLS trust
// authorities, and is called before connections are set up, more than once.
func Main(
	ctx context.Context, s Streams, args []string, getenv func(string) string, signals <-chan os.Signal, trust func(),
) int {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	diagnostics := render.NewLog(s.Err, asksForJSON(args, getenv))
	log.SetFlags(0) // the standard library's connections write to it
	log.SetOutput(diagnostics)
	go func() {
		// Ends with the process: a command outlives no signal.
		select {
		case sig := <-signals:
			const stopping = "stopping; what is in flight is finished or left for the next run (interrupt again to " +
				"stop at once)"
			diagnostics.Say(render.Event{Level: slog.LevelWarn, Text: stopping, Shown: "\nresidency: " + stopping,
				Attrs: []slog.Attr{slog.String("signal", sig.String())}})
			cancel(interrupted{sig})
		case <-ctx.Done():
			return
		}
		if sig, ok := <-signals; ok {
			os.Exit(signalCode(sig))
		}
	}()
	out := &output{to: s.Out}
	a := &app{Streams: Streams{In: s.In, Out: out, Err: diagnostics}, log: diagnostics, getenv: getenv, trust: trust,
		now: time.Now, page: render.PageOf(s.Out, getenv),
		interactive: render.IsTerminal(s.In) && render.IsTerminal(s.Out)}
	a.args = args
	root := a.root()
	root.SetArgs(args)
	root.SetIn(s.In)
	root.SetOut(out)
	root.SetErr(diagnostics)
	err := root.ExecuteContext(ctx)
	return a.end(ctx, out, err)
}

// end says how a command ended, writes its reports, and returns its exit code.
func (a *app) end(ctx context.Context, out *output, err error) int {
	defer a.closeLog()
	code, err := a.conclude(ctx, out, err)
	if failed := a.deliver(code, err); failed != nil {
		a.printError(failed)
		if code == exitOK {
			code = exitCode(failed)
		}
	}
	return code
}

// conclude says how a command ended, and returns its exit code with the error that it is of.
func (a *app) conclude(ctx context.Context, out *output, err error) (int, error) {
	if out.err != nil && !errors.Is(err, errOutput) {
		// What was done is done, and its own code says how it went, unless that is well.
		if err != nil {
			a.printError(out.err)
		} else {
			err = out.err
		}
	}
	if err == nil {
		return exitOK, nil
	}
	var stop interrupted
	if errors.As(context.Cause(ctx), &stop) {
		const text = "interrupted; run the same command again to resume"
		a.log.Say(render.Event{Level: slog.LevelError, Text: text, Shown: "residency: " + text,
			Attrs: []slog.Attr{slog.Int("exit_code", signalCode(stop.Signal))}})
		return signalCode(stop.Signal), errors.New(text)
	}
	var usage *usageError
	if !a.parsed && !errors.As(err, &usage) && !errors.Is(err, errOutput) {
		err = &usageError{err: err, remedy: "residency --help"}
	}
	a.printError(err)
	return exitCode(err), err
}

// interrupted is the cause of a context that a signal ended.
type interrupted struct{ os.Signal }

func (i interrupted) Error() string { return "interrupted by " + i.String() }

func signalCode(sig os.Signal) int {
	if n, ok := sig.(syscall.Signal); ok {
		return 128 + int(n)
	}
	return exitPartial
}

// printError writes an error with its remedy.
func (a *app) printError(err error) {
	var silent *silentError
	if errors.As(err, &silent) {
		return
	}
	// Errors that were joined are told one after the other.
	text := render.Text(strings.ReplaceAll(err.Error(), "\n", "; "))
	columns := a.log.Columns()
	shown := render.Wrap("residency: "+text, cmp.Or(columns, 1<<20), "  ")
	fields := []slog.Attr{slog.Int("exit_code", exitCode(err))}
	if set := a.blame(text); set != "" {
		shown += "\n  set in the environment: " + set
		fields = append(fields, slog.String("environment", set))
	}
	if next := remedy.For(err); next != "" {
		shown += "\n" + advice("  next: ", next, cmp.Or(columns, 1<<20))
		fields = append(fields, slog.String("next", next))
	}
	a.log.Say(render.Event{Level: slog.LevelError, Text: text, Shown: shown, Attrs: fields})
}

const exitCodes = `
exit codes:
  0    done; or within the policy
  1    failed or partial; run again to resume
  2    usage or configuration
  3    inventory --check: data outside the allowed jurisdictions
  4    refused: no approval, US or unknown destination, blocker, or a source
       that changed since the plan
  5    verification: mismatch or unverifiable; nothing was erased, unless the
       message says that this was found after the erase
  6    copied and verified, but the source is not empty
  7    another run holds the lease
  130, 143  interrupted, after a clean stop; run again to resume
`

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "residency",
		Short: "Find customers' data, see whose law reaches it, and move it out of the US with proof",
		Long: `residency lists where each customer's data is and under whose law, moves it
to a region outside the United States, proves that every version and
attribute arrived, and only then deletes the source.

It reports exposures by rule, source and date. It gives no legal conclusion.
` + exitCodes,
		Example: `  residency inventory
  residency plan --to eu-west --customer acme
  residency migrate --to eu-west --customer acme`,
		SilenceErrors: true, SilenceUsage: true,
		Version: thisBuild().String(),
	}
	root.SetVersionTemplate("residency {{.Version}}\n")
	root.SetFlagErrorFunc(a.flagError)
	f := root.PersistentFlags()
	f.StringVar(&a.configPath, "config", "",
		"configuration `file`, or - for standard input (default $RESIDENCY_CONFIG, then residency.yaml here)")
	f.StringVar(&a.customer, "customer", "", "limit the command to this customer (`name`)")
	f.StringVarP(&a.output, "output", "o", "table", "`format` of results: table, json or csv")
	f.BoolVar(&a.quiet, "quiet", false, "show no progress")
	f.StringVar(&a.logFormat, "log-format", "text", "`format` of progress and diagnostics: text or json")
	f.StringVar(&a.logFile, "log-file", "",
		"also write progress and diagnostics to the end of this `file`, with their time, and also with --quiet")
	f.Var(&a.bandwidth, "bwlimit", "read and write no more than this `rate` of data, such as 10MiB a second: both ways\n"+
		"together, all connections together; what a service copies by itself is not held back")
	f.BoolVar(&a.logKeys, "log-keys", false, "show object keys, which may be personal data")
	f.BoolVar(&a.insecure, "insecure", false, "allow plain http to other machines")
	f.StringVar(&a.state, "state", "",
		"where plans, receipts and certificates are kept: a directory or provider:bucket/prefix\n(`location`; default "+
			"from the configuration)")
	root.AddCommand(a.inventoryCommand(), a.regionsCommand(), a.planCommand(), a.migrateCommand(), a.eraseCommand(),
		a.verifyCommand(), a.statusCommand(), a.doctorCommand(), a.permissionsCommand(), a.certificateCommand(),
		a.reportCommand(),
		a.keyCommand(), a.initCommand(), a.configCommand(),
		a.versionCommand())
	root.AddCommand(topicCommands(root)...)
	root.SetHelpCommand(helpCommand(root))
	root.InitDefaultHelpCmd()
	root.InitDefaultCompletionCmd()
	a.strict(root)
	a.complete(root)
	root.PersistentPreRunE = func(c *cobra.Command, _ []string) error {
		a.parsed = true
		if slices.Contains(a.reporting, c) {
			a.running = c.Name()
		}
		if err := a.fromEnvironment(c); err != nil {
			a.failing(c)
			return err
		}
		if err := a.checkFlags(c); err != nil {
			return err
		}
		return a.openLog()
	}
	return root
}

func (a *app) checkFlags(c *cobra.Command) error {
	if err := choice("output", a.output, formats(c)); err != nil {
		return err
	}
	if err := emptyFlag(c); err != nil {
		return err
	}
	if err := errors.Join(a.checkReports(), a.checkMetadata()); err != nil {
		return err
	}
	return choice("log-format", a.logFormat, logFormats())
}

func logFormats() []string { return []string{"text", "json"} }

// emptyFlag refuses a flag that is given and says nothing, as an unset variable of a
// script leaves it: no customer would be every customer, no plan a new one.
func emptyFlag(c *cobra.Command) error {
	var err error
	c.Flags().Visit(func(f *pflag.Flag) {
		text := f.Value.String()
		if list, ok := f.Value.(pflag.SliceValue); ok {
			text = strings.Join(list.GetSlice(), "")
		}
		if strings.TrimSpace(text) == "" && err == nil {
			err = &usageError{err: fmt.Errorf("--%s is empty", f.Name), remedy: "give it a value, or leave it out"}
		}
	})
	return err
}

// reporter is the invocation's one reporter: a bar and notes share the screen.
func (a *app) reporter() *render.Reporter {
	if a.reports == nil {
		a.reports = render.NewReporter(a.log, a.quiet, a.bandwidth.String())
	}
	return a.reports
}
