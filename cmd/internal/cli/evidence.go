package cli

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/residency/residency/cmd/internal/render"
	"github.com/residency/residency/inventory/doctor/evidence"
	"github.com/residency/residency/inventory/objectstore"
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
		"test in buckets of its own whether the service of --to behaves as assumed, and write the\nresults to this `file`")
	c.Flags().BoolVar(&e.dryRun, "dry-run", false,
		"with --evidence: show what would be tested and created, and do nothing")
	c.Flags().BoolVar(&e.withAccounts, "with-account", false,
		"with --evidence: keep account numbers and user names in the file")
}

func (e *evidenceFlags) check(to string) error {
	switch {
	case e.file == "" && (e.dryRun || e.withAccounts):
		return &usageError{err: errors.New("--dry-run and --with-account need --evidence, which is missing")}
	case e.file != "" && to == "":
		return needTo(to)
	}
	return nil
}

// evidence asks the service of a region and writes down what it did.
func (a *app) evidence(ctx context.Context, to string, e evidenceFlags) error {
	c := &evidence.Collector{Now: a.now, Sleep: objectstore.Sleep, Tool: tool()}
	a.observe, a.keyless = c.Observe, true
	w, err := a.openStores(ctx)
	if err != nil {
		return err
	}
	d, err := a.destination(ctx, w, to)
	if err != nil {
		return err
	}
	if c.Near, c.Far, err = w.near(d); err != nil {
		return err
	}
	c.Name = "residency-evidence-" + strings.ToLower(rand.Text())[:10]
	fmt.Fprintf(a.Err, "These buckets are created at %s and removed at the end; nothing else is touched:\n",
		c.Near.Name)
	for _, b := range c.Buckets() {
		fmt.Fprintln(a.Err, "  "+b)
	}
	if e.dryRun {
		return a.printClaims(c.Plan())
	}
	// The file is there before anything is made: what cannot be written is not asked.
	f, err := evidenceFile(e.file)
	if err != nil {
		return &usageError{err: fmt.Errorf("--evidence: %w", err), remedy: "name a file that does not exist yet"}
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
	a.reporter().Note(fmt.Sprintf("%s written: %d of %d claims were tested; everything created was removed",
		e.file, asked, len(report.Claims)))
	if asked < len(report.Claims) {
		return fmt.Errorf("%w: %s could not be tested", errIncomplete, plural(len(report.Claims)-asked, "claim"))
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

// near is the region that is asked, and another one of its provider, if there is one.
func (w *session) near(d regions.Resolution) (near evidence.Region, far *evidence.Region, err error) {
	p := w.providers[d.Place.Provider]
	if p.Type != "aws" && p.Type != "s3" {
		return near, nil, &usageError{err: fmt.Errorf("--evidence: its claims are about S3, and %s is of type %s", p.name,
			p.Type)}
	}
	at := func(code string) (evidence.Region, error) {
		store, ok := p.store.Region(code).(evidence.Store)
		if !ok {
			return evidence.Region{},
				&usageError{err: fmt.Errorf("--evidence: no claims are made of services of type %s", p.Type)}
		}
		return evidence.Region{Name: p.name + ":" + code, Store: store}, nil
	}
	if near, err = at(d.Place.Code); err != nil {
		return near, nil, err
	}
	for _, code := range p.store.Regions() {
		if code != d.Place.Code {
			other, err := at(code)
			return near, &other, err
		}
	}
	return near, nil, nil
}

func (a *app) printClaims(claims []evidence.Claim) error {
	if a.output == "json" {
		return render.JSON(a.Out, claims)
	}
	var rows [][]string
	for _, c := range claims {
		outcome, observed := string(c.Outcome), c.Observed
		if outcome == "" {
			outcome, observed = "would be tested", "expected: "+c.Expected
		}
		rows = append(rows, []string{c.Claim, outcome, observed})
	}
	if a.output == "csv" {
		return render.CSV(a.Out, []string{"claim", "outcome", "observed"}, rows)
	}
	columns := []render.Column{{Name: "claim", Fold: true}, {Name: "outcome", Mark: true}, {Name: "observed", Fold: true}}
	return a.page.Table(a.Out, columns, rows)
}
