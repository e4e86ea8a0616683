package cli

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/residency/residency/cmd/internal/render"
	"github.com/residency/residency/inventory/doctor/evidence"
	"github.com/residency/residency/regions"
)

// evidenceFlags are what doctor is told about a file of evidence.
type evidenceFlags struct {
	file         string
	dryRun       bool
	withAccounts bool
}

func (e *evidenceFlags) addTo(c *cobra.Command) {
	c.Flags().StringVar(&e.file, "evidence", "",
		"ask the service of --to what it is believed to do, in buckets of its own, and write the answers to this `file`")
	c.Flags().BoolVar(&e.dryRun, "dry-run", false, "with --evidence: say what would be asked and made, and do nothing")
	c.Flags().BoolVar(&e.withAccounts, "with-account", false,
		"with --evidence: keep account numbers and names of users in the file")
}

func (e *evidenceFlags) check(to string) error {
	switch {
	case e.file == "" && (e.dryRun || e.withAccounts):
		return &usageError{err: errors.New("--dry-run and --with-account are about --evidence, which is missing")}
	case e.file != "" && to == "":
		return needTo(to)
	}
	return nil
}

// evidence asks the service of a region and writes down what it did.
func (a *app) evidence(ctx context.Context, to string, e evidenceFlags) error {
	c := &evidence.Collector{Now: a.now, Sleep: pause, Tool: "residency " + version()}
	a.observe, a.keyless = c.Observe, true
	w, err := a.openStores(ctx)
	if err != nil {
		return err
	}
	d, err := w.catalog.Resolve(to, w.offered())
	if err != nil {
		return err
	}
	c.Near, c.Far = w.near(d)
	c.Name = "residency-evidence-" + strings.ToLower(rand.Text())[:10]
	fmt.Fprintf(a.Err, "These buckets are made at %s, and removed at the end; nothing else is touched:\n", c.Near.Name)
	for _, b := range c.Buckets() {
		fmt.Fprintln(a.Err, "  "+b)
	}
	if e.dryRun {
		return a.printClaims(c.Plan())
	}
	// The file is there before anything is made: what cannot be written is not asked.
	f, err := evidenceFile(e.file)
	if err != nil {
		return &usageError{err: fmt.Errorf("--evidence: %w", err), hint: "name a file that is not there yet"}
	}
	report, err := c.Run(ctx)
	report.Redact(e.withAccounts)
	err = errors.Join(err, render.JSON(f, report), f.Close())
	if printErr := a.printClaims(report.Claims); printErr != nil {
		return errors.Join(err, printErr)
	}
	if err != nil {
		return err
	}
	asked := 0
	for _, claim := range report.Claims {
		if claim.Outcome != evidence.NotAsked {
			asked++
		}
	}
	a.reporter().Note(fmt.Sprintf("%s is written: %d of %d claims were asked; all that was made is removed",
		e.file, asked, len(report.Claims)))
	if asked < len(report.Claims) {
		return fmt.Errorf("%w: %s could not be asked", errIncomplete, plural(len(report.Claims)-asked, "claim"))
	}
	return nil
}

// evidenceFile makes the file, in the place of one that an interrupted run has left.
func evidenceFile(name string) (*os.File, error) {
	mode := os.O_EXCL
	var before evidence.Report
	data, err := os.ReadFile(name)
	if err == nil && json.Unmarshal(data, &before) == nil && before.Schema == evidence.Schema && before.Interrupted {
		mode = os.O_TRUNC
	}
	return os.OpenFile(name, os.O_WRONLY|os.O_CREATE|mode, 0o600)
}

// pause waits, or returns the context's error.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// near is the region that is asked, and another one of its provider, if there is one.
func (w *world) near(d regions.Resolution) (evidence.Region, *evidence.Region) {
	p := w.providers[d.Place.Provider]
	at := func(code string) evidence.Region {
		return evidence.Region{Name: p.name + ":" + code, Store: p.store.Region(code)}
	}
	for _, code := range p.store.Regions() {
		if code != d.Place.Code {
			far := at(code)
			return at(d.Place.Code), &far
		}
	}
	return at(d.Place.Code), nil
}

func (a *app) printClaims(claims []evidence.Claim) error {
	if a.output == "json" {
		return render.JSON(a.Out, claims)
	}
	var rows [][]string
	for _, c := range claims {
		outcome, observed := string(c.Outcome), c.Observed
		if outcome == "" {
			outcome, observed = "would be asked", "expected: "+c.Expected
		}
		rows = append(rows, []string{c.Claim, outcome, observed})
	}
	if a.output == "csv" {
		return render.CSV(a.Out, []string{"claim", "outcome", "observed"}, rows)
	}
	columns := []render.Column{{Name: "claim", Fold: true}, {Name: "outcome"}, {Name: "observed", Fold: true}}
	return render.Table(a.Out, columns, rows)
}
