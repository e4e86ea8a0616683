package cli

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/residency/residency/cmd/internal/config"
	"github.com/residency/residency/regions"
)

// resolved is a file's path without links and detours, also of one that is not there yet.
func resolved(file string) string {
	if whole, err := filepath.Abs(file); err == nil {
		file = whole
	}
	if plain, err := filepath.EvalSymlinks(file); err == nil {
		return plain
	}
	if dir, err := filepath.EvalSymlinks(filepath.Dir(file)); err == nil {
		return filepath.Join(dir, filepath.Base(file))
	}
	return file
}

// sameFile tells whether two names are of one file.
func sameFile(a, b string) bool {
	if resolved(a) == resolved(b) {
		return true
	}
	first, err := os.Stat(a)
	if err != nil {
		return false
	}
	second, err := os.Stat(b)
	return err == nil && os.SameFile(first, second)
}

// within tells whether a file is in a directory, at any depth.
func within(file, dir string) bool {
	for at := filepath.Dir(resolved(file)); ; at = filepath.Dir(at) {
		if sameFile(at, dir) {
			return true
		}
		if at == filepath.Dir(at) {
			return false
		}
	}
}

// kept says what a file is that no report may replace: the configuration, or part of the state.
// Where no configuration was read it is the one that would be.
func (a *app) kept(file string) string {
	path := cmp.Or(a.configPath, a.getenv("RESIDENCY_CONFIG"), config.DefaultFile)
	c := cmp.Or(a.foundBy, a.foundAt)
	// What is no file can be read once, and not by this.
	if info, err := os.Stat(path); c == nil && err == nil && info.Mode().IsRegular() {
		if catalog, err := regions.Load(); err == nil {
			// A fault of it is said elsewhere.
			c, _ = config.Load(catalog, path, a.getenv, nil)
			a.foundAt = c
		}
	}
	state := cmp.Or(a.state, a.getenv("RESIDENCY_STATE"), config.DefaultState)
	if c != nil {
		state = cmp.Or(a.state, a.getenv("RESIDENCY_STATE"), c.State)
	}
	switch {
	case path != "-" && sameFile(file, path), c != nil && sameFile(file, c.PricesPath()):
		return "the configuration in force"
	case within(file, state):
		return "in the state directory " + state
	}
	return ""
}

// checkKept refuses to write a report over what is kept.
func (a *app) checkKept(flag, file string) error {
	if what := a.kept(file); what != "" {
		return &usageError{err: fmt.Errorf("%s: %s is %s, which no report replaces", flag, file, what),
			remedy: "name another file"}
	}
	return nil
}

// failing notes the command whose flags or arguments are wrong, and which reports it was to
// write, also by flags behind the one that is wrong: what an earlier run wrote there would be
// taken for this one's.
func (a *app) failing(c *cobra.Command) {
	if !slices.Contains(a.reporting, c) {
		return
	}
	a.running = c.Name()
	f := pflag.NewFlagSet(c.Name(), pflag.ContinueOnError)
	f.ParseErrorsAllowlist.UnknownFlags = true
	f.SetOutput(io.Discard)
	f.Usage = func() {}
	var again reportFlag
	f.Var(&again, "report", "")
	f.StringVar(&a.configPath, configFlag, a.configPath, "")
	f.StringVar(&a.state, "state", a.state, "")
	f.StringVar(&a.customer, "customer", a.customer, "")
	// What is wrong has been said.
	_ = f.Parse(a.args)
	if len(again) == 0 {
		_ = again.Set(a.getenv("RESIDENCY_REPORT"))
	}
	a.reportTo = again
}
