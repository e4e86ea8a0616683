package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/spf13/cobra"

	"github.com/residency/residency/cmd/internal/render"
	"github.com/residency/residency/inventory"
	"github.com/residency/residency/inventory/doctor"
	"github.com/residency/residency/migrate/record"
	"github.com/residency/residency/regions"
)

var errUnwell = errors.New("something is in the way")

func (a *app) doctorCommand() *cobra.Command {
	var to string
	var evidence evidenceFlags
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Check credentials, permissions, clocks and what the endpoints support",
		Long: `doctor checks the credentials, clock and location of every configured region. With
--customer it also checks whether each of that customer's buckets can be listed,
read and deleted from. With --to it tests what the destination's buckets refuse:
it writes to keys that nobody uses, and removes whatever was accepted. What an
endpoint supports is kept in the state for a day and shown from there. It also
measures how fast one object of up to 4 MiB is written and read, for at most three
seconds, unless the bucket has object lock. Nothing else is changed.

With --evidence it tests instead whether the service of --to behaves as this
program assumes: conditional deletes and writes, what the answer to a copy says,
the defaults of new buckets, how soon a policy takes effect, and so on. It creates
buckets of its own for that, names them first, and removes them at the end, also
when interrupted. The file lists each claim with its source, what was expected and
what was seen, with the headers of requests and responses: no credentials, no user
names, and only the last four digits of account numbers. It needs s3:* on
residency-evidence-* and s3:ListAllMyBuckets.`,
		Example: `  residency doctor
  residency doctor --customer acme --to eu-west
  residency doctor --to eu-west-1 --evidence evidence.json --dry-run`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := evidence.check(to); err != nil {
				return err
			}
			if evidence.file != "" {
				return a.evidence(c.Context(), to, evidence)
			}
			w, err := a.open(c.Context())
			if err != nil {
				return err
			}
			d := &doctor.Doctor{Now: a.now, Cache: record.Endpoints{Home: w.home}}
			if err := a.examine(c.Context(), w, d, to); err != nil {
				return err
			}
			return a.printChecks(d.Checks)
		},
	}
	evidence.addTo(c)
	c.Flags().StringVar(&to, "to", "", "also check the buckets at this destination `region`")
	return inFormats(c, "json", "csv")
}

func (a *app) examine(ctx context.Context, w *session, d *doctor.Doctor, to string) error {
	var destination regions.Resolution
	if to != "" {
		var err error
		if destination, _, err = a.resolve(ctx, w, to); err != nil {
			return err
		}
	}
	for _, name := range sortedKeys(w.providers) {
		p := w.providers[name]
		codes := p.store.Regions()
		if len(codes) == 0 {
			codes = []string{""} // AWS: one region answers for the account
		}
		for _, code := range codes {
			d.Region(ctx, name, code, p.store.Region(code))
			if to == "" {
				d.Known(ctx, name, code, p.store.Region(code))
			}
		}
	}
	if a.customer == "" && to == "" {
		return ctx.Err()
	}
	customer, err := a.oneCustomer(w)
	if err != nil {
		return err
	}
	request := a.request(w, customer, nil)
	request.Locate = true
	inv, err := inventory.Scan(ctx, request)
	if err != nil {
		return err
	}
	if inv.Complete && !slices.Contains(inv.Names, customer) {
		return w.unknown(customer, inv)
	}
	seen := map[string]bool{}
	for _, p := range inv.Places {
		if p.Customer != customer || p.Region == "" || seen[p.Provider+":"+p.Bucket] {
			continue
		}
		if to != "" && p.Provider == destination.Place.Provider && p.Region == destination.Place.Code {
			continue // it is there already
		}
		seen[p.Provider+":"+p.Bucket] = true
		d.Source(ctx, p.Provider, p.Bucket, w.providers[p.Provider].store.Region(p.Region))
		if to != "" {
			provider, code := destination.Place.Provider, destination.Place.Code
			bucket := w.config.BucketName(p.Location(), code, customer, p.Region)
			if !seen[provider+":"+bucket] {
				seen[provider+":"+bucket] = true
				d.Destination(ctx, provider, bucket, w.providers[provider].store.Region(code))
			}
		}
	}
	return ctx.Err()
}

func (a *app) printChecks(checks []doctor.Check) error {
	failed := 0
	rows := make([][]string, len(checks))
	for i, c := range checks {
		if c.Outcome == doctor.Failed {
			failed++
		}
		rows[i] = []string{c.Place, c.What, string(c.Outcome), c.Detail}
	}
	var err error
	switch a.output {
	case "json":
		err = render.JSON(a.Out, checks)
	case "csv":
		err = render.CSV(a.Out, []string{"place", "check", "outcome", "detail"}, rows)
	default:
		err = a.page.Table(a.Out, []render.Column{{Name: "place, check", Fold: true}, {Name: "outcome", Mark: true},
			{Name: "detail", Fold: true}}, grouped(rows))
	}
	if err == nil && failed > 0 {
		err = fmt.Errorf("%w: %s failed", errUnwell, plural(failed, "check"))
	}
	return err
}

// grouped puts the first cell of rows that share it into a row of its own.
func grouped(rows [][]string) [][]string {
	var out [][]string
	for i, row := range rows {
		if i == 0 || row[0] != rows[i-1][0] {
			head := make([]string, len(row)-1)
			head[0] = row[0]
			out = append(out, head)
		}
		line := append([]string{"  " + row[1]}, row[2:]...)
		out = append(out, line)
	}
	return out
}
